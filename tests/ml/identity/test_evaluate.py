"""Anyone can judge the identification on their own labelled file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ml.identity.cli import identity_app
from ml.identity.evaluate import Evaluation, evaluate, parse_mapping
from warehouse.errors import LivingCrmError
from warehouse.policy import Policy

MAPPING = "name=given_name+surname,birth_date=date_of_birth,postcode=postcode,address=street+suburb"
HEADER = "given_name,surname,date_of_birth,postcode,street,suburb,who"
ROWS = [
    "anna,mcdonald,19800304,2600,12 stanley street,braddon,1",
    "ana,mcdonald,1980-03-04,2600,12 stanley st,braddon,1",
    "peter,o'brien,19711130,3054,7 drummond road,carlton,2",
    "maria,rossi,19650101,4006,88 ann street,newstead,3",
    "rossi,maria,19650101,4006,88 ann street,newstead,3",
]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(*rows: str, name: str = "records.csv", header: str = HEADER) -> Path:
        file = tmp_path / name
        file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return file

    return to


def run(policy: Policy, *files: Path, one_to_one: bool = False) -> Evaluation:
    return evaluate(files, "who", parse_mapping(MAPPING), policy, one_to_one=one_to_one)


def test_the_records_of_one_person_are_found_and_counted(policy: Policy, write: Write) -> None:
    found = run(policy, write(*ROWS))
    assert (found.records, found.true_pairs, found.linked_pairs) == (5, 2, 2)
    assert found.precision == found.recall == found.f1 == found.b_cubed_f1 == 1


def test_the_labels_change_no_link(policy: Policy, write: Write) -> None:
    swapped = [row.rpartition(",")[0] + f",{number}" for number, row in enumerate(ROWS)]
    found = run(policy, write(*swapped))
    assert (found.linked_pairs, found.true_pairs, found.precision) == (2, 0, 0)


def test_one_to_one_links_only_records_of_both_files(policy: Policy, write: Write) -> None:
    first, second = write(*ROWS[::2]), write(*ROWS[1::2], name="others.csv")
    found = run(policy, first, second, one_to_one=True)
    assert (found.linked_pairs, found.precision, found.recall) == (2, 1, 1)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("name", "not of the form"),
        ("nickname=given_name", "There is no field 'nickname'"),
        ("name=given_name,name=surname", "mapped twice"),
        ("name=nickname", "no column nickname"),
    ],
)
def test_a_wrong_mapping_is_an_error_of_one_line(
    policy: Policy, write: Write, mapping: str, says: str
) -> None:
    with pytest.raises(LivingCrmError, match=says) as error:
        evaluate([write(*ROWS)], "who", parse_mapping(mapping), policy)
    assert "\n" not in str(error.value)


def test_a_wrong_file_is_an_error_of_one_line(policy: Policy, write: Write, tmp_path: Path) -> None:
    for rows, says in [
        ([], "0 records"),
        ([ROWS[0], ROWS[1].rpartition(",")[0] + ","], "1 records have no label"),
        ([ROWS[0], '"a,b'], "cannot be read as CSV"),
    ]:
        with pytest.raises(LivingCrmError, match=says):
            run(policy, write(*rows))
    with pytest.raises(LivingCrmError, match="There is no file"):
        run(policy, tmp_path / "nowhere.csv")
    with pytest.raises(LivingCrmError, match="One file cannot be linked one to one"):
        run(policy, write(*ROWS), one_to_one=True)


def test_the_command_prints_and_writes_the_figures(write: Write, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["evaluate", str(write(*ROWS)), "--truth", "who", "--map", MAPPING]
    result = CliRunner().invoke(identity_app, [*arguments, "--json", str(figures)])
    assert result.exit_code == 0, result.output
    assert json.loads(figures.read_text())["f1"] == 1
    assert "1.0000" in result.output

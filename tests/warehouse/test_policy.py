"""The policy is validated on load; an error names the key, the value and what is allowed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from warehouse.errors import PolicyError
from warehouse.policy import load_policy
from warehouse.settings import REPOSITORY


@pytest.fixture
def document() -> Any:
    return yaml.safe_load((REPOSITORY / "policy.yml").read_text(encoding="utf-8"))


def _load(tmp_path: Path, document: Any) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    load_policy(file)


def test_the_committed_policy_is_valid() -> None:
    assert load_policy(REPOSITORY / "policy.yml").version == 1


@pytest.mark.parametrize(
    ("section", "key", "value", "says"),
    [
        ("populations", "live_within_days", 0, "populations.live_within_days is 0.*greater than"),
        ("populations", "live_within_days", "28", "populations.live_within_days is '28'.*integer"),
        ("populations", "window", "own_rhythm", "own_rhythm with factor, min_days and max_days"),
        (
            "populations",
            "own_rhythm",
            {"factor": 3.0, "min_days": 90, "max_days": 60},
            "min_days not above max_days",
        ),
        (
            "contact",
            "holdout_share",
            0.9,
            "contact.holdout_share is 0.9.*less than or equal",
        ),
        ("contact", "max_contacts", 3, "unknown key contact.max_contacts.*holdout_salt"),
        ("training", "snapshot_count", 3, "training.snapshot_count is 3.*equal to 8"),
        ("training", "test_snapshot_count", 16, "test_snapshot_count smaller than"),
        ("value_classes", "prime", 0.2, "value_classes is .*shares that sum to 1"),
        (None, "time_zone", "Mars/Olympus", "time_zone is 'Mars/Olympus'.*IANA"),
        (None, "horizon", 28, "unknown key horizon.*horizon_days"),
        (None, "language", "fr", "language is 'fr'.*'en' or 'ko'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    tmp_path: Path, document: Any, section: str | None, key: str, value: object, says: str
) -> None:
    (document[section] if section else document)[key] = value
    with pytest.raises(PolicyError) as error:
        _load(tmp_path, document)
    assert re.search(says, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(tmp_path: Path, document: Any) -> None:
    del document["contact"]["holdout_salt"]
    with pytest.raises(PolicyError, match=r"contact\.holdout_salt is missing"):
        _load(tmp_path, document)


def test_an_unknown_key_of_a_list_names_the_keys_of_a_list(tmp_path: Path, document: Any) -> None:
    document["lists"]["win_back"]["ranked_by"] = "probability"
    with pytest.raises(PolicyError, match=r"unknown key lists\.win_back\.ranked_by.*rank_by"):
        _load(tmp_path, document)


def test_a_file_that_is_not_yaml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text("version: 1\nlists: [\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="line 3 is not YAML"):
        load_policy(tmp_path / "policy.yml")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.yml is missing"):
        load_policy(tmp_path / "nowhere.yml")

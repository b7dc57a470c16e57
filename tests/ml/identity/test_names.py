"""Names meet whichever script, order and spelling they came in."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.name_sets import read_names
from ml.identity.names import Name, read_name


@pytest.mark.parametrize(
    "spellings",
    [
        ("김민수", "김 민수", "김민수님", "KIM Min-su", "Minsu Kim", "Min Soo Kim", "Gim Min-soo"),
        ("이영희", "Lee Young-hee", "Yi Yeonghui", "Rhee Young Hee", "Younghee Lee"),
        ("박정은", "Park Jung-eun", "Bak Jeongeun", "Jung Eun Pak"),
        ("최현우", "Choi Hyun-woo", "Choe Hyeonu"),
        ("임지우", "Lim Ji-woo", "Im Jiu", "Yim Jiwoo"),
        ("남궁성", "Namgung Sung", "Seong Namkoong"),
        ("정아린", "Jung Ah-rin", "Chung Arin"),
    ],
)
def test_the_usual_spellings_of_a_korean_name_sound_alike(spellings: tuple[str, ...]) -> None:
    sounds = {name.sound for text in spellings if (name := read_name(text))}
    assert len(sounds) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("김민수", "김민지"), ("김민수", "박민수"), ("이영희", "이영호")]
)
def test_other_names_sound_otherwise(one: str, other: str) -> None:
    first, second = read_name(one), read_name(other)
    assert first and second and first.sound != second.sound


def test_a_latin_name_is_the_same_in_either_order_and_without_accents() -> None:
    first, second = read_name("Dr. Seán O'Brien"), read_name("OBRIEN, Sean")
    assert first and second
    assert first.written == second.written == "obrien sean"


@pytest.mark.parametrize("text", ["", "  ", "...", "7", "홍", "Mr."])
def test_what_holds_no_name_is_none(text: str) -> None:
    assert read_name(text) is None


@given(st.lists(st.text(alphabet="abdeghijklmnoprstuwy", min_size=2), min_size=2, max_size=3))
def test_the_family_name_may_stand_at_either_end(parts: list[str]) -> None:
    first = read_name(" ".join(parts))
    second = read_name(" ".join([*parts[1:], parts[0]]))
    if first and second:
        assert first.sound == second.sound


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_can_be_read(text: str) -> None:
    read_name(text)


_HANGUL_NAME = st.text("김남궁황보민수지님씨부장", min_size=1, max_size=6)
_LATIN_NAME = st.text("KIMihnaoegyR- ", min_size=1, max_size=14) | st.lists(
    st.sampled_from(["Kim", "Min-su", "Dr", "MS", "a", "Namgung", "ah-Rin", "Soo"]), max_size=4
).map(" ".join)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB for all examples."""
    with duckdb.connect() as connection:
        yield connection


@given(st.lists(_HANGUL_NAME | _LATIN_NAME | st.text(max_size=6), min_size=5, max_size=60))
@settings(max_examples=25, deadline=None)
def test_names_read_as_sets_are_what_each_is_read_as_alone(
    engine: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    values = sorted({text for text in texts if "\0" not in text})
    engine.execute(
        "create or replace temp table texts as select unnest(?::varchar[]) as value", [values]
    )
    read_names(engine, ["김민수"])
    columns = ", ".join(("value", *Name._fields))
    found = engine.execute(f"select {columns} from read_names").fetchall()
    expected = {
        text: (*name[:4], list(name.parts), name.is_hangul)
        for text in values
        if (name := read_name(text)) and name.written != "김민수"
    }
    assert {text: tuple(name) for text, *name in found} == expected

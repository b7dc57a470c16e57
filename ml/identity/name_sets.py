"""Reads all distinct names of a pairing: those of a plain shape as sets, the others one by one.

Most names are two to four Hangul syllables, or Latin words of plain letters. What `names` makes of
them rests on their syllables or words alone, of which there are few; so Python reads each of these
once, and DuckDB puts the names together. That both ways agree is tested by properties.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from ml.identity.engine import make_table
from ml.identity.names import (
    LATIN_TITLES,
    LONG_FAMILY_NAMES,
    TITLES,
    read_name,
    sound_of_latin,
    sound_of_syllable,
)

_SOUNDS = pa.schema([("part", pa.string()), ("sound", pa.string())])
_NAMES = pa.schema(
    [(column, pa.string()) for column in ("value", "written", "flat", "turned", "sound")]
    + [("parts", pa.list_(pa.string())), ("is_hangul", pa.bool_())]
)
_MOST_SYLLABLES = 4
_HANGUL = (
    f"regexp_full_match(value, '[가-힣]{{2,{_MOST_SYLLABLES}}}')"
    f" and not regexp_matches(value[3:], '({'|'.join(TITLES)})$')"
)
_LATIN = "regexp_full_match(value, '[A-Za-z]+([ -][A-Za-z]+)*')"
_LEAST_ROTATION = (
    "list_min(list_transform(range(1, len({0}) + 1), lambda place: {0}[place:] || {0}[:place - 1]))"
)


def read_names(connection: duckdb.DuckDBPyConnection, placeholders: Sequence[str]) -> None:
    """Makes `read_names` of the column `value` of `texts`, without what can't be read.

    Columns: value, and those of `names.Name`.

    Args:
        placeholders: names that stand for nobody; they count as unread.
    """
    _read_hangul(connection)
    _read_latin(connection)
    others = connection.execute(
        f"select value from texts where not ({_HANGUL}) and not {_LATIN}"
    ).fetchall()
    found = [(text, *name) for (text,) in others if (name := read_name(text))]
    make_table(connection, "other_names", found, _NAMES)
    unknown = [name.written for text in placeholders if (name := read_name(text))]
    connection.execute(
        """
        create or replace temp table read_names as
        select * from (
            from hangul_names
            union all by name from latin_names
            union all by name from other_names
        ) as found
        where not list_contains(?::varchar[], written)
        """,
        [unknown],
    )
    for table in ("hangul_names", "latin_names", "other_names", "sounds"):
        connection.execute(f"drop table {table}")


def _read_hangul(connection: duckdb.DuckDBPyConnection) -> None:
    syllables = connection.execute(
        f"select distinct unnest(string_split(value, '')) from texts where {_HANGUL}"
    ).fetchall()
    heard = [(syllable, sound_of_syllable(syllable)) for (syllable,) in syllables]
    make_table(connection, "sounds", heard, _SOUNDS)
    places = range(1, _MOST_SYLLABLES + 1)
    each = [f"coalesce(syllable_{place}.sound, '')" for place in places]
    long = ", ".join(f"'{name}'" for name in sorted(LONG_FAMILY_NAMES))
    connection.execute(
        f"""
        create or replace temp table hangul_names as
        with heard as (
            select
                value,
                case
                    when value[:2] in ({long}) and len(value) > 2 then {" || ".join(each[:2])}
                    else {each[0]}
                end as family,
                {" || ".join(each)} as whole
            from texts
            {
            " ".join(
                f"left join sounds as syllable_{place}"
                f" on texts.value[{place}:{place}] = syllable_{place}.part"
                for place in places
            )
        }
            where {_HANGUL}
        )

        select
            value,
            value as written,
            value as flat,
            value as turned,
            {_LEAST_ROTATION.format("whole")} as sound,
            [family, whole[len(family) + 1:]] as parts,
            true as is_hangul
        from heard
        """
    )


def _read_latin(connection: duckdb.DuckDBPyConnection) -> None:
    titles = ", ".join(f"'{title}'" for title in sorted(LATIN_TITLES))
    connection.execute(
        f"""
        create or replace temp table latin_words as
        select
            value,
            list_filter(
                string_split(lower(replace(value, '-', '')), ' '),
                lambda word: word not in ({titles})
            ) as parts
        from texts
        where {_LATIN}
        """
    )
    words = connection.execute("select distinct unnest(parts) from latin_words").fetchall()
    make_table(connection, "sounds", [(word, sound_of_latin(word)) for (word,) in words], _SOUNDS)
    connection.execute(
        f"""
        create or replace temp table latin_names as
        with placed as (
            select value, unnest(parts) as part, generate_subscripts(parts, 1) as place
            from latin_words
        ),

        heard as (
            select value, string_agg(sounds.sound, '' order by place) as whole
            from placed
            inner join sounds using (part)
            group by value
        )

        select
            value,
            array_to_string(list_sort(parts), ' ') as written,
            array_to_string(parts, '') as flat,
            parts[-1] || array_to_string(parts[:-2], '') as turned,
            {_LEAST_ROTATION.format("whole")} as sound,
            parts,
            false as is_hangul
        from latin_words
        inner join heard using (value)
        where len(array_to_string(parts, '')) >= 2;

        drop table latin_words
        """
    )

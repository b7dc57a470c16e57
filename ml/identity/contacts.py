"""Reads the phones and mails of a pairing: most of them as sets, each unusual one by itself.

Libraries know which numbers and addresses there are. What they decide by is the same for many, the
leading digits of a phone and the domain of a mail, so they are asked once for each of these.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from collections.abc import Callable, Sequence

import duckdb
import phonenumbers
import pyarrow as pa
from email_validator import EmailNotValidError, validate_email

from ml.identity.engine import make_table

# So many leading digits decide whether a number is one, and of which country: E.164 gives up to
# three of them to the country, and the national plans allot numbers by the next few.
_DECIDING_DIGITS = 7

_LOCAL_PART = r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*"

_PAIR_OF_TEXTS = pa.schema([("value", pa.string()), ("read", pa.string())])


def read_phones(
    connection: duckdb.DuckDBPyConnection, country: str, placeholders: Sequence[str]
) -> None:
    """Makes `read_phones` (value, number) of the column `value` of `texts`.

    One number is read for all that share the leading digits, and the others are written like it.

    Args:
        country: two capital letters; that of a number without one.
        placeholders: numbers that are nobody's; they count as unread.
    """
    connection.execute(
        f"""
        create or replace temp table digits as
        select
            value,
            regexp_replace(value, '[^0-9]', '', 'g') as digits,
            case when value similar to ' *\\+[-+0-9 .()/]*' then '+'
                when value similar to '[-0-9 .()/]*' then '' end as opening,
            opening || len(digits) || '/' || digits[:{_DECIDING_DIGITS}] as shape
        from texts
        """
    )
    shapes = connection.execute(
        "select shape, min(opening || digits) from digits where shape is not null group by shape"
    ).fetchall()
    alike, alone = [], []
    for shape, example in shapes:
        number = read_phone(example, country)
        if number is None:
            continue
        digits = example.lstrip("+")
        shared = _shared_ending(digits, number)
        if len(digits) - shared <= _DECIDING_DIGITS:
            alike.append((shape, len(digits) - shared, number[: len(number) - shared]))
        else:
            alone.append(shape)
    make_table(
        connection, "shapes", alike,
        pa.schema([("shape", pa.string()), ("dropped", pa.int64()), ("put", pa.string())]),
    )  # fmt: skip
    odd = connection.execute(
        "select value from digits where shape is null or list_contains(?::varchar[], shape)",
        [alone],
    ).fetchall()
    numbers = [(text, number) for (text,) in odd if (number := read_phone(text, country))]
    make_table(connection, "odd_numbers", numbers, _PAIR_OF_TEXTS)
    unknown = [read_phone(text, country) or text for text in placeholders]
    connection.execute(
        """
        create or replace temp table read_phones as
        with found as (
            select value, put || digits[dropped + 1:] as number from digits inner join shapes
                using (shape)
            union all
            select value, read from odd_numbers
        )
        select value, number from found where not list_contains(?::varchar[], number)
        """,
        [unknown],
    )
    for table in ("digits", "shapes", "odd_numbers"):
        connection.execute(f"drop table {table}")


def read_mails(connection: duckdb.DuckDBPyConnection, placeholders: Sequence[str]) -> None:
    """Makes `read_emails` (value, mail, local) of the column `value` of `texts`.

    Ordinary addresses are read by their domain, each once; all others one by one.

    Args:
        placeholders: addresses that are nobody's; they are left out.
    """
    connection.execute(
        f"""
        create or replace temp table mails as
        select
            value,
            split_part(lower(trim(value)), '@', 1) as local,
            split_part(lower(trim(value)), '@', 2) as domain,
            regexp_full_match(lower(trim(value)), '{_LOCAL_PART}@[a-z0-9.-]+')
                and len(local) <= 64 as is_ordinary
        from texts
        """
    )
    domains = _read_each(
        connection,
        "select distinct domain from mails where is_ordinary",
        lambda domain: domain if read_mail(f"a@{domain}") else None,
    )
    make_table(connection, "domains", domains, _PAIR_OF_TEXTS)
    others = _read_each(connection, "select value from mails where not is_ordinary", read_mail)
    make_table(connection, "other_mails", others, _PAIR_OF_TEXTS)
    connection.execute(
        """
        create or replace temp table read_emails as
        select
            mails.value,
            case
                when domains.value is not null then mails.local || '@' || mails.domain
                else other_mails.read
            end as mail,
            -- What stands before the @ tells a person also where the rest was mistyped.
            case when len(mails.local) >= 4 and mails.domain != '' then mails.local end as local
        from mails
        left join domains on mails.is_ordinary and mails.domain = domains.value
        left join other_mails on mails.value = other_mails.value
        where not list_contains(?::varchar[], lower(trim(mails.value)))
        """,
        [[text.casefold() for text in placeholders]],
    )
    for table in ("mails", "domains", "other_mails"):
        connection.execute(f"drop table {table}")


def read_phone(text: str, country: str) -> str | None:
    """Returns a number as E.164 without its plus; none where it is no valid number.

    Args:
        text: as it was typed; without a country's number it is taken for one of `country`.
        country: two capital letters.
    """
    for attempt in (text, f"0{text}"):  # spreadsheets drop the nought in front
        try:
            number = phonenumbers.parse(attempt, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return f"{number.country_code}{number.national_number}"
    return None


def read_mail(text: str) -> str | None:
    """Returns a mail address in small letters; none where it is none."""
    try:
        return validate_email(text, check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return None


def _read_each(
    connection: duckdb.DuckDBPyConnection, query: str, read: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    texts = connection.execute(query).fetchall()
    return [(text, value) for (text,) in texts if (value := read(text)) is not None]


def _shared_ending(one: str, other: str) -> int:
    """Returns how many characters two texts share at their ends."""
    size = 0
    while size < min(len(one), len(other)) and one[-1 - size] == other[-1 - size]:
        size += 1
    return size

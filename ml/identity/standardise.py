"""Brings the person records of all sources into one form, in which they can be compared.

The work is DuckDB's; what needs a library or a rule in Python (names, unusual phones and mails) is
done once for each distinct value. Nothing is corrected and nothing guessed: a value that cannot be
read is unknown.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import phonenumbers
import pyarrow as pa
from email_validator import EmailNotValidError, validate_email

from ml.identity.names import read_name
from warehouse.policy import Policy

# What is read of a person record, and its type in DuckDB.
RECORD_COLUMNS = {
    "source": "varchar",
    "source_customer_id": "varchar",
    "record_hash": "bigint",
    "exact_keys": "varchar[]",
    "person_name": "varchar",
    "phone": "varchar",
    "email": "varchar",
    "birth_date": "date",
    "postcode": "varchar",
    "address": "varchar",
    "former_names": "varchar[]",
    "former_phones": "varchar[]",
    "former_emails": "varchar[]",
    "former_addresses": "varchar[]",
    "first_seen": "date",
    "given_days": "integer",  # since then, until somebody last gave these details
    "phone_changed": "date",
    "is_hearsay": "boolean",  # of a list of names: others wrote down what they heard
}

# So many leading digits decide whether a number is one, and of which country: E.164 gives up to
# three of them to the country, and the national plans allot numbers by the next few.
_DECIDING_DIGITS = 7

_LOCAL_PART = r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*"

# The long names of regions that many leave out, and words that only say what a number counts.
_ADDRESS_WORDS = (
    ("특별시|광역시|특별자치시|특별자치도", ""),
    ("경기도", "경기"), ("강원도", "강원"), ("제주도", "제주"),
    ("충청(북|남)도", r"충\1"), ("전라(북|남)도", r"전\1"), ("경상(북|남)도", r"경\1"),
    ("([0-9]) *(동|호|층|번지)", r"\1 "),
)  # fmt: skip


def standardise(connection: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Makes the table `standard` of the table `records`, one row for each of its rows.

    Its columns: record, the row's number in `records`; source, source_customer_id, record_hash,
    exact_keys; name_written, name_flat, name_turned, name_sound, name_parts and is_hangul of the
    name; phone (E.164), email, mail_name (what stands before the @), birth (YYYYMMDD), postcode; of
    the address its parts, its words as one text, its numbers, and each word with what stands before
    it; and of all values ever known the sorted lists name_sounds, phones, emails, mail_names and
    homes; first_seen, given_days, phone_changed and is_hearsay as they are. What is not known is
    null, and so is what the policy calls a placeholder.
    """
    _read_names(connection, policy.placeholders.names)
    _read_phones(connection, policy.identity.country, policy.placeholders.phones)
    _read_mails(connection, policy.placeholders.emails)
    _read_addresses(connection)
    births = ", ".join(f"date '{day}'" for day in policy.placeholders.birth_dates)
    connection.execute(
        f"""
        create or replace table standard as
        with name_lists as ({_all_known("names", "person_name", "sound as name_sounds")}),
        phone_lists as ({_all_known("phones", "phone", "number as phones")}),
        mail_lists as ({_all_known("emails", "email", "mail as emails", "local as mail_names")}),
        address_lists as ({_all_known("addresses", "address", "home as homes")})
        select
            records.rowid + 1 as record,
            records.source,
            records.source_customer_id,
            records.record_hash,
            case when len(records.exact_keys) > 0 then records.exact_keys end as exact_keys,
            names.written as name_written,
            names.flat as name_flat,
            names.turned as name_turned,
            names.sound as name_sound,
            names.parts as name_parts,
            names.is_hangul,
            name_lists.name_sounds,
            phones.number as phone,
            phone_lists.phones,
            emails.mail as email,
            emails.local as mail_name,
            mail_lists.emails,
            mail_lists.mail_names,
            case
                when not list_contains([{births}]::date[], records.birth_date)
                    then strftime(records.birth_date, '%Y%m%d')
            end as birth,
            nullif(regexp_replace(lower(records.postcode), '[^0-9a-z]', '', 'g'), '') as postcode,
            addresses.parts as address_parts,
            addresses.words as address_words,
            addresses.pairs as address_pairs,
            addresses.numbers as house_numbers,
            address_lists.homes,
            records.first_seen,
            records.given_days,
            records.phone_changed,
            records.is_hearsay
        from records
        left join read_names as names on records.person_name = names.value
        left join read_phones as phones on records.phone = phones.value
        left join read_emails as emails on records.email = emails.value
        left join read_addresses as addresses on records.address = addresses.value
        left join name_lists on records.rowid = name_lists.place
        left join phone_lists on records.rowid = phone_lists.place
        left join mail_lists on records.rowid = mail_lists.place
        left join address_lists on records.rowid = address_lists.place
        """
    )
    for kind in ("names", "phones", "emails", "addresses"):
        connection.execute(f"drop table read_{kind}")


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


def _all_known(kind: str, column: str, *values: str) -> str:
    """SQL for the sorted lists of all values ever known of a column, by the record's place."""
    lists = []
    for value in values:
        name, alias = value.split(" as ")
        lists.append(f"list_sort(list(distinct {name}) filter ({name} is not null)) as {alias}")
    return f"""
        select place, {", ".join(lists)}
        from (
            select rowid as place, unnest(list_append(former_{kind}, {column})) as value
            from records
        ) as known
        inner join read_{kind} using (value)
        group by place
    """


def _distinct(connection: duckdb.DuckDBPyConnection, kind: str, column: str) -> None:
    """Makes the table `texts` of all distinct values of a column and of its former ones."""
    connection.execute(
        f"""
        create or replace temp table texts as
        select {column} as value from records where {column} is not null
        union
        select unnest(former_{kind}) from records
        """
    )


def _read_names(connection: duckdb.DuckDBPyConnection, placeholders: Sequence[str]) -> None:
    unknown = {name.written for text in placeholders if (name := read_name(text))}
    _distinct(connection, "names", "person_name")
    found = [
        (text, *name)
        for (text,) in connection.execute("select value from texts").fetchall()
        if (name := read_name(text)) and name.written not in unknown
    ]
    schema = pa.schema(
        [(column, pa.string()) for column in ("value", "written", "flat", "turned", "sound")]
        + [("parts", pa.list_(pa.string())), ("is_hangul", pa.bool_())]
    )
    _register(connection, "read_names", found, schema)


def _read_phones(
    connection: duckdb.DuckDBPyConnection, country: str, placeholders: Sequence[str]
) -> None:
    """Reads one number for all that share the leading digits, and writes the others like it."""
    _distinct(connection, "phones", "phone")
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
    _register(
        connection, "shapes", alike,
        pa.schema([("shape", pa.string()), ("dropped", pa.int64()), ("put", pa.string())]),
    )  # fmt: skip
    odd = connection.execute(
        "select value from digits where shape is null or list_contains(?::varchar[], shape)",
        [alone],
    ).fetchall()
    numbers = [(text, number) for (text,) in odd if (number := read_phone(text, country))]
    _register(connection, "odd_numbers", numbers, _PAIR_OF_TEXTS)
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


def _read_mails(connection: duckdb.DuckDBPyConnection, placeholders: Sequence[str]) -> None:
    """Reads ordinary addresses by their domain, each once; all others one by one."""
    _distinct(connection, "emails", "email")
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
    _register(connection, "domains", domains, _PAIR_OF_TEXTS)
    others = _read_each(connection, "select value from mails where not is_ordinary", read_mail)
    _register(connection, "other_mails", others, _PAIR_OF_TEXTS)
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


def _read_addresses(connection: duckdb.DuckDBPyConnection) -> None:
    _distinct(connection, "addresses", "address")
    words = "lower(value)"
    for pattern, replacement in _ADDRESS_WORDS:
        words = f"regexp_replace({words}, '{pattern}', '{replacement}', 'g')"
    connection.execute(
        rf"""
        create or replace temp table read_addresses as
        select
            value,
            list_sort(list_distinct(regexp_extract_all({words}, '[0-9]+|\p{{L}}+'))) as parts,
            nullif(regexp_replace({words}, '[^\p{{L}}]', '', 'g'), '') as words,
            nullif(list_filter(parts, lambda part: part < 'A'), []) as numbers,
            regexp_extract_all({words}, '[0-9]+|\p{{L}}+') as in_order,
            nullif(
                list_sort(list_distinct(list_filter(
                    list_transform(
                        list_zip(in_order[:-2], in_order[2:]),
                        lambda two: case when two[2] >= 'A' then two[1] || ' ' || two[2] end),
                    lambda two: two is not null))),
                []
            ) as pairs,
            case when len(parts) > 1 then array_to_string(parts, ' ') end as home
        from texts
        """
    )


def _read_each(
    connection: duckdb.DuckDBPyConnection, query: str, read: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    texts = connection.execute(query).fetchall()
    return [(text, value) for (text,) in texts if (value := read(text)) is not None]


_PAIR_OF_TEXTS = pa.schema([("value", pa.string()), ("read", pa.string())])


def _register(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: Sequence[tuple[Any, ...]],
    schema: pa.Schema,
) -> None:
    """Makes a table of rows."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [
        pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=schema)
    connection.register("rows_of_table", table)
    connection.execute(f"create or replace temp table {name} as select * from rows_of_table")
    connection.unregister("rows_of_table")


def _shared_ending(one: str, other: str) -> int:
    """Returns how many characters two texts share at their ends."""
    size = 0
    while size < min(len(one), len(other)) and one[-1 - size] == other[-1 - size]:
        size += 1
    return size

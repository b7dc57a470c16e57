"""Brings the person records of all sources into one form, in which they can be compared.

The work is DuckDB's; what needs a library or a rule in Python (names, phones, mails) is done once
for each distinct value, or for what many values share. Nothing is corrected and nothing guessed: a
value that cannot be read is unknown.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import duckdb

from ml.identity.contacts import read_mails, read_phones
from ml.identity.name_sets import read_names
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

# The long names of regions that many leave out.
_LONG_NAMES = {
    "특별시": "", "광역시": "", "특별자치시": "", "특별자치도": "",
    "경기도": "경기", "강원도": "강원", "제주도": "제주",
    "충청북도": "충북", "충청남도": "충남", "전라북도": "전북", "전라남도": "전남",
    "경상북도": "경북", "경상남도": "경남",
}  # fmt: skip
# Words that only say what a number counts.
_COUNTED = "([0-9]) *(동|호|층|번지)"

# Of each kind of value: its column, and in which lists its readings stand.
_KINDS = {
    "names": ("person_name", {"sound": "name_sounds"}),
    "phones": ("phone", {"number": "phones"}),
    "emails": ("email", {"mail": "emails", "local": "mail_names"}),
    "addresses": ("address", {"home": "homes"}),
}


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
    placeholders = policy.placeholders
    _take_texts(connection, "names")
    read_names(connection, placeholders.names)
    _take_texts(connection, "phones")
    read_phones(connection, policy.identity.country, placeholders.phones)
    _take_texts(connection, "emails")
    read_mails(connection, placeholders.emails)
    _take_texts(connection, "addresses")
    _read_addresses(connection)
    for kind in _KINDS:
        _list_former(connection, kind)
    births = ", ".join(f"date '{day}'" for day in placeholders.birth_dates)
    connection.execute(
        f"""
        create or replace table standard as
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
            {_all_known("names")},
            phones.number as phone,
            {_all_known("phones")},
            emails.mail as email,
            emails.local as mail_name,
            {_all_known("emails")},
            case
                when not list_contains([{births}]::date[], records.birth_date)
                    then strftime(records.birth_date, '%Y%m%d')
            end as birth,
            nullif(regexp_replace(lower(records.postcode), '[^0-9a-z]', '', 'g'), '') as postcode,
            addresses.parts as address_parts,
            addresses.words as address_words,
            addresses.pairs as address_pairs,
            addresses.numbers as house_numbers,
            {_all_known("addresses")},
            records.first_seen,
            records.given_days,
            records.phone_changed,
            records.is_hearsay
        from records
        {
            " ".join(
                f"left join read_{kind} as {kind} on records.{column} = {kind}.value"
                f" left join former_{kind} on records.rowid = former_{kind}.place"
                for kind, (column, _) in _KINDS.items()
            )
        }
        """
    )
    for kind in _KINDS:
        connection.execute(f"drop table read_{kind}; drop table former_{kind}")
    connection.execute("drop table texts")


def _take_texts(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Makes the table `texts` of all distinct values of a kind, former ones too."""
    column, _ = _KINDS[kind]
    connection.execute(
        f"""
        create or replace temp table texts as
        select {column} as value from records where {column} is not null
        union
        select unnest(former_{kind}) from records where len(former_{kind}) > 0
        """
    )


def _list_former(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Makes, of the records that have former values, the sorted lists of all values ever known."""
    column, readings = _KINDS[kind]
    lists = ", ".join(
        f"list_sort(list(distinct {reading}) filter ({reading} is not null)) as {name}"
        for reading, name in readings.items()
    )
    connection.execute(
        f"""
        create or replace temp table former_{kind} as
        select place, {lists}
        from (
            select rowid as place, unnest(list_append(former_{kind}, {column})) as value
            from records
            where len(former_{kind}) > 0
        ) as known
        inner join read_{kind} using (value)
        group by place
        """
    )


def _all_known(kind: str) -> str:
    """SQL for the lists of all values ever known: of most records it is the one they give."""
    return ", ".join(
        f"""
        case
            when len(records.former_{kind}) > 0 then former_{kind}.{name}
            when {kind}.{reading} is not null then [{kind}.{reading}]
        end as {name}
        """
        for reading, name in _KINDS[kind][1].items()
    )


def _read_addresses(connection: duckdb.DuckDBPyConnection) -> None:
    short = "lower(value)"
    for long, left in _LONG_NAMES.items():
        short = f"replace({short}, '{long}', '{left}')"
    connection.execute(
        rf"""
        create or replace temp table read_addresses as
        with divided as materialized (
            select
                value,
                regexp_extract_all(
                    regexp_replace({short}, '{_COUNTED}', '\1 ', 'g'), '[0-9]+|\p{{L}}+'
                ) as in_order
            from texts
        ),

        sorted as materialized (
            select value, in_order, list_sort(list_distinct(in_order)) as parts from divided
        )

        select
            value,
            parts,
            nullif(array_to_string(list_filter(in_order, lambda part: part >= 'A'), ''), '')
                as words,
            nullif(list_filter(parts, lambda part: part < 'A'), []) as numbers,
            nullif(
                list_sort(list_distinct(list_filter(
                    list_transform(
                        list_zip(in_order[:-2], in_order[2:]),
                        lambda two: case when two[2] >= 'A' then two[1] || ' ' || two[2] end),
                    lambda two: two is not null))),
                []
            ) as pairs,
            case when len(parts) > 1 then array_to_string(parts, ' ') end as home
        from sorted
        """
    )

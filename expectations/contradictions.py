"""How often one source contradicts another about the same person: more of `ops.field_vitality`.

It rests on who is who, so it is measured once tonight's persons are known, and not with the rest.
"""

from psycopg import sql

from expectations.fields import normal, placeholders
from warehouse.catalog import FieldKind, source_tables
from warehouse.context import RunContext

# So many person records give a share to a fraction of a percent, however many persons there are.
LOOKED_AT_RECORDS = 100_000

_KINDS: tuple[FieldKind, ...] = (
    "person_name", "phone", "email", "birth_date", "postcode", "address",
)  # fmt: skip
_RECORDS = "intermediate.int_persons__unioned"

# A source contradicts a value where it knows the person, but not with that value: of several phones
# it may know, one is enough to agree. A value's own source always agrees with it.
_COMPARE = sql.SQL(
    """
    with persons as (
        select person_id from identity.person_links
        where cast(cast('x' || substring(md5(person_id), 1, 8) as bit(32)) as bigint)
            <= 4294967295 * (
                select {looked_at} / greatest(count(*), 1)::double precision
                from identity.person_links
            )
        group by person_id having min(source) < max(source)
    ),
    filled as (
        select links.person_id, records.source, filled.kind, filled.value
        from persons
        inner join identity.person_links as links using (person_id)
        inner join {records} as records using (source, source_customer_id)
        cross join lateral (values {values}) as filled (kind, value)
        where filled.value is not null and (filled.kind, filled.value) not in ({placeholders})
    ),
    said as (
        select person_id, kind, value, source, count(*) as records
        from filled group by person_id, kind, value, source
    ),
    agreeing as (
        select person_id, kind, value, count(*) as sources
        from said group by person_id, kind, value
    ),
    knowing as (
        select person_id, kind, count(distinct source) as sources
        from said group by person_id, kind having count(distinct source) > 1
    )
    select
        said.source, said.kind, sum(said.records)::bigint as compared,
        coalesce(
            sum(said.records) filter (where agreeing.sources < knowing.sources), 0
        )::bigint as contradicted
    from said
    inner join agreeing using (person_id, kind, value)
    inner join knowing using (person_id, kind)
    group by said.source, said.kind
    """
)


def measure(context: RunContext) -> None:
    """Completes the day's rows of the tables that tell of persons.

    A source's records are counted, whichever of its tables told the value. Where persons are not
    built yet, nothing is known and nothing written.
    """
    tables = [t for t in source_tables(context.settings) if t.tells_persons]
    with context.connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select count(*) from pg_attribute
            where attrelid = to_regclass(%s) and attname = any(%s)
            """,
            (_RECORDS, list(_KINDS)),
        )
        if cursor.fetchone() != (len(_KINDS),):
            return
        cursor.execute(
            _COMPARE.format(
                looked_at=sql.Literal(LOOKED_AT_RECORDS),
                records=sql.Identifier(*_RECORDS.split(".")),
                values=sql.SQL(", ").join(
                    _pair(kind, normal(sql.Identifier("records", kind), kind, context.policy))
                    for kind in _KINDS
                ),
                placeholders=sql.SQL(", ").join(
                    [
                        _pair("", sql.Literal("")),  # nobody's: a list in SQL is never empty
                        *(
                            _pair(kind, placeholder)
                            for kind in _KINDS
                            for placeholder in placeholders(kind, context.policy)
                        ),
                    ]
                ),
            )
        )
        found = {(source, kind): counts for source, kind, *counts in cursor}
        cursor.executemany(
            """
            update ops.field_vitality
            set compared_records = %s, contradicted_records = %s
            where as_of_date = %s and source = %s and table_name = %s and field = %s
            """,
            [
                (
                    *found.get((table.source, kind), (0, 0)), context.as_of,
                    table.source, table.name, field,
                )
                for table in tables
                for field, kind in table.fields.items()
                if kind in _KINDS
            ],
        )  # fmt: skip


def _pair(kind: str, value: sql.Composable) -> sql.Composed:
    return sql.SQL("({}, {})").format(sql.Literal(kind), value)

"""Pairs drawn at random once a month for somebody to label: what precision and recall rest on.

Three strata, each drawn by itself: `linked`, all pairs of records within persons; `reviewable`,
pairs in `identity.pairs` of two persons; `near`, other pairs of two persons that share a phone, a
mail address, or name and birth date. Half of the sample is of linked pairs, the rest in equal parts
of the two others; what a small stratum does not need goes to the linked pairs. A pair is drawn by
the hash of the month and its records: at random, and the same whenever the month is drawn again.
"""

from datetime import date

import psycopg
from psycopg import sql

from warehouse.context import RunContext

_LINKED = """
create temporary table linked_pairs on commit drop as
select
    a.source as source_a,
    a.source_customer_id as source_customer_id_a,
    b.source as source_b,
    b.source_customer_id as source_customer_id_b
from identity.person_links as a
inner join identity.person_links as b
    on a.person_id = b.person_id
    and (a.source, a.source_customer_id) < (b.source, b.source_customer_id)
"""

_REVIEWABLE = """
create temporary table reviewable_pairs on commit drop as
select
    pairs.source_a, pairs.source_customer_id_a, pairs.source_b, pairs.source_customer_id_b
from identity.pairs as pairs
inner join identity.person_links as a
    on pairs.source_a = a.source and pairs.source_customer_id_a = a.source_customer_id
inner join identity.person_links as b
    on pairs.source_b = b.source and pairs.source_customer_id_b = b.source_customer_id
where a.person_id != b.person_id
"""

_NEAR = """
create temporary table near_pairs on commit drop as
with given as (
    select persons.source, persons.source_customer_id, links.person_id, shared.kind, shared.value
    from intermediate.int_persons__unioned as persons
    inner join identity.person_links as links
        on persons.source = links.source
        and persons.source_customer_id = links.source_customer_id
    cross join lateral (
        values
            -- The last nine digits: the same with the country's number and without it.
            ('phone', right(regexp_replace(persons.phone, '[^0-9]', '', 'g'), 9)),
            ('email', lower(persons.email)),
            ('name', lower(persons.person_name) || persons.birth_date::text)
    ) as shared (kind, value)
    where shared.value is not null
        and length(shared.value) > 5
        and shared.value != all(%(placeholders)s)
),

informative as (
    select kind, value
    from given
    group by kind, value
    having count(*) between 2 and %(max_value_records)s
)

select distinct
    a.source as source_a,
    a.source_customer_id as source_customer_id_a,
    b.source as source_b,
    b.source_customer_id as source_customer_id_b
from informative
inner join given as a on informative.kind = a.kind and informative.value = a.value
inner join given as b on informative.kind = b.kind and informative.value = b.value
where (a.source, a.source_customer_id) < (b.source, b.source_customer_id)
    and a.person_id != b.person_id
    and not exists (
        select from identity.pairs as pairs
        where pairs.source_a = a.source
            and pairs.source_customer_id_a = a.source_customer_id
            and pairs.source_b = b.source
            and pairs.source_customer_id_b = b.source_customer_id
    )
"""

_DRAW = """
insert into identity.samples (
    month, stratum, place, source_a, source_customer_id_a, source_b, source_customer_id_b
)
with drawn as (
    select
        source_a, source_customer_id_a, source_b, source_customer_id_b,
        row_number() over (
            order by
                md5(concat_ws(
                    '|', %(month)s::date::text, source_a, source_customer_id_a, source_b,
                    source_customer_id_b
                )),
                source_a, source_customer_id_a, source_b, source_customer_id_b
        ) as place
    from {pairs}
)

select
    %(month)s, %(stratum)s, place, source_a, source_customer_id_a, source_b, source_customer_id_b
from drawn
where place <= %(size)s
"""

STRATA = ("linked", "reviewable", "near")


def draw_sample(connection: psycopg.Connection, context: RunContext) -> int:
    """Draws the month's sample unless it is drawn; returns how many pairs were drawn now."""
    month = context.as_of.replace(day=1)
    row = connection.execute(
        "select count(*) from identity.sample_strata where month = %s", (month,)
    ).fetchone()
    if row and row[0]:
        return 0
    placeholders = context.policy.placeholders
    connection.execute(_LINKED)
    connection.execute(_REVIEWABLE)
    connection.execute(
        _NEAR,
        {
            "placeholders": [phone[-9:] for phone in placeholders.phones]
            + [email.lower() for email in placeholders.emails],
            "max_value_records": context.policy.identity.max_value_records,
        },
    )
    counts = {stratum: _count(connection, stratum) for stratum in STRATA}
    for stratum, size in sizes(context.policy.identity.sampled_pairs, counts).items():
        _draw(connection, month, stratum, size)
        connection.execute(
            "insert into identity.sample_strata values (%s, %s, %s, %s)",
            (month, stratum, counts[stratum], context.as_of),
        )
    return sum(sizes(context.policy.identity.sampled_pairs, counts).values())


def sizes(sample: int, counts: dict[str, int]) -> dict[str, int]:
    """Returns how many pairs to draw of each stratum: half linked ones, and what is left over."""
    drawn = {stratum: min(sample // 4, counts[stratum]) for stratum in ("reviewable", "near")}
    return {"linked": min(sample - sum(drawn.values()), counts["linked"]), **drawn}


def _count(connection: psycopg.Connection, stratum: str) -> int:
    row = connection.execute(
        sql.SQL("select count(*) from {}").format(sql.Identifier(f"{stratum}_pairs"))
    ).fetchone()
    return int(row[0]) if row else 0


def _draw(connection: psycopg.Connection, month: date, stratum: str, size: int) -> None:
    connection.execute(
        sql.SQL(_DRAW).format(pairs=sql.Identifier(f"{stratum}_pairs")),
        {"month": month, "stratum": stratum, "size": size},
    )

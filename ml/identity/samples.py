"""Pairs drawn at random once a month for somebody to label: what precision and recall rest on.

Three strata, each drawn by itself: `linked`, all pairs of records within persons; `reviewable`,
all pairs between two persons whom a pair in `identity.pairs` connects; `near`, the same of two
other persons who share a phone, a mail address, or name and birth date. Two persons who are one in
truth are wrong in all pairs between them, so all of these are drawn from, not the telling one
alone. Half of the sample is of linked pairs, the rest in equal parts of the two others; what a
small stratum does not need goes to the linked pairs. A pair is drawn by the hash of the month and
its records: at random, and the same whenever the month is drawn again.
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

# Two persons between whom some pair of records stands.
_DOUBTFUL = """
create temporary table doubtful_persons on commit drop as
select distinct
    least(a.person_id, b.person_id) as person_a,
    greatest(a.person_id, b.person_id) as person_b,
    'reviewable' as stratum
from identity.pairs as pairs
inner join identity.person_links as a
    on pairs.source_a = a.source and pairs.source_customer_id_a = a.source_customer_id
inner join identity.person_links as b
    on pairs.source_b = b.source and pairs.source_customer_id_b = b.source_customer_id
where a.person_id != b.person_id
"""

_GIVEN = """
create temporary table given_values on commit drop as
with given as (
    select distinct links.person_id, shared.kind, shared.value
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

shared as (
    select kind, value from given
    group by kind, value
    having count(*) between 2 and %(max_value_records)s
)

select given.person_id, given.kind, given.value
from given
inner join shared on given.kind = shared.kind and given.value = shared.value
"""

# Two persons who share a value although no pair of their records was thought worth keeping.
_NEAR = """
analyze given_values;

insert into doubtful_persons
select distinct a.person_id, b.person_id, 'near'
from given_values as a
inner join given_values as b
    on a.kind = b.kind and a.value = b.value and a.person_id < b.person_id
where not exists (
    select from doubtful_persons as doubtful
    where doubtful.person_a = a.person_id and doubtful.person_b = b.person_id
);

analyze doubtful_persons
"""

_APART = """
create temporary table {pairs} on commit drop as
select
    case when is_first then a.source else b.source end as source_a,
    case when is_first then a.source_customer_id else b.source_customer_id end
        as source_customer_id_a,
    case when is_first then b.source else a.source end as source_b,
    case when is_first then b.source_customer_id else a.source_customer_id end
        as source_customer_id_b
from doubtful_persons as doubtful
inner join identity.person_links as a on doubtful.person_a = a.person_id
inner join identity.person_links as b on doubtful.person_b = b.person_id
cross join lateral (
    select (a.source, a.source_customer_id) < (b.source, b.source_customer_id) as is_first
) as order_of_records
where doubtful.stratum = %(stratum)s
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
    connection.execute(_DOUBTFUL)
    connection.execute(
        _GIVEN,
        {
            "placeholders": [phone[-9:] for phone in placeholders.phones]
            + [email.lower() for email in placeholders.emails],
            "max_value_records": context.policy.identity.max_value_records,
        },
    )
    connection.execute(_NEAR)
    for stratum in ("reviewable", "near"):
        connection.execute(
            sql.SQL(_APART).format(pairs=sql.Identifier(f"{stratum}_pairs")), {"stratum": stratum}
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

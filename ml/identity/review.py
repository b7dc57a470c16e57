"""The pairs that somebody should look at, the most valuable first."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ml.identity.clusters import NEVER
from warehouse.context import RunContext

BETWEEN = "between the thresholds"
# Stands in the evidence of a pair between what agrees and a doubt in words.
DOUBT_FOLLOWS = "; "

# The rest of the queue stands as it was: nothing of its pairs has changed.
_FORGET = """
delete from identity.review_queue as queue
where (queue.source_a, queue.source_customer_id_a) in (
        select source, source_customer_id from touched
    )
    or (queue.source_b, queue.source_customer_id_b) in (
        select source, source_customer_id from touched
    )
    or not exists (
        select from identity.pairs as pairs
        where pairs.source_a = queue.source_a
            and pairs.source_customer_id_a = queue.source_customer_id_a
            and pairs.source_b = queue.source_b
            and pairs.source_customer_id_b = queue.source_customer_id_b
    )
"""

# Of two persons are the pairs too weak to link, and the links that were refused: of all others both
# records are one person by now.
_QUEUE = """
with weak as (
    select pairs.*
    from touched
    inner join identity.pairs as pairs
        on touched.source = pairs.source_a
        and touched.source_customer_id = pairs.source_customer_id_a
    where pairs.match_probability < %(link_probability)s
        and pairs.match_probability >= %(review_probability)s
        and pairs.rests_on != 'exact_key'
    union
    select pairs.*
    from touched
    inner join identity.pairs as pairs
        on touched.source = pairs.source_b
        and touched.source_customer_id = pairs.source_customer_id_b
    where pairs.match_probability < %(link_probability)s
        and pairs.match_probability >= %(review_probability)s
        and pairs.rests_on != 'exact_key'
),

doubtful as (
    select weak.*, null as reason from weak
    union all
    select pairs.*, refused.reason
    from refused
    inner join identity.pairs as pairs
        on refused.source_a = pairs.source_a
        and refused.source_customer_id_a = pairs.source_customer_id_a
        and refused.source_b = pairs.source_b
        and refused.source_customer_id_b = pairs.source_customer_id_b
    where refused.reason != %(never)s
        and (
            pairs.match_probability >= %(link_probability)s or pairs.rests_on = 'exact_key'
        )
)

insert into identity.review_queue
select
    doubtful.source_a,
    doubtful.source_customer_id_a,
    doubtful.source_b,
    doubtful.source_customer_id_b,
    links_a.person_id,
    links_b.person_id,
    doubtful.match_probability,
    coalesce(
        doubtful.reason,
        nullif(split_part(doubtful.evidence, %(doubt_follows)s, 2), ''),
        %(between)s
    ),
    doubtful.evidence,
    doubtful.agrees,
    doubtful.differs,
    0
from doubtful
inner join identity.person_links as links_a
    on doubtful.source_a = links_a.source
    and doubtful.source_customer_id_a = links_a.source_customer_id
inner join identity.person_links as links_b
    on doubtful.source_b = links_b.source
    and doubtful.source_customer_id_b = links_b.source_customer_id
where links_a.person_id != links_b.person_id
    and not exists (
        select from identity.overrides as overrides
        where overrides.source_a = doubtful.source_a
            and overrides.source_customer_id_a = doubtful.source_customer_id_a
            and overrides.source_b = doubtful.source_b
            and overrides.source_customer_id_b = doubtful.source_customer_id_b
    )
"""

# The marts are those of the night before, with its persons: a person new today has no value yet.
_VALUE = """
with spent as (
    select orders.person_id, sum(orders.order_amount) as amount
    from marts.fct_orders as orders
    where orders.order_date > %(as_of)s::date - 365 and orders.order_date <= %(as_of)s
        and orders.person_id in (
            select person_id_a from identity.review_queue
            union
            select person_id_b from identity.review_queue
        )
    group by orders.person_id
),

valued as (
    select
        queue.ctid as place,
        coalesce(spent_a.amount, 0) + coalesce(spent_b.amount, 0) as amount
    from identity.review_queue as queue
    left join spent as spent_a on queue.person_id_a = spent_a.person_id
    left join spent as spent_b on queue.person_id_b = spent_b.person_id
)

update identity.review_queue as queue
set spend_amount = valued.amount
from valued
where queue.ctid = valued.place and queue.spend_amount != valued.amount
"""

_SHOW = """
with head as (
    select * from identity.review_queue
    order by
        spend_amount desc, match_probability desc, source_a, source_customer_id_a, source_b,
        source_customer_id_b
    limit %(limit)s
),

ends as (
    select
        row_number() over (
            order by
                spend_amount desc, match_probability desc, source_a, source_customer_id_a,
                source_b, source_customer_id_b
        ) as place,
        head.*
    from head
),

records as (
    select ends.place, 1 as side, source_a as source, source_customer_id_a as number from ends
    union all
    select ends.place, 2, source_b, source_customer_id_b from ends
)

select
    ends.place, ends.match_probability, ends.reason, ends.agrees, ends.differs,
    ends.spend_amount, records.source, records.number, persons.person_name, persons.birth_date,
    persons.phone, persons.email, persons.postcode, persons.address
from records
inner join ends on records.place = ends.place
left join intermediate.int_persons__unioned as persons
    on records.source = persons.source and records.number = persons.source_customer_id
order by ends.place, records.side
"""

FIELDS = ("person_name", "birth_date", "phone", "email", "postcode", "address")


@dataclass(frozen=True)
class Doubt:
    """A pair for somebody to look at.

    Attributes:
        records: the two as `source:number`, each with its fields. Personal: to be shown, never
            stored or logged.
    """

    probability: float
    reason: str
    agrees: tuple[str, ...]
    differs: tuple[str, ...]
    spend_amount: float
    records: tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]]


def write_queue(connection: psycopg.Connection, context: RunContext) -> int:
    """Brings the queue up to what has just been decided; returns its length.

    It works on the temporary tables that `resolve` leaves in the same transaction.
    """
    connection.execute(_FORGET)
    connection.execute(
        _QUEUE,
        {
            "between": BETWEEN,
            "doubt_follows": DOUBT_FOLLOWS,
            "never": NEVER,
            "link_probability": context.policy.identity.link_probability,
            "review_probability": context.policy.identity.review_probability,
        },
    )
    row = connection.execute("select to_regclass('marts.fct_orders') is not null").fetchone()
    if row and row[0]:
        connection.execute(_VALUE, {"as_of": context.as_of})
    row = connection.execute("select count(*) from identity.review_queue").fetchone()
    return int(row[0]) if row else 0


def doubts(connection: psycopg.Connection, limit: int) -> list[Doubt]:
    """Returns the head of the queue with what the records say, for somebody to judge."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SHOW, {"limit": limit}).fetchall()

    def side(row: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
        fields = tuple("" if row[name] is None else str(row[name]) for name in FIELDS)
        return f"{row['source']}:{row['number']}", fields

    return [
        Doubt(
            first["match_probability"], first["reason"], tuple(first["agrees"]),
            tuple(first["differs"]), float(first["spend_amount"]), (side(first), side(second)),
        )
        for first, second in zip(rows[::2], rows[1::2], strict=True)
    ]  # fmt: skip

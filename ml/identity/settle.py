"""Persons of the pairs that stand, and all that is kept and counted of them.

The parts share a transaction: what `resolve` touched and refused stands in temporary tables.
"""

import psycopg
from psycopg import sql

from ml.identity.connectedness import write_connectedness
from ml.identity.households import write_households
from ml.identity.quality import write_quality
from ml.identity.resolve import resolve
from ml.identity.review import write_queue
from ml.identity.samples import draw_sample
from warehouse.context import RunContext

_SOME_ARE_LATER = """
select exists (
    select from intermediate.int_persons__unioned where first_seen_at >= %(day_end)s
)
"""

_KNOWN_LINKS = """
create temporary table known_links on commit drop as
select
    links.source,
    links.source_customer_id,
    links.person_id,
    links.exact_group,
    links.certain_group
from identity.person_links as links
inner join intermediate.int_persons__unioned as persons
    on links.source = persons.source
    and links.source_customer_id = persons.source_customer_id
where persons.first_seen_at < %(day_end)s
"""


def settle(connection: psycopg.Connection, context: RunContext) -> dict[str, int | float | str]:
    """Decides who is who and writes all that follows from it; returns its counts."""
    facts: dict[str, int | float | str] = {**resolve(connection, context)}
    facts["reviewable_pairs"] = write_queue(connection, context)
    facts |= write_households(connection, context)
    connected = write_connectedness(connection, context, _known_links(connection, context))
    facts["source_pairs"] = connected.source_pairs
    facts["sampled_pairs"] = draw_sample(connection, context)
    facts |= write_quality(connection, context, connected)
    return facts


def _known_links(connection: psycopg.Connection, context: RunContext) -> sql.Identifier:
    """Returns the table of the links of the records that were known by the day's end.

    Mostly all are, and it is that of all links: a copy of it would cost a night without news most.
    """
    day_end = {"day_end": context.day_end}
    row = connection.execute(_SOME_ARE_LATER, day_end).fetchone()
    if row and not row[0]:
        return sql.Identifier("identity", "person_links")
    connection.execute(_KNOWN_LINKS, day_end)
    return sql.Identifier("known_links")

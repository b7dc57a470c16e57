"""Persons of the pairs that stand, and all that is kept and counted of them.

The parts share a transaction: what `resolve` touched and refused stands in temporary tables, and so
does what is counted, the links of the records that were known by the day's end.
"""

import psycopg

from ml.identity.connectedness import write_connectedness
from ml.identity.households import write_households
from ml.identity.quality import write_quality
from ml.identity.resolve import resolve
from ml.identity.review import write_queue
from ml.identity.samples import draw_sample
from warehouse.context import RunContext

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
    connection.execute(_KNOWN_LINKS, {"day_end": context.day_end})
    facts["source_pairs"] = write_connectedness(connection, context)
    facts["sampled_pairs"] = draw_sample(connection, context)
    facts |= write_quality(connection, context)
    return facts

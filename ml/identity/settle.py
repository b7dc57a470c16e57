"""Persons of the pairs that stand, and all that is kept and counted of them.

The parts share a transaction: what `resolve` touched and refused stands in temporary tables.
"""

import psycopg

from ml.identity.connectedness import write_connectedness
from ml.identity.households import write_households
from ml.identity.quality import write_quality
from ml.identity.resolve import resolve
from ml.identity.review import write_queue
from ml.identity.samples import draw_sample
from warehouse.context import RunContext


def settle(connection: psycopg.Connection, context: RunContext) -> dict[str, int | float | str]:
    """Decides who is who and writes all that follows from it; returns its counts."""
    facts: dict[str, int | float | str] = {**resolve(connection, context)}
    facts["reviewable_pairs"] = write_queue(connection, context)
    facts |= write_households(connection, context)
    facts["source_pairs"] = write_connectedness(connection, context)
    facts["sampled_pairs"] = draw_sample(connection, context)
    facts |= write_quality(connection, context)
    return facts

"""Which records are decided about: what changed, and all that is tied to it.

The temporary tables end with the transaction. `touched` holds the records to decide about, with the
ring they were reached in; only records that were known by the day, or that an earlier run placed.
"""

import json
from collections.abc import Mapping

import psycopg

from warehouse.context import RunContext

# To be raised when the rules in `clusters` change: every record is then decided about again.
_RULES_VERSION = 2

_MAKE = """
create temporary table touched (
    source text,
    source_customer_id text,
    ring integer not null
) on commit drop;
create temporary table refused (
    source_a text,
    source_customer_id_a text,
    source_b text,
    source_customer_id_b text,
    reason text not null,
    primary key (source_a, source_customer_id_a, source_b, source_customer_id_b)
) on commit drop;
"""

# A record that its source's staging no longer knows is nobody's; its person is decided about again.
_DROP_GONE = """
with gone as (
    delete from identity.person_links as links
    where not exists (
        select from intermediate.int_persons__unioned as persons
        where persons.source = links.source
            and persons.source_customer_id = links.source_customer_id
    )
    returning links.source, links.source_customer_id, links.person_id
),

told as (
    insert into identity.person_history
        (person_id, changed_as_of_date, change, cause, source, source_customer_id, run_id)
    select
        person_id, %(as_of)s, 'record_left', 'the source no longer knows the record',
        source, source_customer_id, %(run_id)s
    from gone
)

insert into identity.undecided (source, source_customer_id)
select links.source, links.source_customer_id
from identity.person_links as links
where links.person_id in (select person_id from gone)
    and not exists (
        select from gone
        where gone.source = links.source and gone.source_customer_id = links.source_customer_id
    )
on conflict do nothing
"""

_TOUCH_CHANGED = """
insert into touched
select persons.source, persons.source_customer_id, 0
from intermediate.int_persons__unioned as persons
left join identity.person_links as links
    on persons.source = links.source
    and persons.source_customer_id = links.source_customer_id
left join identity.undecided as undecided
    on persons.source = undecided.source
    and persons.source_customer_id = undecided.source_customer_id
where (persons.first_seen_at < %(day_end)s or links.person_id is not null)
    and (
        %(are_all)s
        or links.person_id is null
        or links.record_load_id is distinct from persons.load_id
        or undecided.source is not null
    )
"""

# In the first ring over every pair, for what changed may rival a link of its neighbour; then over
# links, and always over former persons.
_WIDEN = """
with ring as (
    select source, source_customer_id from touched where ring = %(ring)s
),

reached as (
    select pairs.source_b as source, pairs.source_customer_id_b as source_customer_id
    from ring
    inner join identity.pairs as pairs
        on ring.source = pairs.source_a and ring.source_customer_id = pairs.source_customer_id_a
    where %(ring)s = 0
        or pairs.rests_on = 'exact_key'
        or pairs.match_probability >= %(link_probability)s
    union
    select pairs.source_a, pairs.source_customer_id_a
    from ring
    inner join identity.pairs as pairs
        on ring.source = pairs.source_b and ring.source_customer_id = pairs.source_customer_id_b
    where %(ring)s = 0
        or pairs.rests_on = 'exact_key'
        or pairs.match_probability >= %(link_probability)s
    union
    select overrides.source_b, overrides.source_customer_id_b
    from ring
    inner join identity.overrides as overrides
        on ring.source = overrides.source_a
        and ring.source_customer_id = overrides.source_customer_id_a
    where overrides.decision = 'always'
    union
    select overrides.source_a, overrides.source_customer_id_a
    from ring
    inner join identity.overrides as overrides
        on ring.source = overrides.source_b
        and ring.source_customer_id = overrides.source_customer_id_b
    where overrides.decision = 'always'
    union
    select fellows.source, fellows.source_customer_id
    from ring
    inner join identity.person_links as links
        on ring.source = links.source and ring.source_customer_id = links.source_customer_id
    inner join identity.person_links as fellows on links.person_id = fellows.person_id
)

insert into touched
select reached.source, reached.source_customer_id, %(ring)s + 1
from reached
inner join intermediate.int_persons__unioned as persons
    on reached.source = persons.source
    and reached.source_customer_id = persons.source_customer_id
left join identity.person_links as links
    on reached.source = links.source
    and reached.source_customer_id = links.source_customer_id
where links.person_id is not null or persons.first_seen_at < %(day_end)s
on conflict do nothing
"""

_FORGET = """
delete from identity.undecided
using touched
where undecided.source = touched.source
    and undecided.source_customer_id = touched.source_customer_id
"""


def gather(
    connection: psycopg.Connection, context: RunContext, values: Mapping[str, object]
) -> bool:
    """Makes `touched`, and the empty table `refused` for the links that will be.

    Returns:
        Whether they are all there are, as they are when the rules are others than last time, and
        after all was paired anew, which leaves no rules.
    """
    identity = context.policy.identity
    rules = json.dumps([_RULES_VERSION, identity.link_probability, identity.max_cluster_records])
    connection.execute(_MAKE)
    row = connection.execute("select rules from identity.rules_in_force").fetchone()
    are_all = row is None or row[0] != rules
    if are_all:
        connection.execute("delete from identity.rules_in_force")
        connection.execute("insert into identity.rules_in_force values (%s)", (rules,))
    connection.execute(_DROP_GONE, values)
    connection.execute(_TOUCH_CHANGED, {**values, "are_all": are_all})
    connection.execute("analyze touched")
    if not are_all:
        # Not before: all records are touched once each, and need no key to be so.
        connection.execute("alter table touched add primary key (source, source_customer_id)")
        _widen(connection, values)
    return are_all


def forget(connection: psycopg.Connection) -> None:
    """Takes back the marks of what was decided about; those of records not yet known stay."""
    connection.execute(_FORGET)


def _widen(connection: psycopg.Connection, values: Mapping[str, object]) -> None:
    """Adds to the touched records all that links and former persons tie to them, ring by ring."""
    ring = 0
    while connection.execute(_WIDEN, {**values, "ring": ring}).rowcount:
        connection.execute("analyze touched")
        ring += 1

"""Persons who share a phone or an address and are not one person: families, not duplicates."""

import numpy as np
import pandas as pd
import psycopg
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warehouse.context import RunContext

# A value is shared if two persons give it. Placeholders and values of too many records are not in
# `shared_contacts`.
_SHARED = """
with given as (
    select contacts.kind, contacts.value_hash, links.person_id
    from identity.shared_contacts as contacts
    inner join identity.person_links as links
        on contacts.source = links.source
        and contacts.source_customer_id = links.source_customer_id
),

shared as (
    select kind, value_hash
    from given
    group by kind, value_hash
    having min(person_id) != max(person_id)
)

select distinct given.kind, given.kind || ':' || given.value_hash, given.person_id
from given
inner join shared on given.kind = shared.kind and given.value_hash = shared.value_hash
"""

_WRITE = """
with since as (
    select person_id, min(person_since) as since
    from identity.person_links
    where person_id in (select person_id from living_together)
    group by person_id
),

named as (
    select
        living_together.person_id,
        first_value(living_together.person_id) over (
            partition by living_together.household
            order by since.since, living_together.person_id
        ) as household_id,
        living_together.basis
    from living_together
    inner join since on living_together.person_id = since.person_id
),

gone as (
    delete from identity.households as households
    where not exists (select from named where named.person_id = households.person_id)
)

insert into identity.households (person_id, household_id, basis)
select person_id, household_id, basis from named
on conflict (person_id) do update set
    household_id = excluded.household_id,
    basis = excluded.basis
where (households.household_id, households.basis) != (excluded.household_id, excluded.basis)
"""


def write_households(connection: psycopg.Connection, context: RunContext) -> dict[str, int]:
    """Replaces the households; returns their number and how many were too large to be one.

    Whoever shares a value with somebody lives with all whom that one shares a value with. More
    persons than records make a person at most are a dormitory or an office, and no household.
    """
    shared = pd.DataFrame(
        connection.execute(_SHARED).fetchall(), columns=["kind", "value", "person_id"]
    )
    together, too_large = households(shared, context.policy.identity.max_cluster_records)
    connection.execute(
        "create temporary table living_together"
        " (person_id text primary key, household integer, basis text) on commit drop"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy("copy living_together from stdin") as copy,
    ):
        for row in together.itertuples(index=False):
            copy.write_row(row)
    connection.execute(_WRITE)
    return {"households": int(together["household"].nunique()), "too_large_households": too_large}


def households(shared: pd.DataFrame, cap: int) -> tuple[pd.DataFrame, int]:
    """Returns who lives together, and how many households were left out for their size. Pure.

    Args:
        shared: kind ('phone' or 'address'), value and person_id, each value of two persons or more.
        cap: the most persons a household may have.

    Returns:
        Columns person_id, household (a number) and basis ('phone', 'address' or 'both').
    """
    columns = ["person_id", "household", "basis"]
    if shared.empty:
        return pd.DataFrame(columns=columns), 0
    person, persons = pd.factorize(shared["person_id"])
    value, values = pd.factorize(shared["value"])
    size = len(persons) + len(values)
    edges = coo_array(
        (np.ones(len(shared), dtype=bool), (person, value + len(persons))), shape=(size, size)
    )
    label = connected_components(edges, directed=False)[1][: len(persons)]
    has_phone, has_address = (
        np.bincount(person[shared["kind"] == kind], minlength=len(persons)) > 0
        for kind in ("phone", "address")
    )
    basis = np.where(has_phone & has_address, "both", np.where(has_phone, "phone", "address"))
    everyone = pd.DataFrame({"person_id": persons, "household": label, "basis": basis})
    sizes = everyone["household"].value_counts()
    fitting = everyone["household"].isin(sizes[sizes <= cap].index)
    return everyone.loc[fitting, columns], int((sizes > cap).sum())

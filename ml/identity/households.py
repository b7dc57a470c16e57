"""Persons who share a phone or an address and are not one person: families, not duplicates."""

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ml.identity.copying import copy_in, copy_out
from ml.identity.engine import open_engine
from warehouse.context import RunContext

# Placeholders and values of too many records are not in `shared_contacts`.
_GIVEN = """
select contacts.kind, contacts.value_hash, links.person_id,
    links.person_since at time zone 'UTC'
from identity.shared_contacts as contacts
inner join identity.person_links as links
    on contacts.source = links.source
    and contacts.source_customer_id = links.source_customer_id
"""
_GIVEN_COLUMNS = {
    "kind": pa.string(), "value_hash": pa.string(), "person_id": pa.string(),
    "since": pa.timestamp("us"),
}  # fmt: skip

# A value is shared if two persons give it.
_SHARED = """
with shared as (
    select kind, value_hash
    from given
    group by kind, value_hash
    having min(person_id) != max(person_id)
)

select kind, kind || ':' || value_hash as value, person_id, min(since) as since
from given
semi join shared using (kind, value_hash)
group by kind, value_hash, person_id
order by kind, value_hash, person_id
"""

_WRITE = """
with gone as (
    delete from identity.households as households
    where not exists (
        select from living_together where living_together.person_id = households.person_id
    )
)

insert into identity.households (person_id, household_id, basis)
select person_id, household_id, basis from living_together
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
    with open_engine() as engine:
        engine.register("given", copy_out(connection, _GIVEN, _GIVEN_COLUMNS))
        shared = engine.sql(_SHARED).df()
    together, too_large = households(shared, context.policy.identity.max_cluster_records)
    connection.execute(
        "create temporary table living_together"
        " (person_id text primary key, household_id text, basis text) on commit drop"
    )
    named = _named(together, shared)
    copy_in(connection, ("living_together",), pa.Table.from_pandas(named, preserve_index=False))
    connection.execute(_WRITE)
    return {"households": int(together["household"].nunique()), "too_large_households": too_large}


def _named(together: pd.DataFrame, shared: pd.DataFrame) -> pd.DataFrame:
    """Returns person_id, household_id and basis: a household is called after its eldest person."""
    if together.empty:
        return together.assign(household_id=None)[["person_id", "household_id", "basis"]]
    since = shared.groupby("person_id")["since"].min()
    eldest_first = together.assign(since=together["person_id"].map(since)).sort_values(
        ["household", "since", "person_id"]
    )
    household_id = eldest_first.groupby("household")["person_id"].transform("first")
    return eldest_first.assign(household_id=household_id)[["person_id", "household_id", "basis"]]


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

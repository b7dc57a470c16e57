"""Finds the pairs of records that may be one person, and says what speaks for each of them.

A night pairs again only what is new or changed. The result is the same as if all had been paired:
what a pair weighs rests on its two records, the weights in force, and which values are held by too
many records. So besides the records that changed themselves, those are paired again that hold a
value which passed that limit tonight, in either direction, and those without a name whose phone or
mail is of other people tonight.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import hashlib
import json
import logging
import secrets
from importlib.metadata import version as version_of
from pathlib import Path

import duckdb

from ml import artefacts, registry
from ml.identity import comparisons
from ml.identity.candidates import KINDS, find_candidates
from ml.identity.comparisons import Weights
from ml.identity.engine import open_engine
from ml.identity.explain import explain
from ml.identity.scope import forget_too_many, take_all, take_changed
from ml.identity.store import Store, open_store
from ml.identity.weigh import BUILTIN, MODEL_NAME, builtin_weights, weigh
from warehouse.context import RunContext
from warehouse.errors import ModelError

logger = logging.getLogger(__name__)

# Of the pairs of `touched` only what differs from `found` is written. A weight's last digits follow
# the order in which it was summed up.
_REPLACE_CHANGED = (
    "analyze touched",
    """
    create temporary table stale as
    with standing as (
        select pairs.* from identity.pairs as pairs
        inner join touched
            on pairs.source_a = touched.source
            and pairs.source_customer_id_a = touched.source_customer_id
        union
        select pairs.* from identity.pairs as pairs
        inner join touched
            on pairs.source_b = touched.source
            and pairs.source_customer_id_b = touched.source_customer_id
    )

    select standing.source_a, standing.source_customer_id_a, standing.source_b,
        standing.source_customer_id_b
    from standing
    left join found using (source_a, source_customer_id_a, source_b, source_customer_id_b)
    where found.source_a is null
        or abs(found.match_weight - standing.match_weight) > 1e-9
        or abs(found.match_probability - standing.match_probability) > 1e-9
        or (found.rests_on, found.evidence, found.agrees, found.differs, found.model_version)
        is distinct from (
            standing.rests_on, standing.evidence, standing.agrees, standing.differs,
            standing.model_version
        )
    """,
    """
    delete from identity.pairs using stale
    where pairs.source_a = stale.source_a
        and pairs.source_customer_id_a = stale.source_customer_id_a
        and pairs.source_b = stale.source_b
        and pairs.source_customer_id_b = stale.source_customer_id_b
    """,
    """
    insert into identity.pairs
    select source_a, source_customer_id_a, source_b, source_customer_id_b, match_weight,
        match_probability, rests_on, evidence, agrees, differs, model_version
    from found
    on conflict do nothing
    """,
)
# Of the holders of `moved_values` those that are not in `contacts` any more go, and new ones come.
_REPLACE_MOVED = (
    """
    delete from identity.shared_contacts as standing using moved_values
    where standing.value_hash = moved_values.value_hash
        and not exists (
            select from contacts
            where contacts.source = standing.source
                and contacts.source_customer_id = standing.source_customer_id
                and contacts.kind = standing.kind
                and contacts.value_hash = standing.value_hash
        )
    """,
    """
    insert into identity.shared_contacts
    select source, source_customer_id, kind, value_hash from contacts
    on conflict do nothing
    """,
)

_ENDS = ("source_a", "source_customer_id_a", "source_b", "source_customer_id_b")


def find_pairs(context: RunContext) -> dict[str, int | float | str]:
    """Brings `identity.pairs` and the tables beside it to the end of the business day.

    Returns:
        Counts of records, pairs and ignored values, whether all was paired, the model's version.

    Raises:
        WarehouseError: the unioned person records are not built.
        ModelError: the weights in force are missing or damaged.
    """
    weights, version = weights_in_force(context)
    with open_store(context) as store, open_engine() as connection:
        records = store.count_records()
        fingerprint = _fingerprint(context, version, records)
        before = store.row("select fingerprint, salt from pii.pairing")
        salt = before[1] if before else secrets.token_hex(16)
        is_full = before is None or before[0] != fingerprint
        take = take_all if is_full else take_changed
        paired = take(connection, store, context.policy)
        if paired:
            forget_too_many(connection)
            find_candidates(connection)
            partners = comparisons.partners(records)
            least = context.policy.identity.review_probability
            weigh(connection, weights, partners, least, are_few=not is_full)
            explain(connection, weights, partners)
        _replace_pairs(connection, store, version, is_full=is_full, are_found=bool(paired))
        _replace_values(connection, store, context, salt, is_full=is_full)
        store.execute(
            f"""
            insert into pii.pairing (fingerprint, salt) values ('{fingerprint}', '{salt}')
            on conflict (is_only) do update set fingerprint = excluded.fingerprint
            """
        )
        pairs = store.row("select count(*) from identity.pairs")
        ignored = store.row("select count(*), sum(records) from identity.ignored_values")
    return {
        "records": records,
        "paired_again": paired,
        "is_full_pairing": int(is_full),
        "pairs": int(pairs[0]) if pairs else 0,
        "ignored_values": int(ignored[0]) if ignored else 0,
        "records_of_ignored_values": int(ignored[1] or 0) if ignored else 0,
        "model_version": version,
    }


def weights_in_force(context: RunContext) -> tuple[Weights, str]:
    """Returns the weights of the day and their version; those of the package are `builtin`.

    Raises:
        ModelError: the artefact is missing or damaged, or of other levels than these.
    """
    with context.connection() as connection:
        champion = registry.champion_for(connection, MODEL_NAME, context.as_of)
    if champion is None:
        return builtin_weights(), BUILTIN
    manifest = artefacts.load(context.settings.models_dir, champion).manifest
    weights = Weights.from_json(manifest["weights"])
    if not weights.are_of_these_levels:
        raise ModelError(
            f"{MODEL_NAME} {champion.version} was learned of other levels than are compared now.",
            "Train again, or retire the model.",
        )
    return weights, champion.version


def _replace_pairs(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    version: str,
    *,
    is_full: bool,
    are_found: bool,
) -> None:
    """Replaces the pairs of the records that were paired again, or are no more, by those found.

    At night a pair that was found as it stands is left alone: whoever it is of is decided about
    again for every pair that is written.
    """
    found = f"""
        select
            one.source as source_a,
            one.source_customer_id as source_customer_id_a,
            other.source as source_b,
            other.source_customer_id as source_customer_id_b,
            match_weight,
            match_probability,
            rests_on,
            evidence,
            agrees,
            differs,
            '{version}' as model_version
        from explained
        inner join standard as one on explained.record_a = one.record
        inner join standard as other on explained.record_b = other.record
        order by record_a, record_b
    """
    if is_full:
        with store.refilled("identity.pairs"):
            if are_found:
                store.append(connection, found, "identity", "pairs")
        store.execute(f"analyze identity.pairs ({', '.join(_ENDS)})")
        # Instead of a mark for each record: all is decided about again.
        store.execute("delete from identity.rules_in_force")
        return
    store.stage(connection, "from gone_or_touched", "touched")
    if are_found:
        store.stage(connection, found, "found")
    else:
        store.execute("create temporary table found as table identity.pairs with no data")
    for statement in _REPLACE_CHANGED:
        store.execute(statement)


def _replace_values(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    context: RunContext,
    salt: str,
    *,
    is_full: bool,
) -> None:
    """Brings the shared contacts and the ignored values up to date, without a value itself."""
    value_hash = f"md5('{salt}' || key)[:16]"
    shared = ", ".join(str(list(KINDS).index(kind)) for kind in ("phone", "address"))
    kinds = " ".join(f"when {place} then '{kind}'" for place, kind in enumerate(KINDS))
    kind = f"case key % 16 {kinds} end"
    store.execute("truncate identity.ignored_values")
    store.append(
        connection,
        f"select {kind} as kind, {value_hash} as value_hash, records from too_many",
        "identity",
        "ignored_values",
    )
    holders = (
        "select source, source_customer_id, key from keys inner join standard using (record)"
        if is_full
        else """
            select source, source_customer_id, key
            from staying inner join held on staying.place = held.rowid
            union all
            from fresh_keys
        """
    )
    contacts = f"""
        select distinct source, source_customer_id, {kind} as kind, {value_hash} as value_hash
        from ({holders}) as holders
        inner join key_counts using (key)
        where key % 16 in ({shared})
            and records between 2 and {context.policy.identity.max_value_records}
        order by all
    """
    if is_full:
        with store.refilled("identity.shared_contacts"):
            store.append(connection, contacts, "identity", "shared_contacts")
        return
    store.stage(
        connection,
        f"select {value_hash} as value_hash from key_counts where key % 16 in ({shared})",
        "moved_values",
    )
    store.stage(connection, contacts, "contacts")
    for statement in _REPLACE_MOVED:
        store.execute(statement)


def _fingerprint(context: RunContext, version: str, records: int) -> str:
    """Returns a digest of all that would make a pair weigh otherwise than it did."""
    policy = context.policy
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*")):
        if path.suffix in (".py", ".json"):
            digest.update(path.read_bytes())
    told = [
        version,
        comparisons.partners(records),
        duckdb.__version__,  # its hashes are the keys
        version_of("splink"),
        policy.identity.country,
        policy.identity.review_probability,
        policy.identity.max_value_records,
        policy.placeholders.model_dump(mode="json"),
    ]
    digest.update(json.dumps(told, sort_keys=True).encode())
    return digest.hexdigest()

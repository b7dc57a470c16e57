"""Publishes the day's target lists: one CSV file and one manifest per list and target.

The only room that reads `pii`, and it does so as the publisher's role. A list is published once:
the same contents again change nothing, other contents are refused until somebody asks for a
replacement, and until then the published list stays in force.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from publishing import csv_file, ledger
from publishing.channels.files import Target, open_target
from publishing.ledger import Entry
from warehouse.context import RunContext, StepReport
from warehouse.errors import PublishError
from warehouse.policy import TargetList
from warehouse.schemas import PUBLISHER_ROLE

logger = logging.getLogger(__name__)

LATEST = "latest.json"


@dataclass(frozen=True)
class Listing:
    """One list as it is to be published; `manifest` lacks the revision, which the ledger gives."""

    entry: Entry
    content: bytes
    manifest: dict[str, Any]

    @property
    def path(self) -> str:
        """Where the CSV file stands below the target."""
        return csv_path(self.entry)


@dataclass(frozen=True)
class Plan:
    """What is to be done for one list on one target, decided before anything is written."""

    target: Target
    listing: Listing
    action: Literal["publish", "restore", "leave"]


def publish(context: RunContext, *, replace: bool = False) -> StepReport:
    """Publishes the lists of the day to every target of the policy.

    All lists are rendered and compared with the ledger before the first byte is written.

    Args:
        replace: put today's contents, as a new revision, in the place of what was published.

    Returns:
        The rows that stand published for the day, each list counted once.

    Raises:
        PublishError: the lists have not passed their guard, a list was published with other
            contents, a published file was changed by hand, or a target cannot be written.
    """
    _require_passed_guard(context)
    listings = _listings(context)
    targets = [open_target(url, context.settings) for url in context.policy.publishing.targets]
    with ledger.alone(context.url) as connection:
        plans = [
            _plan(connection, target, listing, replace=replace)
            for target in targets
            for listing in listings
        ]
        for plan in plans:
            _execute(connection, plan, context.run_id)
        for target in targets:
            _point_to_latest(connection, target, list(context.policy.lists))
    actions = Counter(plan.action for plan in plans)
    return StepReport(
        rows=sum(listing.entry.row_count for listing in listings),
        facts={
            "lists": len(listings),
            "targets": len(targets),
            "published": actions["publish"],
            "restored": actions["restore"],
            "already_published": actions["leave"],
            **{f"rows_{listing.entry.list_name}": listing.entry.row_count for listing in listings},
        },
    )


def csv_path(entry: Entry) -> str:
    """Returns where a list's CSV file stands below its target."""
    return f"{entry.as_of_date}/{entry.list_name}.csv"


def manifest_path(entry: Entry) -> str:
    """Returns where a list's manifest stands below its target."""
    return f"{entry.as_of_date}/{entry.list_name}.manifest.json"


def _require_passed_guard(context: RunContext) -> None:
    with context.connection() as connection:
        row = connection.execute(
            """
            select count(*), count(*) filter (where severity = 'block' and not success)
            from ops.check_results where as_of_date = %s and door = 'lists'
            """,
            (context.as_of,),
        ).fetchone()
    checked, blocked = row or (0, 0)
    if not checked or blocked:
        found = f"failed {blocked} blocking checks" if checked else "were never checked"
        raise PublishError(
            f"The lists of {context.as_of} {found} and may not be published.",
            f"Run living-crm run --as-of {context.as_of}; the last published lists stay in force.",
        )


def _listings(context: RunContext) -> list[Listing]:
    try:
        with context.connection() as connection, connection.transaction():
            _become_publisher(connection)
            return _read_listings(connection, context)
    except psycopg.errors.InsufficientPrivilege:
        raise PublishError(
            f"Role {PUBLISHER_ROLE} may not read what is to be published.",
            "Have the warehouse's owner grant it select on schemas activation, pii and ops.",
        ) from None


def _read_listings(connection: psycopg.Connection, context: RunContext) -> list[Listing]:
    sources = connection.execute(
        """
        select source, table_name, status, age_hours from ops.source_status
        where as_of_date = %s order by source, table_name
        """,
        (context.as_of,),
    ).fetchall()
    ages = [
        {
            "source": source,
            "table": table,
            "status": status,
            "age_hours": None if age is None else round(float(age), 1),
        }
        for source, table, status, age in sources
    ]
    return [
        _listing(connection, context, name, definition, ages)
        for name, definition in context.policy.lists.items()
    ]


def _become_publisher(connection: psycopg.Connection) -> None:
    """Gives up all rights of this transaction but the publisher's, where the role is there."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(PUBLISHER_ROLE)))
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
        logger.warning("Role %s cannot be used: reading as the warehouse's owner.", PUBLISHER_ROLE)


def _listing(
    connection: psycopg.Connection,
    context: RunContext,
    name: str,
    definition: TargetList,
    ages: Sequence[dict[str, Any]],
) -> Listing:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            select entries.*, contacts.contact_value, contacts.consent_status
            from activation.target_list_entries as entries
            left join pii.customer_contacts as contacts
                on contacts.person_id = entries.person_id and contacts.channel = entries.channel
            where entries.as_of_date = %s and entries.list_name = %s
            order by entries.rank
            """,
            (context.as_of, name),
        ).fetchall()
    contacted = [row for row in rows if row["treatment_group"] == "contact"]
    refused = sum(row["consent_status"] == "denied" for row in contacted)
    if refused:
        raise PublishError(
            f"List {name} of {context.as_of} holds {refused} persons who refused contact.",
            "See docs/runbooks/lists_consent.md; the last published list stays in force.",
        )
    content = csv_file.render(contacted)
    checksum = hashlib.sha256(content).hexdigest()
    entry = Entry(context.as_of, name, 1, checksum, len(contacted), "writing")
    models = Counter(
        (row["model_version"], row["model_kind"], row["is_calibrated"]) for row in contacted
    )
    known_ages = [float(a) for row in contacted if (a := row["source_age_hours"]) is not None]
    manifest = {
        "list": name,
        "as_of_date": context.as_of.isoformat(),
        "file": csv_path(entry).rpartition("/")[2],
        "rows": len(contacted),
        "sha256": checksum,
        "encoding": "utf-8-sig",
        "columns": list(csv_file.COLUMNS),
        "held_out": len(rows) - len(contacted),
        "score": definition.score,
        "horizon_days": context.policy.horizon_days,
        "models": [
            {"version": version, "kind": kind, "is_calibrated": calibrated, "rows": count}
            for (version, kind, calibrated), count in sorted(models.items())
        ],
        "ranked_by": sorted({str(row["ranked_by"]) for row in contacted}),
        "channel": definition.channel,
        "offer": definition.offer,
        "currency": context.policy.currency,
        "consent": {
            "bases": dict(sorted(Counter(str(row["consent_basis"]) for row in contacted).items())),
            "granted_by_policy": [
                {"source": grant.source, "reason": grant.reason}
                for grant in context.policy.contact.consent_grants
                if grant.channel == definition.channel
            ],
        },
        "trust": dict(sorted(Counter(str(row["trust"]) for row in contacted).items())),
        "oldest_source_age_hours": max(known_ages, default=None),
        "sources": list(ages),
    }
    return Listing(entry, content, manifest)


def _plan(
    connection: psycopg.Connection, target: Target, listing: Listing, *, replace: bool
) -> Plan:
    entry = listing.entry
    known = ledger.find(connection, entry.as_of_date, entry.list_name, target.name)
    if known is None:
        return Plan(target, listing, "publish")
    visible = target.read(listing.path)
    visible_checksum = None if visible is None else hashlib.sha256(visible).hexdigest()
    if known.checksum == entry.checksum:
        same = changed(listing, entry=changed(entry, revision=known.revision))
        if known.state == "writing":
            return Plan(target, same, "publish")
        if visible_checksum in (None, known.checksum):
            whole = visible is not None and target.read(manifest_path(entry)) is not None
            return Plan(target, same, "leave" if whole else "restore")
        if not replace:
            raise PublishError(
                f"{target.place}/{listing.path} was changed after it was published.",
                "Move it away and publish again, or run living-crm publish --as-of "
                f"{entry.as_of_date} --replace.",
            )
    elif known.state == "writing" and visible_checksum != known.checksum:
        # Begun, then the night was built anew: nobody has seen the first contents.
        return Plan(target, changed(listing, entry=changed(entry, revision=known.revision)),
                    "publish")  # fmt: skip
    elif not replace:
        raise PublishError(
            f"List {entry.list_name} of {entry.as_of_date} was published with other contents "
            f"({known.row_count} rows, now {entry.row_count}).",
            "The published list stays in force; to replace it run living-crm publish --as-of "
            f"{entry.as_of_date} --replace.",
        )
    revised = changed(entry, revision=known.revision + 1)
    return Plan(target, changed(listing, entry=revised), "publish")


def _execute(connection: psycopg.Connection, plan: Plan, run_id: str) -> None:
    if plan.action == "leave":
        return
    entry, target = plan.listing.entry, plan.target
    manifest = {**plan.listing.manifest, "revision": entry.revision}
    if plan.action == "publish":
        ledger.begin(connection, entry, target.name, run_id)
    target.put(plan.listing.path, plan.listing.content)
    # The manifest comes last: where it stands, its list is whole.
    target.put(manifest_path(entry), _json(manifest))
    if plan.action == "publish":
        ledger.finish(connection, entry, target.name)
    logger.info("%s: %s of %s, %d rows", plan.action, entry.list_name, entry.as_of_date,
                entry.row_count)  # fmt: skip


def _point_to_latest(
    connection: psycopg.Connection, target: Target, list_names: Sequence[str]
) -> None:
    """Names the lists in force. Read from the ledger, so a backfilled day cannot take over."""
    entries = ledger.in_force(connection, target.name)
    latest = {
        name: {
            "as_of_date": entries[name].as_of_date.isoformat(),
            "file": csv_path(entries[name]),
            "manifest": manifest_path(entries[name]),
            "rows": entries[name].row_count,
            "sha256": entries[name].checksum,
            "revision": entries[name].revision,
        }
        for name in sorted(list_names)
        if name in entries
    }
    content = _json({"lists_in_force": latest})
    if target.read(LATEST) != content:
        target.put(LATEST, content)


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()

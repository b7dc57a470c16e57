"""What the briefing tells: read from the ledgers, and from what models built if they got so far.

Counts only. No field of a person enters here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from warehouse import runbooks, walk
from warehouse.context import RunContext

Row = dict[str, Any]

REASONS_SHOWN = 5


@dataclass(frozen=True)
class ListFacts:
    """One list: what was made today, and what teams work by.

    Attributes:
        today: counts of today's entries, or None if the list was not made.
        in_force: the published list of the latest day up to today, or None.
    """

    name: str
    offer: str
    channel: str
    today: Row | None
    reasons: Sequence[Row]
    consents: Sequence[Row]
    grants: Sequence[str]
    in_force: Row | None


@dataclass(frozen=True)
class Facts:
    """Everything on the page.

    Attributes:
        verdict: `stopped` if the walk did not reach its end, `marked` if a load failed, a check
            warns or a source is not fresh.
        check_count: of the day, over all doors.
        contact: how many have an effect of contact, how many are not to be woken.
        contact_trainings: the latest training of each model of what contact changes.
        populations: counts of the day and of the day before it that has any.
        values: counts of the customers with an expected spend, or None if there are none.
    """

    as_of: date
    verdict: Literal["good", "marked", "stopped"]
    steps: Sequence[Row]
    sources: Sequence[Row]
    check_count: int
    failed_checks: Sequence[Row]
    lists: Sequence[ListFacts]
    models: Sequence[Row]
    trainings: Mapping[str, Row]
    alerts: Sequence[Row]
    contact: Row
    contact_trainings: Sequence[Row]
    populations: Sequence[Row]
    values: Row | None
    compared_with: date | None
    connectedness: Sequence[Row]
    link_quality: Row | None


def gather(context: RunContext) -> Facts:
    """Returns the facts of the night, however far it got."""
    with context.connection() as connection:
        steps = _steps(connection, context)
        sources = _rows(
            connection,
            """
            select source, table_name, status, age_hours, promised_within_hours, rows_loaded,
                rows_rejected, rows_of_day, usual_rows_of_day
            from ops.source_status where as_of_date = %(day)s
            order by case status when 'fresh' then 1 else 0 end, source, table_name
            """,
            day=context.as_of,
        )
        failed = _rows(
            connection,
            """
            select check_id, severity, observed, expected from ops.check_results
            where as_of_date = %(day)s and not success order by severity, check_id
            """,
            day=context.as_of,
        )
        counted = _rows(
            connection,
            "select count(*) as checks from ops.check_results where as_of_date = %(day)s",
            day=context.as_of,
        )
        populations = _populations(connection, context)
        return Facts(
            as_of=context.as_of,
            verdict=_verdict(steps, sources, failed),
            steps=steps,
            sources=sources,
            check_count=counted[0]["checks"],
            failed_checks=[{**row, "page": runbooks.page(row["check_id"])} for row in failed],
            lists=_lists(connection, context),
            models=_models(connection, context),
            trainings=_trainings(connection, context),
            alerts=_alerts(connection, context),
            contact=_contact(connection, context),
            contact_trainings=_contact_trainings(connection, context),
            populations=populations,
            values=_values(connection, context),
            compared_with=populations[0]["before_date"] if populations else None,
            connectedness=_rows(
                connection,
                """
                select source_a, source_b, records_a, linked_a, linked_share_a, evidence
                from identity.connectedness where as_of_date = %(day)s order by source_a, source_b
                """,
                day=context.as_of,
            ),
            link_quality=_link_quality(connection, context),
        )


def _verdict(
    steps: Sequence[Row], sources: Sequence[Row], failed: Sequence[Row]
) -> Literal["good", "marked", "stopped"]:
    # A load that failed is no end: the guard decides whether the night can do without it.
    stopped = any(step["status"] == "failed" and step["room"] != "load" for step in steps)
    if stopped or any(check["severity"] == "block" for check in failed):
        return "stopped"
    if (
        failed
        or any(step["status"] == "failed" for step in steps)
        or any(source["status"] != "fresh" for source in sources)
    ):
        return "marked"
    return "good"


def _steps(connection: psycopg.Connection, context: RunContext) -> list[Row]:
    """Returns the steps of this run in the order of the walk; those it never reached as well."""
    found = {
        row["step"]: row
        for row in _rows(
            connection,
            """
            select step, room, status, row_count, message,
                extract(epoch from finished_at - started_at)::double precision as seconds
            from ops.run_steps where run_id = %(run)s
            """,
            run=context.run_id,
        )
    }
    if not found:
        return []
    never: Row = {"status": "never", "row_count": None, "message": None, "seconds": None}
    return [
        found.get(step.name, {"step": step.name, "room": step.room, **never})
        for step in walk.nightly(context.settings)
        if step.room != "brief"
    ]


def _lists(connection: psycopg.Connection, context: RunContext) -> list[ListFacts]:
    in_force = {
        row["list_name"]: row
        for row in _rows(
            connection,
            """
            select distinct on (list_name) list_name, as_of_date, revision, row_count
            from activation.publications
            where state = 'published' and as_of_date <= %(day)s
            order by list_name, as_of_date desc, revision desc
            """,
            day=context.as_of,
        )
    }
    today: dict[str, Row] = {}
    reasons: list[Row] = []
    consents: list[Row] = []
    if _exists(connection, "activation.target_list_entries"):
        today = {
            row["list_name"]: row
            for row in _rows(
                connection,
                """
                select
                    list_name,
                    count(*) filter (where treatment_group = 'contact') as contacts,
                    count(*) filter (where treatment_group = 'holdout') as held_out,
                    coalesce(sum(expected_value) filter (where treatment_group = 'contact'), 0)
                        as expected_value,
                    count(*) filter (where trust <> 'ok') as marked,
                    min(ranked_by) as ranked_by
                from activation.target_list_entries where as_of_date = %(day)s group by list_name
                """,
                day=context.as_of,
            )
        }
        reasons = _rows(
            connection,
            """
            select list_name, split_part(reason_1, ':', 1) as code, count(*) as persons
            from activation.target_list_entries where as_of_date = %(day)s
            group by list_name, code order by persons desc, code
            """,
            day=context.as_of,
        )
        consents = _rows(
            connection,
            """
            select list_name, consent_basis, count(*) as persons
            from activation.target_list_entries
            where as_of_date = %(day)s and treatment_group = 'contact'
            group by list_name, consent_basis order by persons desc, consent_basis
            """,
            day=context.as_of,
        )
    return [
        ListFacts(
            name=name,
            offer=definition.offer,
            channel=definition.channel,
            today=today.get(name),
            reasons=[row for row in reasons if row["list_name"] == name][:REASONS_SHOWN],
            consents=[row for row in consents if row["list_name"] == name],
            grants=[
                grant.reason
                for grant in context.policy.contact.consent_grants
                if grant.channel == definition.channel
            ],
            in_force=in_force.get(name),
        )
        for name, definition in context.policy.lists.items()
    ]


def _models(connection: psycopg.Connection, context: RunContext) -> list[Row]:
    return _rows(
        connection,
        """
        select
            score_name, horizon_days, model_kind, model_version, is_calibrated,
            count(*) as persons,
            (
                select count(*) from ml.abstentions
                where abstentions.as_of_date = %(day)s
                    and abstentions.score_name = scores.score_name
            ) as abstained
        from ml.customer_scores as scores where as_of_date = %(day)s
        group by score_name, horizon_days, model_kind, model_version, is_calibrated
        order by score_name
        """,
        day=context.as_of,
    )


def _alerts(connection: psycopg.Connection, context: RunContext) -> list[Row]:
    """Returns what the watch over the scores found."""
    return _rows(
        connection,
        "select score_name, what from ml.watch_alerts where as_of_date = %(day)s order by 1, 2",
        day=context.as_of,
    )


def _contact(connection: psycopg.Connection, context: RunContext) -> Row:
    return _rows(
        connection,
        """
        select
            count(effect) as persons,
            count(*) filter (where is_do_not_wake) as do_not_wake
        from ml.contact_effects where as_of_date = %(day)s
        """,
        day=context.as_of,
    )[0]


def _contact_trainings(connection: psycopg.Connection, context: RunContext) -> list[Row]:
    """Returns why the lists go by the effect of contact, or why they do not."""
    return [
        row
        for name, row in _trainings(connection, context).items()
        if name in ("contact_effect", "contact_harm")
    ]


def _trainings(connection: psycopg.Connection, context: RunContext) -> dict[str, Row]:
    """Returns each model's latest training before the day: why a model or the rule scores."""
    rows = _rows(
        connection,
        """
        select distinct on (model_name) model_name, as_of_date, outcome, reason
        from ml.training_runs where as_of_date < %(day)s order by model_name, as_of_date desc
        """,
        day=context.as_of,
    )
    return {row["model_name"]: row for row in rows}


def _populations(connection: psycopg.Connection, context: RunContext) -> list[Row]:
    if not _exists(connection, "features.ftr_customers"):
        return []
    return _rows(
        connection,
        """
        select
            population,
            count(*) filter (where as_of_date = %(day)s) as persons,
            count(*) filter (where as_of_date < %(day)s) as persons_before,
            max(before.before_date) as before_date
        from features.ftr_customers
        cross join (
            select max(as_of_date) as before_date from features.ftr_customers
            where as_of_date < %(day)s
        ) as before
        where as_of_date = %(day)s or as_of_date = before.before_date
        group by population order by population
        """,
        day=context.as_of,
    )


def _link_quality(connection: psycopg.Connection, context: RunContext) -> Row | None:
    """Returns how good the day's links are, or None where the day has none."""
    rows = _rows(
        connection,
        """
        select persons, name_list_only_persons, sample_month, labelled_pairs, precision_estimate,
            precision_lower, precision_upper, recall_estimate, recall_lower, recall_upper
        from identity.link_quality where as_of_date = %(day)s
        """,
        day=context.as_of,
    )
    return rows[0] if rows else None


def _values(connection: psycopg.Connection, context: RunContext) -> Row | None:
    """Returns how many customers have an expected spend, and whose class rises by it."""
    (counted,) = _rows(
        connection,
        """
        select count(*) as customers, count(*) filter (where is_rising) as rising
        from ml.customer_values where as_of_date = %(day)s
        """,
        day=context.as_of,
    )
    return counted if counted["customers"] else None


def _exists(connection: psycopg.Connection, table: str) -> bool:
    return bool(
        _rows(connection, "select to_regclass(%(table)s) is not null as found", table=table)[0][
            "found"
        ]
    )


def _rows(connection: psycopg.Connection, query: str, **parameters: object) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()

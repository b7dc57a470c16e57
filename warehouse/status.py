"""Pages for the terminal: the last run room by room, the registry, one customer's card."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from warehouse.errors import LivingCrmError, SettingsError

if TYPE_CHECKING:
    from ml.reasons import Language


def last_day(connection: psycopg.Connection) -> date:
    """Returns the latest business day a night was run for; raises if there was none."""
    run = _last_run(connection, None, "customer_nightly")
    return date.fromisoformat(str(run["as_of_date"]))


def show(
    connection: psycopg.Connection,
    as_of: date | None,
    *,
    out: Console,
    dag_id: str = "customer_nightly",
) -> None:
    """Prints the last run (of the day `as_of`, if given) with what it found and published."""
    run = _last_run(connection, as_of, dag_id)
    day = run["as_of_date"]
    out.print(f"{run['dag_id']} for {day}: {run['status']} ({run['run_id']})", style="bold")
    _print(
        out,
        ("room", "step", "status", "rows", "seconds", "peak MB"),
        _query(
            connection,
            """
            select
                room, step, status, row_count,
                round(extract(epoch from finished_at - started_at)::numeric, 1) as seconds,
                peak_memory_mb
            from ops.run_steps where run_id = %s order by started_at, step
            """,
            (run["run_id"],),
        ),
    )
    for step, message in _query(
        connection,
        """
        select step, message from ops.run_steps
        where run_id = %s and message is not null order by started_at, step
        """,
        (run["run_id"],),
    ):
        out.print(f"{step}: {message}", style="red", soft_wrap=True)
    if dag_id != "customer_nightly":
        show_models(connection, out=out)
        return
    _print(
        out,
        ("source", "table", "status", "newest row", "age h", "promised h", "loaded", "rejected"),
        _query(
            connection,
            """
            select
                source, table_name, status, to_char(newest_row_at, 'YYYY-MM-DD HH24:MI'),
                round(age_hours, 1), promised_within_hours, rows_loaded, rows_rejected
            from ops.source_status where as_of_date = %s order by source, table_name
            """,
            (day,),
        ),
    )
    _show_fields(connection, day, out)
    _show_scores(connection, day, out)
    failed = _query(
        connection,
        """
        select door, check_id, severity, observed, expected
        from ops.check_results where as_of_date = %s and not success order by severity, check_id
        """,
        (day,),
    )
    if failed:
        _print(out, ("door", "failed check", "severity", "observed", "expected"), failed)
    else:
        row = connection.execute(
            "select count(*) from ops.check_results where as_of_date = %s", (day,)
        ).fetchone()
        out.print(f"Checks: {row[0] if row else 0}, none failed.")
    _print(
        out,
        ("list", "rows", "state", "revision", "sha256", "target"),
        _query(
            connection,
            """
            select list_name, row_count, state, revision, left(checksum, 12), target
            from activation.publications where as_of_date = %s order by list_name, target
            """,
            (day,),
        ),
    )


def _show_scores(connection: psycopg.Connection, day: date, out: Console) -> None:
    """Prints what scored the day, and for how many a score was withheld; nothing without scores."""
    rows = _query(
        connection,
        """
        select
            scores.score_name, scores.horizon_days, scores.model_version, scores.model_kind,
            count(*),
            (
                select string_agg(cause || ' ' || persons, ', ' order by cause)
                from (
                    select cause, count(*) as persons from ml.abstentions
                    where as_of_date = %s and score_name = scores.score_name
                    group by cause
                ) as withheld
            )
        from ml.customer_scores as scores where as_of_date = %s
        group by
            scores.score_name, scores.horizon_days, scores.model_version, scores.model_kind
        order by scores.score_name
        """,
        (day, day),
    )
    if rows:
        _print(out, ("score", "days ahead", "scored by", "kind", "persons", "no score given"), rows)
    for score_name, what in _query(
        connection,
        "select score_name, what from ml.watch_alerts where as_of_date = %s order by 1, 2",
        (day,),
    ):
        out.print(f"Watch: {score_name}: {what}", style="red", soft_wrap=True)


def _show_fields(connection: psycopg.Connection, day: date, out: Console) -> None:
    """Prints in one line how alive the fields are; nothing where they are not measured."""
    if not _exists(connection, "ops.field_vitality"):
        return
    rows = _query(
        connection,
        """
        select
            count(*),
            count(*) filter (where completeness < 0.5),
            count(*) filter (where placeholder_rows > 0),
            count(*) filter (where contradicted_records > 0)
        from ops.field_vitality where as_of_date = %s
        """,
        (day,),
    )
    fields, half_empty, with_placeholders, contradicted = rows[0]
    if fields:
        out.print(
            f"Fields: {fields}, of which {half_empty} less than half filled in, "
            f"{with_placeholders} with placeholders, {contradicted} contradicted by another source."
        )


def show_models(connection: psycopg.Connection, *, out: Console) -> None:
    """Prints the registry and the latest training verdict of each model."""
    _print(
        out,
        ("model", "version", "kind", "status", "in force from", "verdict"),
        _query(
            connection,
            """
            select model_name, version, kind, status, in_force_from, verdict
            from ml.model_versions order by model_name, trained_as_of_date desc, version
            """,
        ),
    )
    _print(
        out,
        ("model", "trained as of", "outcome", "reason"),
        _query(
            connection,
            """
            select distinct on (model_name) model_name, as_of_date, outcome, reason
            from ml.training_runs order by model_name, as_of_date desc
            """,
        ),
    )


def show_card(
    connection: psycopg.Connection, person_id: str, language: "Language", *, out: Console
) -> None:
    """Prints who a person is, the integrated view, the records behind it and the latest orders.

    Of somebody who has lapsed it says in words what may be the reason.

    Name and contact details are read from `pii` and shown, never logged.

    Raises:
        LivingCrmError: no night has built the view, or nobody has the id.
    """
    if not _exists(connection, "marts.customer_360"):
        raise LivingCrmError("There is no customer view yet.", "Run living-crm demo or run first.")
    with connection.cursor(row_factory=dict_row) as cursor:
        person = cursor.execute(
            "select * from marts.customer_360 where person_id = %s", (person_id,)
        ).fetchone()
    if person is None:
        raise SettingsError(
            f"No person has the id {person_id!r}.", "Take the id from a list or a mart."
        )
    table = Table(show_header=False, title=f"Person {person_id}")
    for name, value in person.items():
        if value is not None:
            table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    out.print(table)
    reasons = _query(
        connection,
        """
        select reason, evidence_number, evidence_date from marts.customer_leaving_reasons
        where person_id = %s order by rank
        """,
        (person_id,),
    )
    if reasons:
        from ml.leaving_reasons import say  # numpy, which no other page here needs

        said = [(say(reason, number, language), day) for reason, number, day in reasons]
        _print(out, ("may have left because", "seen on"), said)
    for headers, statement in _CARD:
        rows = _query(connection, statement, (person_id,))
        if rows:
            _print(out, headers, rows)


# The tables of a card: what a person's columns are called, and their rows, given the person.
_CARD = (
    (
        ("who it is", "value", "source", "told on"),
        """
        select told.name, told.value, told.source, told.reported_date
        from pii.customer_identities as identity
        cross join lateral (
            values
            (1, 'name', person_name, name_source, name_reported_date),
            (2, 'phone', phone, phone_source, phone_reported_date),
            (3, 'mail', email, email_source, email_reported_date),
            (4, 'born', birth_date::text, birth_date_source, birth_date_reported_date),
            (5, 'address', concat_ws(' ', postcode, address), address_source, address_reported_date)
        ) as told (place, name, value, source, reported_date)
        where identity.person_id = %s and told.source is not null
        order by told.place
        """,
    ),
    (
        ("other", "value", "source", "record", "told on"),
        """
        select
            attribute_group, value, source, source_customer_id,
            case when is_former then 'before' else reported_date::text end
        from pii.customer_alternates where person_id = %s
        order by attribute_group, value, source, source_customer_id
        """,
    ),
    (
        ("source", "record", "known since", "linked by", "strength", "probability", "linked on"),
        """
        select
            links.source, links.source_customer_id, records.first_seen_at::date,
            coalesce(links.evidence || ': ' || links.evidence_detail, links.evidence),
            links.strength, round(links.match_probability::numeric, 4), links.linked_as_of_date
        from identity.person_links as links
        left join intermediate.int_persons__unioned as records
            on links.source = records.source
            and links.source_customer_id = records.source_customer_id
        where links.person_id = %s
        order by records.first_seen_at, links.source, links.source_customer_id
        """,
    ),
    (
        ("household", "shares with", "by", "name"),
        """
        select mine.household_id, others.person_id, others.basis, identities.person_name
        from identity.households as mine
        inner join identity.households as others
            on mine.household_id = others.household_id and mine.person_id != others.person_id
        left join pii.customer_identities as identities on others.person_id = identities.person_id
        where mine.person_id = %s
        order by others.person_id
        """,
    ),
    (
        ("ordered at", "kind", "amount", "lines", "order"),
        """
        select
            to_char(purchased_at, 'YYYY-MM-DD HH24:MI'), order_kind, order_amount, line_count,
            order_id
        from marts.fct_orders where person_id = %s order by purchased_at desc, order_id limit 5
        """,
    ),
)


def _last_run(connection: psycopg.Connection, as_of: date | None, dag_id: str) -> dict[str, Any]:
    run = None
    if _exists(connection, "ops.runs"):
        with connection.cursor(row_factory=dict_row) as cursor:
            run = cursor.execute(
                """
                select * from ops.runs
                where dag_id = %(dag)s and (%(day)s::date is null or as_of_date = %(day)s::date)
                order by started_at desc, run_id desc limit 1
                """,
                {"dag": dag_id, "day": as_of},
            ).fetchone()
    if run is None:
        when = f" for {as_of}" if as_of else ""
        raise LivingCrmError(
            f"No run of {dag_id} is recorded{when}.", "Run living-crm demo, or living-crm run."
        )
    return run


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    return bool(row and row[0])


def _query(
    connection: psycopg.Connection, statement: str, parameters: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode(), parameters).fetchall()


def _print(out: Console, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*headers, header_style="bold", title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)

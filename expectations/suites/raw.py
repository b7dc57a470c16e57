"""What comes in: whether each source kept its promise, and whether tonight's rows are whole."""

from collections.abc import Sequence

from expectations.checks import Check, Severity, Suite, at_least, at_most, filled
from expectations.fields import value_of
from expectations.sources import SourceState
from warehouse.context import RunContext
from warehouse.policy import Checks


def suites(context: RunContext, states: Sequence[SourceState]) -> list[Suite]:
    """Returns one suite over all sources' ages and volumes, and one per table loaded tonight."""
    return [_promises(context, states), *(_rows(context, s) for s in states if s.load_ids)]


def _promises(context: RunContext, states: Sequence[SourceState]) -> Suite:
    """Freshness, volume and rejects of every table: one row, a column for each number."""
    columns: list[str] = []
    checks: list[Check] = []
    policy = context.policy.checks
    for state in states:
        name = f"{state.table.source}_{state.table.name}"
        table = _table(state)
        subject = f"raw.{state.table.source}.{state.table.name}"
        # The catalog names the tables no list can do without.
        must: Severity = "block" if state.table.required else "warn"
        # Great Expectations goes through the whole stack for every decimal number it is given.
        columns.append(_number(state, "age_hours::double precision", f"{name}_age_hours"))
        checks.append(
            at_most(
                f"{subject}.freshness", must, table, f"{name}_age_hours",
                state.table.fresh_within_hours, " h",
            )
        )  # fmt: skip
        if state.rows_loaded + state.rows_rejected:
            columns.append(
                _number(
                    state,
                    "rows_rejected::double precision / (rows_loaded + rows_rejected)",
                    f"{name}_rejected_share",
                )
            )
            checks.append(
                at_most(
                    f"{subject}.rejected", must, table, f"{name}_rejected_share",
                    policy.max_rejected_share,
                )
            )  # fmt: skip
        if (state.usual_rows_of_day or 0) >= policy.min_judged_rows:
            columns.append(
                _number(
                    state,
                    "rows_of_day::double precision / usual_rows_of_day",
                    f"{name}_volume_share",
                )
            )
            checks.append(
                at_least(
                    f"{subject}.volume", "warn", table, f"{name}_volume_share",
                    policy.min_volume_share, " of the usual",
                )
            )  # fmt: skip
    query = (
        f"select {', '.join(columns)} from ops.source_status "  # noqa: S608
        f"where as_of_date = date '{context.as_of}'"
    )
    return Suite("raw.sources", query, checks)


def _number(state: SourceState, expression: str, name: str) -> str:
    table = state.table
    return (
        f"max({expression}) filter "
        f"(where source = '{table.source}' and table_name = '{table.name}') as {name}"
    )


def _rows(context: RunContext, state: SourceState) -> Suite:
    """Completeness of every field of tonight's rows.

    A key is never empty. Another field is compared with its own last 28 days, or, without that
    history, must hold something at all; few rows are not judged.
    """
    table = state.table
    policy = context.policy.checks
    subject = f"raw.{table.source}.{table.name}"
    must: Severity = "block" if table.required else "warn"
    checks = []
    for column in table.columns:
        check_id = f"{subject}.{column}.completeness"
        if column in table.key:
            checks.append(filled(check_id, must, _table(state), column))
        elif (share := _usual_share(state, column, policy)) is not None:
            checks.append(filled(check_id, "warn", _table(state), column, share))
    values = ", ".join(
        f'{value_of(name, kind)} as "{name}"' for name, kind in table.columns.items()
    )
    loads = ", ".join(f"'{load_id}'" for load_id in state.load_ids)
    query = (
        f"select {values} from {_table(state)} "  # noqa: S608
        f"where _dlt_load_id in ({loads})"
    )
    return Suite(subject, query, checks, reads=(_table(state),))


def _usual_share(state: SourceState, column: str, policy: Checks) -> float | None:
    """Returns the share of rows that must hold a value; None: nothing can be demanded."""
    if state.rows_loaded < policy.min_judged_rows:
        return None
    if state.earlier_rows < policy.min_judged_rows:
        return 0.0
    share = state.earlier_filled[column] / state.earlier_rows
    least = round(share - policy.max_completeness_drop, 4)
    return least if least > 0 else None


def _table(state: SourceState) -> str:
    return f"{state.table.raw_schema}.{state.table.name}"

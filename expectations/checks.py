"""The words the suites are written in: a check is a Great Expectations expectation with a name.

Importing this module imports Great Expectations, which takes about ten seconds; only the suites do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class Check:
    """One rule on one column of a batch.

    Attributes:
        check_id: `<door>.<subject>.<alert>`, stable and readable; the alert names the runbook page.
        table: what the rule is about, which need not be the batch's own table.
        expected: the rule in words, as people read it in the status and the briefing.
        expectation: the rule as Great Expectations runs it.
    """

    check_id: str
    severity: Severity
    table: str
    column: str
    expected: str
    expectation: Any


@dataclass(frozen=True)
class Suite:
    """Checks on one batch of rows.

    Attributes:
        query: the batch. It is taken into a temporary table once, so every check reads that slice.
        reads: tables the query needs; the guard says so if one is not there.
    """

    name: str
    query: str
    checks: Sequence[Check]
    reads: Sequence[str] = ()


def at_most(
    check_id: str, severity: Severity, table: str, column: str, limit: float, unit: str = ""
) -> Check:
    """No value of the column is above `limit`; a batch without values fails."""
    expectation = gxe.ExpectColumnMaxToBeBetween(
        column=column, max_value=limit, **_named(check_id, severity)
    )
    return Check(check_id, severity, table, column, f"at most {limit:g}{unit}", expectation)


def at_least(
    check_id: str, severity: Severity, table: str, column: str, limit: float, unit: str = ""
) -> Check:
    """No value of the column is below `limit`; a batch without values fails."""
    expectation = gxe.ExpectColumnMinToBeBetween(
        column=column, min_value=limit, **_named(check_id, severity)
    )
    return Check(check_id, severity, table, column, f"at least {limit:g}{unit}", expectation)


def within(
    check_id: str,
    severity: Severity,
    table: str,
    column: str,
    low: float,
    high: float,
    unit: str = "",
) -> Check:
    """The one number of a batch of one row lies in [low, high]."""
    expectation = gxe.ExpectColumnMaxToBeBetween(
        column=column, min_value=low, max_value=high, **_named(check_id, severity)
    )
    return Check(check_id, severity, table, column, f"from {low:g} to {high:g}{unit}", expectation)


def between(
    check_id: str, severity: Severity, table: str, column: str, low: float, high: float
) -> Check:
    """Every value that is there lies in [low, high]."""
    expectation = gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=low, max_value=high, **_named(check_id, severity)
    )
    return Check(
        check_id, severity, table, column, f"every value from {low:g} to {high:g}", expectation
    )


def one_of(
    check_id: str,
    severity: Severity,
    table: str,
    column: str,
    allowed: Sequence[str],
    expected: str | None = None,
) -> Check:
    """Every value that is there is an allowed one."""
    expectation = gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=list(allowed), **_named(check_id, severity)
    )
    expected = expected or f"every value one of {', '.join(allowed)}"
    return Check(check_id, severity, table, column, expected, expectation)


def some_rows(check_id: str, severity: Severity, table: str, column: str) -> Check:
    """The batch has rows; `column` is the one that makes a row."""
    expectation = gxe.ExpectTableRowCountToBeBetween(min_value=1, **_named(check_id, severity))
    return Check(check_id, severity, table, column, "at least 1 row", expectation)


def filled(check_id: str, severity: Severity, table: str, column: str, share: float = 1.0) -> Check:
    """At least `share` of the rows hold a value; a share of 0 asks for a single one.

    A batch without rows fails.
    """
    expectation = gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
        column=column, min_value=share, strict_min=share == 0, **_named(check_id, severity)
    )
    expected = "filled in every row" if share == 1 else f"filled in at least {share:.1%} of rows"
    if share == 0:
        expected = "filled in some row"
    return Check(check_id, severity, table, column, expected, expectation)


def always_filled(check_id: str, severity: Severity, table: str, column: str) -> Check:
    """Every row holds a value; a batch without rows passes."""
    expectation = gxe.ExpectColumnValuesToNotBeNull(column=column, **_named(check_id, severity))
    return Check(check_id, severity, table, column, "filled in every row", expectation)


def filled_where(
    check_id: str, severity: Severity, table: str, column: str, where: str, values: Sequence[str]
) -> Check:
    """Every row whose column `where` is among `values` holds a value."""
    expectation = gxe.ExpectColumnValuesToNotBeNull(
        column=column, row_condition=Column(where).is_in(list(values)), **_named(check_id, severity)
    )
    expected = f"filled in every row where {where} is {' or '.join(values)}"
    return Check(check_id, severity, table, column, expected, expectation)


def unique(check_id: str, severity: Severity, table: str, column: str) -> Check:
    """No value stands twice."""
    expectation = gxe.ExpectColumnValuesToBeUnique(column=column, **_named(check_id, severity))
    return Check(check_id, severity, table, column, "every value once", expectation)


def _named(check_id: str, severity: Severity) -> dict[str, Any]:
    # Results come back in another order than the expectations went in: the name finds them again.
    return {
        "meta": {"check_id": check_id},
        "severity": "critical" if severity == "block" else "warning",
    }

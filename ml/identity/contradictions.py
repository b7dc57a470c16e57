"""In what two persons differ, so that they are not one: pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.identity.clusters import Known


def contradicted_field(between: "Known", first: "Known", second: "Known") -> str | None:
    """Returns in what two differ of which the one between them says nothing."""
    if not between.names and differ(first.names, second.names):
        return "name"
    if not between.birth_dates and dates_differ(first.birth_dates, second.birth_dates):
        return "birth date"
    return None


def differ(first: frozenset[str], second: frozenset[str]) -> bool:
    """Tells whether both say something, and nothing in common."""
    return bool(first) and bool(second) and not first & second


def dates_differ(first: frozenset[str], second: frozenset[str]) -> bool:
    """Tells whether no two of their dates (YYYYMMDD) can be one."""
    return differ(first, second) and not any(_same_day(a, b) for a in first for b in second)


def _same_day(first: str, second: str) -> bool:
    """Tells whether two dates are one, mistyped in one digit or with day and month swapped."""
    if sum(a != b for a, b in zip(first, second, strict=True)) <= 1:
        return True
    return first[:4] == second[:4] and first[4:6] == second[6:] and first[6:] == second[4:6]

"""One measured number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A line of `benchmarks/results.json`.

    Attributes:
        value: what was measured, in `unit`; ratios have the unit "x".
        target: what the project promises, or None for a number that is only reported.
        met: whether the promise was kept, or None without one.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    met: bool | None = None


def at_most(name: str, value: float, target: float, unit: str = "x") -> Result:
    """Returns a result whose promise is an upper bound."""
    return Result(name, round(value, 4), unit, target, value <= target)


def at_least(name: str, value: float, target: float, unit: str = "x") -> Result:
    """Returns a result whose promise is a lower bound."""
    return Result(name, round(value, 4), unit, target, value >= target)


def reported(name: str, value: float, unit: str) -> Result:
    """Returns a result that promises nothing."""
    return Result(name, round(value, 4), unit)

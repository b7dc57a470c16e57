"""Charts as inline SVG: bars and lines, without a plotting library."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 260, 56, 44, 10
_COLOURS = ("#35618f", "#d9822b", "#5b8c5a", "#a23e48", "#7d6b91", "#8c8c8c")
_ENDS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)  # of scales whose quarters are round

Series = Mapping[str, Sequence[float]]


def bars(labels: Sequence[str], series: Series, unit: str) -> str:
    """Returns a chart with one group of bars per label."""
    top = _top(series)
    step = (_WIDTH - _LEFT) / max(len(labels), 1)
    width = step * 0.8 / len(series)
    marks = []
    for number, values in enumerate(series.values()):
        for place, value in enumerate(values):
            x, y = _LEFT + place * step + step * 0.1 + number * width, _y(value, top)
            marks.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
                f' height="{_y(0, top) - y:.1f}" fill="{_colour(number)}"/>'
            )
    return _chart(labels, series, unit, marks)


def stacked_bars(labels: Sequence[str], series: Series, unit: str) -> str:
    """Returns a chart with one bar per label, the series one above the other."""
    sums = [sum(values) for values in zip(*series.values(), strict=True)]
    top = _top({"sum": sums})
    step = (_WIDTH - _LEFT) / max(len(labels), 1)
    below = [0.0] * len(labels)
    marks = []
    for number, values in enumerate(series.values()):
        for place, value in enumerate(values):
            upper, lower = _y(below[place] + value, top), _y(below[place], top)
            marks.append(
                f'<rect x="{_LEFT + (place + 0.1) * step:.1f}" y="{upper:.1f}"'
                f' width="{step * 0.8:.1f}" height="{lower - upper:.1f}" fill="{_colour(number)}"/>'
            )
            below[place] += value
    return _chart(labels, series, unit, marks, top)


def lines(labels: Sequence[str], series: Series, unit: str) -> str:
    """Returns a chart with one line per series."""
    top = _top(series)
    step = (_WIDTH - _LEFT) / max(len(labels), 1)
    marks = []
    for number, values in enumerate(series.values()):
        points = " ".join(
            f"{_LEFT + (place + 0.5) * step:.1f},{_y(value, top):.1f}"
            for place, value in enumerate(values)
        )
        marks.append(
            f'<polyline points="{points}" fill="none" stroke="{_colour(number)}" stroke-width="2"/>'
        )
    return _chart(labels, series, unit, marks)


def _chart(
    labels: Sequence[str], series: Series, unit: str, marks: list[str], top: float | None = None
) -> str:
    top = top or _top(series)
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img">']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(top * share, top)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(top * share)}</text>'
        )
    parts += marks
    step = (_WIDTH - _LEFT) / max(len(labels), 1)
    every = max(1, -(-len(labels) // 12))  # at most twelve labels can be read
    for place in range(0, len(labels), every):
        x = _LEFT + (place + 0.5) * step
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">'
            f"{escape(labels[place])}</text>"
        )
    x = float(_LEFT)
    for number, name in enumerate(series):
        parts.append(
            f'<rect x="{x:.1f}" y="{_HEIGHT - 8}" width="10" height="10" fill="{_colour(number)}"/>'
            f'<text x="{x + 14:.1f}" y="{_HEIGHT + 1}">{escape(name)}</text>'
        )
        x += 30 + 7 * len(name)
    parts.append(
        f'<text x="{_WIDTH}" y="{_HEIGHT + 1}" text-anchor="end">{escape(unit)}</text></svg>'
    )
    return "".join(parts)


def _top(series: Series) -> float:
    """Returns where the scale ends: the lowest number above all whose quarters are round."""
    highest = max((value for values in series.values() for value in values), default=0) or 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(power * step for step in _ENDS if highest <= power * step)


def _y(value: float, top: float) -> float:
    return _TOP + (_HEIGHT - _BOTTOM - _TOP) * (1 - value / top)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from demo.company import charts
from demo.company.describe import describe
from tests.demo.company.conftest import LayDown
from warehouse.errors import SourceError
from warehouse.settings import Settings

DAY = date(2024, 5, 31)


def marks(svg: str) -> list[ElementTree.Element]:
    """Returns the bars and lines of a chart, without the ten points high squares of its legend."""
    drawn = [e for e in ElementTree.fromstring(svg).iter() if e.tag in ("rect", "polyline")]
    return [mark for mark in drawn if mark.get("height") != "10"]


def test_the_page_draws_every_distribution_alike_each_time_and_loads_nothing(
    lay: LayDown, company_settings: Settings, tmp_path: Path
) -> None:
    lay(DAY)
    page = describe(company_settings, tmp_path / "company.html").read_text()
    drawn = dict(re.findall(r"<h2>(.*?)</h2>.*?(<svg.*?</svg>)", page, re.DOTALL))
    assert len(drawn) == 10
    for title, svg in drawn.items():
        # In a company as small as this one hardly anybody leaves within so few days.
        if not title.startswith("Left within"):
            heights = [float(mark.get("height", 100)) for mark in marks(svg)]
            assert max(heights) >= 100, title
    assert "2024-05" in drawn["Customers by month"]
    assert not re.search(r"https?://|<script|<link", page)
    assert describe(company_settings, tmp_path / "again.html").read_text() == page


def test_a_company_that_is_not_laid_down_cannot_be_described(
    isolated_settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="not laid down"):
        describe(isolated_settings, tmp_path / "company.html")


def test_bars_are_as_high_as_their_values() -> None:
    drawn = marks(charts.bars(["a", "b"], {"one": [4, 1], "two": [2, 0]}, "pieces"))
    heights = [float(mark.get("height", "nan")) for mark in drawn]
    assert [round(height / heights[0], 2) for height in heights] == [1, 0.25, 0.5, 0]


def test_stacked_bars_stand_one_above_the_other() -> None:
    lower, upper = marks(charts.stacked_bars(["a"], {"one": [1], "two": [3]}, "pieces"))
    assert float(upper.get("y", "")) + float(upper.get("height", "")) == float(lower.get("y", ""))
    assert float(upper.get("height", "")) == pytest.approx(3 * float(lower.get("height", "")), 0.01)


def test_a_text_in_a_chart_is_a_text() -> None:
    assert "<b>" not in charts.lines(["<b>"], {"<b>": [1]}, "<b>")

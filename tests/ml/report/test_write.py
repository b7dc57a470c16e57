import re
from dataclasses import replace

from ml.report.write import minimum_data, write
from tests.ml.conftest import TONIGHT
from tests.ml.world import AS_OF
from warehouse.context import RunContext


def test_the_page_shows_every_rival_with_intervals_and_needs_nothing_from_outside(
    trained: RunContext,
) -> None:
    page = write(replace(trained, as_of=AS_OF)).read_text(encoding="utf-8")
    for name in ("recency_cuts", "churn_factor", "rfm_cells", "rfm_logistic", "bg_nbd"):
        assert page.count(f">{name}</th>") == 2
    assert page.count("<polyline") == 2 * 3 * 2
    assert page.count("many purchases") == 2
    assert re.search(r"-0\.\d{4} \(-0\.\d{4} to -0\.\d{4}\)", page)
    assert "2017-11-01</th>" in page
    assert not re.search(r"https?://|<script|<img|url\(|@import", page)
    assert write(replace(trained, as_of=AS_OF)).read_text(encoding="utf-8") == page


def test_every_cause_of_a_refusal_is_listed_with_its_remedy(trained: RunContext) -> None:
    page = write(trained).read_text(encoding="utf-8")
    assert trained.as_of == TONIGHT
    assert "No model was trained as of this day." in page
    for cause, _, remedy in minimum_data(trained.policy):
        assert cause in page
        assert remedy in page

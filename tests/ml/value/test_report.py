from ml.report.write import write
from warehouse.context import RunContext


def test_the_evaluation_page_shows_the_value_model_beside_every_rival(learned: RunContext) -> None:
    page = write(learned).read_text(encoding="utf-8")
    for name in ("past_rate", "rfm_cells", "rfm_regression", "bg_nbd_gamma_gamma"):
        assert page.count(f">{name}</th>") == 1
    assert "80% intervals that held" in page
    assert "of the year after 2016-11-29" in page

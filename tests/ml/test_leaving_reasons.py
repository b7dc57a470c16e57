import yaml

from ml.leaving_reasons import LEAVING_REASONS, say
from warehouse.settings import REPOSITORY

_MART = REPOSITORY / "dbt_project" / "models" / "marts" / "customer_leaving_reasons.yml"


def test_every_reason_of_the_mart_has_words_in_both_languages_and_no_other_has() -> None:
    (model,) = yaml.safe_load(_MART.read_text(encoding="utf-8"))["models"]
    (reason,) = (column for column in model["columns"] if column["name"] == "reason")
    (test,) = reason["data_tests"]
    codes = test["accepted_values"]["arguments"]["values"]
    assert codes == [phrase.code for phrase in LEAVING_REASONS]
    for code in codes:
        english, korean = say(code, 0.5, "en"), say(code, 0.5, "ko")
        assert english.startswith(f"{code}: ")
        assert english != korean


def test_a_number_that_is_not_known_is_not_printed() -> None:
    assert say("price_rise", 0.08, "en") == (
        "price_rise: prices rose by 8% where the customer bought"
    )
    assert say("price_rise", None, "en") == "price_rise"
    assert say("moved", None, "ko") == "moved: 다른 지역으로 이사"

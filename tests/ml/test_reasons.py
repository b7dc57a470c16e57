import numpy as np

from ml.models import model_specs
from ml.reasons import Phrase, ReasonGroup, explain

ALWAYS = ReasonGroup("a", ("x",), (Phrase("always", "x is {x:.0f}", "x는 {x:.0f}"),))
SPLIT = ReasonGroup(
    "b",
    ("y",),
    (
        Phrase("high", "y is high", "y가 높음", when=lambda row: row["y"] > 1),
        Phrase("known", "y is {y:.1f}", "y는 {y:.1f}"),
        Phrase("unknown", "y is not known", "y를 알 수 없음"),
    ),
)


def test_reasons_for_the_score_come_first_and_those_against_say_so() -> None:
    columns = {"x": np.array([3.0, 3.0]), "y": np.array([2.0, 0.5])}
    contributions = np.array([[-0.9, 0.1], [0.2, 0.3]])
    assert explain([ALWAYS, SPLIT], contributions, columns, "en") == [
        ("high: y is high", "always: x is 3 (speaks against)", None),
        ("known: y is 0.5", "always: x is 3", None),
    ]


def test_an_unknown_value_is_never_printed() -> None:
    columns = {"x": np.array([1.0]), "y": np.array([np.nan])}
    assert explain([ALWAYS, SPLIT], np.array([[0.1, 0.2]]), columns, "ko") == [
        ("unknown: y를 알 수 없음", "always: x는 1", None)
    ]


def test_what_moves_nothing_is_no_reason() -> None:
    columns = {"x": np.array([1.0]), "y": np.array([1.0])}
    assert explain([ALWAYS, SPLIT], np.array([[0.0, 0.0]]), columns, "en") == [(None, None, None)]


def test_every_group_can_speak_of_a_customer_of_whom_nothing_is_known() -> None:
    for spec in model_specs().values():
        columns = {name: np.array([np.nan]) for name in spec.features}
        for group in spec.groups:
            if not group.phrases:
                continue
            assert explain([group], np.array([[1.0]]), columns, "en")[0][0] is not None


def test_every_feature_belongs_to_one_group_and_rule_and_phrases_use_no_other() -> None:
    for spec in model_specs().values():
        assert len(set(spec.features)) == len(spec.features)
        names = {group.name for group in spec.groups}
        assert set(spec.plain.inputs) <= set(spec.features)
        assert set(spec.plain.reasons) <= names
        assert {spec.group_of(name) for name in spec.outcome.expectations.names} <= names
        for group in spec.groups:
            for phrase in group.phrases:
                assert set(phrase.fields) <= set(group.features)

from dataclasses import replace

import numpy as np

from ml.models import model_specs
from ml.reasons import Phrase, ReasonGroup, Tier, explain

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


EVENT = ReasonGroup(
    "event",
    ("z",),
    (Phrase("event", "z is {z:.0f}", "z는 {z:.0f}"), Phrase("event_unknown", "no z", "z 없음")),
    tier=Tier.EVENT,
    happened=lambda row: row["z"] > 0,
)
SHARED = ReasonGroup(
    "shared",
    ("z",),
    (Phrase("shared", "z", "z"),),
    tier=Tier.CIRCUMSTANCE,
    happened=lambda row: row["z"] > 0,
)
HABIT = ReasonGroup("habit", ("y",), (Phrase("habit", "y", "y"),), tier=Tier.RHYTHM)


def test_events_come_before_circumstances_before_the_rhythm_before_stronger_symptoms() -> None:
    columns = {"x": np.ones(2), "y": np.ones(2), "z": np.array([1.0, 0.0])}
    contributions = np.array([[0.9, 0.3, 0.2, 0.1], [0.9, 0.3, 0.0, 0.0]])
    assert explain([ALWAYS, HABIT, SHARED, EVENT], contributions, columns, "en") == [
        ("event: z is 1", "shared: z", "habit: y"),
        ("habit: y", "always: x is 1", None),
    ]


def test_what_has_not_happened_or_hardly_counts_or_speaks_against_is_no_cause() -> None:
    columns = {
        "x": np.array([3.0, 3.0, 3.0, 3.0]),
        "z": np.array([0.0, np.nan, 1.0, 1.0]),
    }
    contributions = np.array([[0.2, 0.1], [0.2, 0.1], [0.2, 0.009], [0.2, -0.3]])
    assert explain([ALWAYS, EVENT], contributions, columns, "en") == [
        ("always: x is 3", "event: z is 0", None),
        ("always: x is 3", "event_unknown: no z", None),
        ("always: x is 3", "event: z is 1", None),
        ("always: x is 3", "event: z is 1 (speaks against)", None),
    ]


NEARBY = replace(SHARED, name="nearby", features=("y",), phrases=(Phrase("nearby", "y", "y"),))


def test_a_circumstance_that_has_happened_is_named_before_the_rhythm_whatever_it_contributes() -> (
    None
):
    columns = {"x": np.ones(4), "y": np.ones(4), "z": np.array([1.0, 1.0, 1.0, 0.0])}
    contributions = np.array([[0.9, -0.3], [0.9, 0.01], [0.9, 0.0], [0.9, -0.3]])
    assert explain([HABIT, SHARED], contributions, columns, "en") == [
        ("shared: z", "habit: y", None),
        ("shared: z", "habit: y", None),
        ("shared: z", "habit: y", None),
        ("habit: y", "shared: z (speaks against)", None),
    ]


def test_an_event_comes_before_a_circumstance_and_of_two_that_which_contributes_more() -> None:
    columns = {name: np.ones(2) for name in "xyz"}
    contributions = np.array([[-0.3, -0.1, 0.2], [0.1, -0.3, -0.2]])
    assert explain([SHARED, NEARBY, EVENT], contributions, columns, "en") == [
        ("event: z is 1", "nearby: y", "shared: z"),
        ("shared: z", "nearby: y", "event: z is 1 (speaks against)"),
    ]


def test_only_a_cause_says_when_it_has_happened_and_what_brings_back_has_none() -> None:
    for group in model_specs()["churn"].groups:
        assert (group.happened is not None) == (group.tier in {Tier.EVENT, Tier.CIRCUMSTANCE})
        assert set(group.shared) <= set(group.features)
    assert {group.tier for group in model_specs()["winback"].groups} == {Tier.SYMPTOM}


def test_what_everybody_shares_on_a_day_is_not_watched() -> None:
    for spec in (model_specs()[name] for name in ("churn", "winback")):
        assert "price_change_168d" in spec.features
        assert "calendar_month" not in spec.watched
        assert "price_change_168d" not in spec.watched
        assert "discounted_line_share" in spec.watched


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

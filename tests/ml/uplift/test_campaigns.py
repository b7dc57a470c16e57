"""What contact changes, learned through the walk's tables and scored by what is in force."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from ml import artefacts
from ml.uplift.experiment import experiment_days, read_experiment
from ml.uplift.score import score_effects
from ml.uplift.settings import CONTACT_EFFECT
from ml.uplift.train import train
from tests.ml.uplift.campaigns import AS_OF, TONIGHT, Campaigns, build
from warehouse.connections import connect_arrow
from warehouse.context import RunContext
from warehouse.errors import ModelError
from warehouse.policy import Policy
from warehouse.settings import Settings


def rows(context: RunContext, query: str) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(query.encode()).fetchall()


def score(context: RunContext) -> dict[str, int | str]:
    with context.connection() as connection, closing(connect_arrow(context.url)) as reader:
        return score_effects(context, connection, reader)


@pytest.fixture(scope="module")
def learned(
    settings: Settings,
    policy: Policy,
    new_warehouse: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> RunContext:
    """The night after both models have learned planted effects; for tests that change nothing."""
    home = tmp_path_factory.mktemp("learned")
    context = RunContext(
        settings=settings.model_copy(update={"living_crm_home": home}),
        policy=policy,
        as_of=AS_OF,
        run_id="training",
        url=new_warehouse(),
    )
    build(context.url, Campaigns())
    for model in ("contact_effect", "contact_harm"):
        train(context, model)
    tonight = replace(context, as_of=TONIGHT, run_id="night")
    score(tonight)
    return tonight


@pytest.fixture
def campaigns_of(
    isolated_settings: Settings, policy: Policy, warehouse: str
) -> Callable[[Campaigns], RunContext]:
    """Makes campaigns of the test's own, not yet learned from, as of the training day."""

    def make(campaigns: Campaigns) -> RunContext:
        build(warehouse, campaigns)
        return RunContext(
            settings=isolated_settings, policy=policy, as_of=AS_OF, run_id="test", url=warehouse
        )

    return make


@pytest.mark.parametrize("model", ["contact_effect", "contact_harm"])
def test_planted_effects_ship_and_beat_a_random_order_on_later_campaigns(
    learned: RunContext, model: str
) -> None:
    ((outcome, reason, metrics),) = rows(
        learned,
        f"select outcome, reason, metrics from ml.training_runs where model_name = '{model}'",
    )
    assert outcome == "promoted", reason
    assert metrics["signal"] > 4
    assert metrics["qini"]["low"] > 0
    assert metrics["gain"]["random"]["value"] > 0
    assert set(metrics["gain"]) == {"random", "response_model"}
    assert (metrics["marked"] is None) == (model == "contact_effect")
    assert metrics["marked"] is None or metrics["marked"]["low"] > 0.1
    counts = metrics["experiment"]
    assert counts["test"]["campaigns"] == 3
    # One campaign ends less than 28 days before the first of the test and is left out.
    assert counts["training"]["campaigns"] == 8


def test_the_moved_have_the_greater_effect_and_those_driven_away_are_not_woken(
    learned: RunContext,
) -> None:
    ((moved, others, average),) = rows(
        learned,
        """
        select
            avg(effect) filter (where offer_response > 1.4),
            avg(effect) filter (where offer_response < 1.1), avg(effect)
        from ml.contact_effects
        inner join features.ftr_customers using (person_id, as_of_date)
        """,
    )
    assert moved > 2 * others
    assert average == pytest.approx(0.27, abs=0.06)  # half of them, nine tenths of 0.6 purchases
    assert rows(
        learned,
        """
        select is_do_not_wake, min(contact_withdrawal_count), max(contact_withdrawal_count)
        from ml.contact_effects
        inner join features.ftr_customers using (person_id, as_of_date)
        group by is_do_not_wake order by is_do_not_wake
        """,
    ) == [(False, 0.0, 0.0), (True, 1.0, 1.0)]


def test_a_night_scored_again_says_the_same(learned: RunContext) -> None:
    query = "select * from ml.contact_effects order by person_id"
    before = rows(learned, query)
    assert score(learned)["contact_effects"] == len(before) == 900
    assert rows(learned, query) == before


def test_a_damaged_artefact_is_an_error_with_its_remedy(learned: RunContext) -> None:
    ((path,),) = rows(
        learned,
        "select artefact_path from ml.model_versions where model_name = 'contact_effect'",
    )
    file = learned.settings.models_dir / path / artefacts.MODEL
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match=r"model\.ubj .* does not match its checksum.*Restore"):
        score(learned)
    file.write_bytes(whole)


def test_a_model_of_other_days_is_refused(learned: RunContext) -> None:
    contact = learned.policy.contact.model_copy(update={"effect_days": 14})
    other = replace(learned, policy=learned.policy.model_copy(update={"contact": contact}))
    with pytest.raises(ModelError, match=r"comes within 28 days.*effect_days is 14"):
        score(other)


def test_the_same_experiment_gives_the_same_version_to_the_byte(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(persons=400))
    first = train(context, "contact_effect")
    folder = context.settings.models_dir / "contact_effect" / str(first.facts["version"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / artefacts.MODEL).write_bytes(b"damaged")
    assert train(context, "contact_effect") == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_a_control_group_there_is_no_experiment_and_no_effect(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(persons=50, control_share=0.0))
    report = train(context, "contact_effect")
    assert report.facts["outcome"] == "refused"
    assert "holds no experiment: 0 campaigns" in str(report.facts["reason"])
    assert score(replace(context, as_of=TONIGHT)) == {"contact_effects": 0, "do_not_wake": 0}
    assert rows(context, "select count(*) from ml.contact_effects") == [(0,)]


def test_campaigns_without_an_offer_teach_nothing_about_lists_with_one(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(persons=50, has_offer=False))
    with context.connection() as connection:
        assert experiment_days(connection, context.policy, AS_OF) == []
    assert train(context, "contact_effect").facts["outcome"] == "refused"


def test_effects_that_do_not_differ_are_not_claimed_and_nothing_ships(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(effect=0.0, persons=400))
    report = train(context, "contact_effect")
    assert report.facts["outcome"] == "refused"
    ((reason,),) = rows(context, "select reason from ml.training_runs")
    assert "No effect ships: " in reason
    assert rows(context, "select status from ml.model_versions") == [("candidate",)]
    assert rows(context, "select count(*) from ml.champions") == [(0,)]


def test_whoever_was_drawn_twice_for_a_campaign_is_left_out(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(persons=50))

    def people() -> set[str]:
        found = read_experiment(context.url, context.policy, AS_OF, CONTACT_EFFECT)
        first = found.where(found.campaigns == found.campaigns[0])
        return {first.person_ids[person] for person in first.persons}

    before = people()
    with context.connection() as connection:
        connection.execute(
            """
            insert into marts.fct_assignments
            select 'second record', person_id, campaign_id, 'control', assigned_date,
                known_from_date
            from marts.fct_assignments where assignment_id = 'c00-7'
            """
        )
    assert before - people() == {"P00007"}


def test_a_missing_label_stops_the_training(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    context = campaigns_of(Campaigns(persons=50))
    with context.connection() as connection:
        connection.execute("delete from features.customer_labels where person_id = 'P00003'")
    with pytest.raises(ModelError, match=r"rows of the experiment have no label at 28 days"):
        train(context, "contact_effect")


def test_an_unknown_model_is_named_with_those_there_are(
    campaigns_of: Callable[[Campaigns], RunContext],
) -> None:
    with pytest.raises(ModelError, match="contact_effect, contact_harm"):
        train(campaigns_of(Campaigns(count=1, persons=5)), "contact")

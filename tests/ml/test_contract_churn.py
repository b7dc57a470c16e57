from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from ml.outcomes import PURCHASE, RENEWAL
from ml.rivals.catalogue import RENEWAL_RIVALS
from ml.score import score
from ml.snapshots import snapshot_days
from ml.train import train
from tests.ml.conftest import TONIGHT, at_small_scale
from tests.ml.world import AS_OF, FIRST_DAY, World, build
from warehouse.context import RunContext
from warehouse.policy import Policy
from warehouse.settings import Settings

HOLDERS = 150
ENDS_WITHIN, AHEAD = 14, 14 + 28


def with_contracts(policy: Policy) -> Policy:
    populations = policy.populations.model_copy(update={"contract_ends_within_days": ENDS_WITHIN})
    return policy.model_copy(update={"populations": populations})


@pytest.fixture(scope="module")
def holders(
    settings: Settings,
    policy: Policy,
    new_warehouse: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> RunContext:
    """The night after the model was trained on holders of contracts alone."""
    context = RunContext(
        settings=settings.model_copy(
            update={"living_crm_home": tmp_path_factory.mktemp("holders")}
        ),
        policy=with_contracts(policy),
        as_of=AS_OF,
        run_id="training",
        url=new_warehouse(),
    )
    days = snapshot_days(RENEWAL, context.policy, AS_OF, FIRST_DAY)
    build(context.url, context.policy, World(live=0, lapsed=0, contract=HOLDERS), [*days, TONIGHT])
    with context.connection() as connection:
        # A source that came to be known after the last day that is learned from.
        connection.execute(
            "update features.ftr_customers set login_count_28d = null where as_of_date < %s",
            (TONIGHT,),
        )
    context = at_small_scale(context, 1)
    train(context, "contract_churn")
    return replace(context, as_of=TONIGHT, run_id="night")


def _all(context: RunContext, query: str) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(query.encode()).fetchall()


def test_days_to_learn_from_are_those_whose_contracts_had_time_to_end_and_to_be_renewed(
    policy: Policy,
) -> None:
    contracts = with_contracts(policy)
    of_renewal = snapshot_days(RENEWAL, contracts, AS_OF, FIRST_DAY)
    of_purchase = snapshot_days(PURCHASE, contracts, AS_OF, FIRST_DAY)
    assert of_renewal[-1] == AS_OF - timedelta(days=AHEAD)
    assert len(of_renewal) > len(of_purchase)
    # One row of days, so that snapshots are shared.
    assert set(of_purchase[:-1]) <= set(of_renewal)


def test_a_model_of_renewals_passes_the_same_gate_against_rivals_of_its_own(
    holders: RunContext,
) -> None:
    ((outcome, reason, metrics),) = _all(
        holders, "select outcome, reason, metrics from ml.training_runs"
    )
    assert outcome == "promoted", reason
    assert set(metrics["rivals"]) == {rival.name for rival in RENEWAL_RIVALS}
    assert metrics["days"]["embargoed"]
    # Two in five do not renew, and that is the event.
    assert 0.2 < metrics["test_positives"] / metrics["test_rows"] < 0.6


def test_every_holder_is_scored_with_the_horizon_and_the_planted_cause_first(
    holders: RunContext,
) -> None:
    report = score(holders)
    assert report.facts["contract_churn_rows"] == HOLDERS
    assert report.facts["contract_churn_abstained"] == 0
    assert _all(
        holders, "select distinct score_name, horizon_days, model_kind from ml.customer_scores"
    ) == [("contract_churn", AHEAD, "xgboost")]
    refused, others = (
        _all(
            holders,
            f"""
            select avg(probability), avg((reason_1 like 'complaint%')::integer)
            from ml.customer_scores inner join features.ftr_customers using (person_id, as_of_date)
            where refused_complaint_count_168d {sign} 1
            """,
        )[0]
        for sign in ("=", "!=")
    )
    assert refused[0] > 2 * others[0]
    assert refused[1] > 0.9


def test_what_nobody_was_known_by_in_training_is_not_watched(holders: RunContext) -> None:
    score(holders)
    ((unknown,),) = _all(holders, "select metrics -> 'unknown_features' from ml.training_runs")
    assert unknown == ["login_count_28d"]
    subjects = {subject for (subject,) in _all(holders, "select subject from ml.watch_drift")}
    assert {"score", "login_count_84d", "contract_days_left"} <= subjects
    assert "login_count_28d" not in subjects


def test_where_the_policy_knows_no_contracts_the_training_is_refused_by_name(
    holders: RunContext, policy: Policy
) -> None:
    without = replace(holders, policy=policy)
    report = train(without, "contract_churn")
    assert report.facts["outcome"] == "refused"
    assert "nobody is in the population contract" in str(report.facts["reason"])
    assert "contract_ends_within_days" in str(report.facts["reason"])


def test_too_few_holders_are_refused_and_the_plain_rule_scores(holders: RunContext) -> None:
    strict = holders.policy.training.model_copy(update={"min_train_rows": 10**6})
    earlier = replace(
        holders,
        as_of=AS_OF - timedelta(days=1),
        policy=holders.policy.model_copy(update={"training": strict}),
    )
    with holders.connection() as connection:
        connection.execute(
            "update features.ftr_customers set as_of_date = as_of_date - 1;"
            "update features.customer_labels set as_of_date = as_of_date - 1"
        )
    try:
        report = train(earlier, "contract_churn")
        assert "contract rows to learn from" in str(report.facts["reason"])
        facts = score(replace(earlier, as_of=AS_OF)).facts
        assert (facts["contract_churn_kind"], facts["contract_churn_rows"]) == ("rule", HOLDERS)
    finally:
        with holders.connection() as connection:
            connection.execute(
                "update features.ftr_customers set as_of_date = as_of_date + 1;"
                "update features.customer_labels set as_of_date = as_of_date + 1"
            )


def test_what_came_of_contracts_is_held_against_the_scores_when_all_is_known(
    holders: RunContext,
) -> None:
    due = TONIGHT + timedelta(days=AHEAD)
    score(holders)
    with holders.connection() as connection:
        connection.execute(
            """
            create table activation.target_list_entries (
                as_of_date date, person_id text, treatment_group text
            );
            create table marts.fct_contracts (person_id text, start_date date);
            -- Half of them sign on the last day that counts, ten of those a day later.
            insert into marts.fct_contracts
            select person_id,
                as_of_date + contract_days_left::integer + case when place <= 10 then 29 else 28 end
            from (
                select *, row_number() over (order by person_id) as place
                from features.ftr_customers where as_of_date = '2017-11-30'
            ) as numbered
            where place <= 75;
            """
        )
        connection.execute(
            "insert into features.ftr_customers (person_id, as_of_date, population)"
            " values ('later', %s, 'live')",
            (due,),
        )
    score(replace(holders, as_of=due))
    ((persons_watched, realised, due_date),) = _all(
        holders,
        "select sum(persons), sum(realised * persons), max(due_date) from ml.watch_outcomes"
        " where score_name = 'contract_churn'",
    )
    assert persons_watched == HOLDERS
    assert due_date == due == date(2018, 1, 11)
    assert np.isclose(realised, HOLDERS - 65)

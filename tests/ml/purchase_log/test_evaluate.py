import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.purchase_log.evaluate import Evaluation, evaluate, plan_days
from ml.purchase_log.read import EPOCH, PurchaseLog, purchase_log
from tests.ml.rivals.simulate import simulated_log
from warehouse.cli import app
from warehouse.errors import LivingCrmError, SettingsError, TooLittleData
from warehouse.policy import Policy

AS_OF, HORIZON = date(2020, 11, 1), 60


@pytest.fixture(scope="module")
def log() -> PurchaseLog:
    return simulated_log(1500, 400, seed=5)


@pytest.fixture(scope="module")
def found(log: PurchaseLog, policy: Policy) -> Evaluation:
    return run(log, policy)


def run(log: PurchaseLog, policy: Policy, as_of: date = AS_OF) -> Evaluation:
    return evaluate(
        log, as_of, horizon_days=HORIZON, live_within_days=HORIZON, minima=policy.training
    )


def few(log: PurchaseLog, customers: int) -> PurchaseLog:
    rows = log.customer < customers
    return purchase_log(log.customer[rows], log.day[rows], log.spent[rows])


def test_whatever_is_learned_was_known_on_the_day_of_the_test(log: PurchaseLog) -> None:
    plan = plan_days(log, AS_OF, HORIZON)
    horizon = timedelta(days=HORIZON)
    assert plan.learning[-1] + horizon == AS_OF
    assert plan.fit[-1] + horizon <= plan.validation[0]
    assert plan.learning[0] - horizon >= log.first_day
    assert list(plan.learning) == sorted(set(plan.learning))


def test_on_customers_who_live_by_bg_nbd_nothing_is_far_better_than_bg_nbd(
    found: Evaluation,
) -> None:
    tasks = found.as_json()["tasks"]
    assert set(tasks["churn"]["rivals"]) == {
        "recency_cuts", "churn_factor", "rfm_cells", "rfm_logistic", "bg_nbd",
    }  # fmt: skip
    for task in ("churn", "winback"):
        best = tasks[task]["rivals"]["bg_nbd"]
        own = tasks[task]["candidate"]
        assert own["roc_auc"] == pytest.approx(best["roc_auc"], abs=0.04)
        assert own["log_loss"] < best["log_loss"] + 0.025
        assert own["calibration_error_beyond_chance"] < 0.05
        assert tasks[task]["verdict"].startswith("The best rival ships")
    value = tasks["value"]
    assert value["candidate"]["gini"] > value["rivals"]["bg_nbd_gamma_gamma"]["gini"] - 0.05


def test_the_same_log_gives_the_same_bytes(log: PurchaseLog, policy: Policy) -> None:
    first, second = (json.dumps(run(few(log, 500), policy).as_json()) for _ in range(2))
    assert first == second


def test_ten_customers_are_refused_with_every_number(log: PurchaseLog, policy: Policy) -> None:
    for outcome in run(few(log, 10), policy, date(2020, 10, 1)).outcomes:
        assert outcome.judgement is None
        assert "1000 would do" in str(outcome.refusal)
        assert "Remedy: Take a longer log" in str(outcome.refusal)


def test_one_class_only_is_refused(policy: Policy) -> None:
    day = (date(2020, 1, 1) - EPOCH).days + np.arange(0, 400, 10)
    customer = np.repeat(np.arange(200), len(day))
    faithful = purchase_log(customer, np.tile(day, 200), np.tile(np.arange(1.0, 41), 200))
    churn, winback, value = run(faithful, policy).outcomes
    assert "of the rarer outcome to test on: 0, 30 would do" in str(churn.refusal)
    assert "lapsed rows to learn from: 0" in str(winback.refusal)
    assert value.refusal is None


def test_constant_amounts_refuse_value_alone(log: PurchaseLog, policy: Policy) -> None:
    log = few(log, 500)
    constant = purchase_log(log.customer, log.day, np.full(len(log.day), 5.0))
    churn, _, value = run(constant, policy).outcomes
    assert churn.refusal is None
    assert "the same amount" in str(value.refusal)


def test_a_log_that_ends_too_early_or_begins_too_late_says_which_day_would_do(
    log: PurchaseLog, policy: Policy
) -> None:
    with pytest.raises(SettingsError, match=f"up to {log.last_day - timedelta(days=HORIZON)}"):
        run(log, policy, date(2021, 1, 1))
    with pytest.raises(TooLittleData, match="195 are needed"):
        run(log, policy, date(2020, 4, 1))


def test_the_command_prints_a_table_and_writes_json(log: PurchaseLog, tmp_path: Path) -> None:
    path, target = tmp_path / "log.csv", tmp_path / "out.json"
    days = np.datetime64(EPOCH) + log.day
    lines = [
        f"{c},{d},{a:.2f}" for c, d, a in zip(log.customer, days, log.spent, strict=True) if c < 500
    ]
    path.write_text("\n".join(["customer,date,amount", *lines]) + "\n")
    asked = ["evaluate", str(path), "--as-of", "2020-11-01", "--horizon", "60"]
    result = CliRunner().invoke(app, [*asked, "--json", str(target)])
    assert result.exit_code == 0, result.output
    assert "model less" in result.output
    assert "bg_nbd_gamma_gamma" in result.output
    assert set(json.loads(target.read_text())["tasks"]) == {"churn", "winback", "value"}

    path.write_text("\n".join(["customer,date,amount", *lines[:30]]) + "\n")
    result = CliRunner().invoke(app, asked)
    assert isinstance(result.exception, LivingCrmError)

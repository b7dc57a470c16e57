import json

import numpy as np

from ml import evaluate
from ml.rivals import catalogue
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import INPUTS, Lesson
from ml.rivals.expectations import RenewalExpectations

ROWS, HORIZON = 4000, 105


def lesson() -> Lesson:
    """Contracts renewed by whoever bought lately or has renewed before; a tenth never bought."""
    rng = np.random.default_rng(3)
    recency = rng.integers(0, 200, ROWS).astype(float)
    columns = {
        "contract_days_left": rng.integers(0, 45, ROWS).astype(float),
        "contract_tenure_days": rng.integers(300, 1500, ROWS).astype(float),
        "contract_renewal_count": rng.integers(0, 3, ROWS).astype(float),
        "contract_monthly_fee": rng.choice([9_000.0, 19_000.0], ROWS),
        "recency_days": recency,
    }
    odds = 1.0 - recency / 50 + columns["contract_renewal_count"]
    renewed = rng.uniform(size=ROWS) < 1 / (1 + np.exp(-odds))
    columns["recency_days"] = np.where(np.arange(ROWS) % 10 == 0, np.nan, recency)
    buyers = {name: np.arange(1.0, 101.0) + place for place, name in enumerate(INPUTS)}
    process = BuyTillYouDie.fit({**buyers, "purchase_day_count": np.full(100, 2.0)})
    return Lesson(columns, renewed, np.zeros(ROWS), HORIZON, process)


def test_every_rival_of_renewals_is_calibrated_and_says_something_of_everybody() -> None:
    taught = lesson()
    nothing = evaluate.log_losses(np.full(ROWS, taught.outcome.mean()), taught.outcome).mean()
    losses = {}
    for name, rival in catalogue.fit_probability_rivals(taught, catalogue.RENEWAL_RIVALS).items():
        probability = rival.probability(taught.columns)
        assert ((probability > 0) & (probability < 1)).all(), name
        assert evaluate.calibration_errors(probability, taught.outcome)[0] < 0.04, name
        losses[name] = evaluate.log_losses(probability, taught.outcome).mean()
        revived = catalogue.probability_rival(json.loads(json.dumps(catalogue.as_json(rival))))
        assert np.array_equal(revived.probability(taught.columns), probability)
    assert losses["base_rate"] == nothing
    assert losses["earlier_renewals"] < nothing
    assert losses["recency_cuts"] < nothing
    assert losses["contract_logistic"] == min(losses.values())


def test_what_is_expected_of_a_contract_needs_no_purchase() -> None:
    taught = lesson()
    unknown = {**taught.columns, "recency_days": np.full(ROWS, np.nan)}
    (expected,) = RenewalExpectations.fit(taught).columns(unknown).values()
    assert not np.isnan(expected).any()
    assert "recency_days" not in RenewalExpectations.needed

import numpy as np
import pytest

from ml.arrays import FloatArray
from ml.rivals import bg_nbd, gamma_gamma
from ml.rivals.bg_nbd import BgNbd
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.gamma_gamma import GammaGamma
from tests.ml.rivals.simulate import AMOUNTS, TIMING, Purchases, simulate, summarise

NOW, DAYS, HORIZON = 300.0, 360, 60.0


@pytest.fixture(scope="module")
def purchases() -> Purchases:
    return simulate(20_000, DAYS, seed=7)


def test_bg_nbd_recovers_the_parameters_of_simulated_customers(purchases: Purchases) -> None:
    x, t_x, T, _ = summarise(purchases, NOW)  # noqa: N806
    fitted = BgNbd.fit(x, t_x, T)
    assert fitted.r == pytest.approx(TIMING.r, rel=0.08)
    assert fitted.alpha == pytest.approx(TIMING.alpha, rel=0.08)
    assert fitted.a == pytest.approx(TIMING.a, rel=0.15)
    assert fitted.b == pytest.approx(TIMING.b, rel=0.2)


def test_gamma_gamma_recovers_the_parameters_of_simulated_customers(purchases: Purchases) -> None:
    x, _, _, mean = summarise(purchases, NOW)
    fitted = GammaGamma.fit(x + 1, mean)
    assert fitted.p == pytest.approx(AMOUNTS.p, rel=0.1)
    assert fitted.q == pytest.approx(AMOUNTS.q, rel=0.1)
    assert fitted.gamma == pytest.approx(AMOUNTS.gamma, rel=0.15)


def test_what_simulated_customers_do_next_is_what_was_expected(purchases: Purchases) -> None:
    x, t_x, T, mean = summarise(purchases, NOW)  # noqa: N806
    later = purchases.time > NOW
    size = len(x)
    count = np.bincount(purchases.customer[later], minlength=size)
    spend = np.bincount(purchases.customer[later], purchases.amount[later], minlength=size)
    silence = TIMING.silence_probability(x, t_x, T, HORIZON)
    expected = TIMING.expected_purchases(x, t_x, T, HORIZON)
    amount = AMOUNTS.expected_amount(x + 1, mean)
    for group in (x == 0, (x > 0) & (x <= 3), x > 3, T - t_x > 100):
        assert silence[group].mean() == pytest.approx((count[group] == 0).mean(), abs=0.012)
        assert expected[group].mean() == pytest.approx(count[group].mean(), rel=0.07)
        assert (expected * amount)[group].mean() == pytest.approx(spend[group].mean(), rel=0.1)


def test_expected_purchases_equal_their_integral_over_those_who_may_leave() -> None:
    from scipy.stats import beta

    shares = (np.arange(5000) + 0.5) / 5000
    tenure = np.array([150.0])
    for a in (0.6, 1.0, 1.0 + 1e-9, 2.5, 30.0):
        for x in (0.0, 1.0, 7.0, 400.0):
            model = BgNbd(r=0.5, alpha=10.0, a=a, b=0.3)
            leaves = beta(a, model.b + x).ppf(shares)
            quiet = np.exp(-(model.r + x) * np.log1p(leaves * HORIZON / (model.alpha + tenure)))
            rows = np.array([x]), tenure - 5.0 if x else np.zeros(1), tenure
            integral = np.mean((1 - quiet) / leaves) * model.alive_probability(*rows)[0]
            assert model.expected_purchases(*rows, HORIZON)[0] == pytest.approx(integral, rel=2e-3)


@pytest.mark.parametrize("parameters", [(0.3, 2.0, 0.8, 2.4), (3.0, 0.5, 0.2, 0.4)])
def test_the_derivatives_are_those_of_the_likelihood(
    purchases: Purchases, parameters: tuple[float, ...]
) -> None:
    x, t_x, T, mean = (values[:300] for values in summarise(purchases, NOW))  # noqa: N806

    def timing(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        return bg_nbd._log_likelihood(at, x, t_x, T)

    def amounts(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        return gamma_gamma._log_likelihood(at[0], at[1], at[2], x + 1, mean)

    for likelihood, size in ((timing, 4), (amounts, 3)):
        at = np.array(parameters[:size])
        slopes = likelihood(at)[1]
        for index in range(size):
            step = np.zeros(size)
            step[index] = 1e-6
            change = (likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-6
            assert np.allclose(slopes[index], change, rtol=1e-4, atol=1e-4)


def test_a_base_in_which_nobody_bought_twice_is_all_alive_and_finite() -> None:
    base = {
        "recency_days": np.arange(1.0, 101),
        "tenure_days": np.arange(1.0, 101),
        "purchase_day_count": np.ones(100),
        "spend_per_purchase_day": np.full(100, 5.0),
    }
    process = BuyTillYouDie.fit(base)
    assert np.all(process.alive_probability(base) == 1)
    spend = process.expected_spend(base)
    assert np.isfinite(spend).all()
    assert (spend >= 0).all()
    assert process.expected_amount(base) == pytest.approx(5.0)  # as everybody spends


def test_who_gave_everything_back_is_expected_to_spend_as_all_do() -> None:
    known = AMOUNTS.expected_amount(np.array([0.0]), np.array([0.0]))
    returned = AMOUNTS.expected_amount(np.array([5.0]), np.array([-2.0]))
    assert returned == pytest.approx(known)
    assert known[0] == pytest.approx(AMOUNTS.p * AMOUNTS.gamma / (AMOUNTS.q - 1))

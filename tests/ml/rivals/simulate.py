"""Customers who buy and leave exactly as BG/NBD with Gamma-Gamma says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import FloatArray
from ml.purchase_log.read import EPOCH, PurchaseLog, purchase_log
from ml.rivals.bg_nbd import BgNbd
from ml.rivals.gamma_gamma import GammaGamma

TIMING = BgNbd(r=0.8, alpha=25.0, a=0.7, b=2.5)
AMOUNTS = GammaGamma(p=6.0, q=4.0, gamma=15.0)


@dataclass(frozen=True)
class Purchases:
    """One row per purchase; times are days and parts of days since the simulation began."""

    customer: NDArray[np.int64]
    time: FloatArray
    amount: FloatArray
    born: FloatArray


def simulate(customers: int, days: int, seed: int) -> Purchases:
    """Returns the purchases of customers who begin in the first third of the days."""
    rng = np.random.default_rng(seed)
    born = rng.uniform(0, days / 3, customers)
    rate = rng.gamma(TIMING.r, 1 / TIMING.alpha, customers)
    leaves = rng.beta(TIMING.a, TIMING.b, customers)
    scale = rng.gamma(AMOUNTS.q, 1 / AMOUNTS.gamma, customers)
    who, when = [np.arange(customers)], [born]
    alive, time = np.arange(customers), born
    while len(alive):
        time = time + rng.exponential(1 / rate[alive])
        alive, time = alive[time < days], time[time < days]
        who.append(alive)
        when.append(time)
        stays = rng.uniform(size=len(alive)) >= leaves[alive]
        alive, time = alive[stays], time[stays]
    customer = np.concatenate(who)
    amount = rng.gamma(AMOUNTS.p, 1 / scale[customer])
    return Purchases(customer, np.concatenate(when), amount, born)


def summarise(
    purchases: Purchases, until: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Returns x, t_x, T and the mean amount of each customer, by a moment."""
    known = purchases.time <= until
    size = len(purchases.born)
    count = np.bincount(purchases.customer[known], minlength=size).astype(np.float64)
    total = np.bincount(purchases.customer[known], purchases.amount[known], minlength=size)
    last = purchases.born.copy()
    np.maximum.at(last, purchases.customer[known], purchases.time[known])
    return count - 1, last - purchases.born, until - purchases.born, total / count


def simulated_log(customers: int, days: int, seed: int) -> PurchaseLog:
    """Returns the purchases as a log of days that begins on 2020-01-01."""
    from datetime import date

    begin = (date(2020, 1, 1) - EPOCH).days
    found = simulate(customers, days, seed)
    return purchase_log(
        found.customer, begin + found.time.astype(np.int64), np.round(found.amount, 2)
    )

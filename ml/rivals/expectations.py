"""What the rivals expect of a customer, as inputs of a model (docs/decisions/0030)."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from ml.arrays import Columns
from ml.rivals import contract, renewal
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.rivals.probability import ChurnFactor, RfmLogistic
from ml.rivals.renewal import ContractLogistic
from ml.rivals.value import RfmRegression

_OF_PROCESS = (
    "bg_nbd_alive_probability",
    "bg_nbd_purchase_probability",
    "bg_nbd_expected_purchases",
    "gamma_gamma_expected_amount",
    "bg_nbd_gamma_gamma_expected_spend",
)


class Expectations(Protocol):
    """What rivals expect of a customer, a column each.

    Attributes:
        names: of the columns.
        inputs: what the rivals read of a customer.
        needed: those among them without which they expect nothing.
    """

    names: ClassVar[tuple[str, ...]]
    inputs: ClassVar[tuple[str, ...]]
    needed: ClassVar[tuple[str, ...]]

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Returns what `lesson` teaches."""
        ...

    def columns(self, columns: Columns) -> Columns:
        """Returns one column for each of `names`, in their order."""
        ...


@dataclass(frozen=True)
class PurchaseExpectations:
    """What is expected of the next purchase within the horizon."""

    inputs: ClassVar[tuple[str, ...]] = contract.INPUTS
    needed: ClassVar[tuple[str, ...]] = contract.INPUTS
    names: ClassVar[tuple[str, ...]] = (
        "expected_by_rfm_logistic",
        "expected_by_churn_factor",
        *_OF_PROCESS,
    )
    logistic: RfmLogistic
    factor: ChurnFactor
    process: BuyTillYouDie
    horizon_days: int

    @classmethod
    def fit(cls, lesson: Lesson) -> "PurchaseExpectations":
        """Returns what `lesson` teaches."""
        return cls(
            RfmLogistic.fit(lesson), ChurnFactor.fit(lesson), lesson.process, lesson.horizon_days
        )

    def columns(self, columns: Columns) -> Columns:
        """Returns one column for each of `names`, in their order."""
        return {
            "expected_by_rfm_logistic": self.logistic.probability(columns),
            "expected_by_churn_factor": self.factor.probability(columns),
            **_of_process(self.process, columns, self.horizon_days),
        }


@dataclass(frozen=True)
class RenewalExpectations:
    """What is expected of a contract that ends soon."""

    names: ClassVar[tuple[str, ...]] = ("expected_by_contract_logistic",)
    inputs: ClassVar[tuple[str, ...]] = renewal.INPUTS
    needed: ClassVar[tuple[str, ...]] = renewal.NEEDED
    logistic: ContractLogistic

    @classmethod
    def fit(cls, lesson: Lesson) -> "RenewalExpectations":
        """Returns what `lesson` teaches."""
        return cls(ContractLogistic.fit(lesson))

    def columns(self, columns: Columns) -> Columns:
        """Returns one column for each of `names`, in their order."""
        return {"expected_by_contract_logistic": self.logistic.probability(columns)}


@dataclass(frozen=True)
class SpendExpectations:
    """What is expected of the spend within the horizon."""

    names: ClassVar[tuple[str, ...]] = ("expected_by_rfm_regression", *_OF_PROCESS)
    regression: RfmRegression
    process: BuyTillYouDie
    horizon_days: int

    @classmethod
    def fit(cls, lesson: Lesson) -> "SpendExpectations":
        """Returns what `lesson` teaches."""
        return cls(RfmRegression.fit(lesson), lesson.process, lesson.horizon_days)

    def columns(self, columns: Columns) -> Columns:
        """Returns one column for each of `names`, in their order."""
        return {
            "expected_by_rfm_regression": self.regression.spend(columns),
            **_of_process(self.process, columns, self.horizon_days),
        }


def _of_process(process: BuyTillYouDie, columns: Columns, days: int) -> Columns:
    purchases, amount = process.expected_purchases(columns, days), process.expected_amount(columns)
    return {
        "bg_nbd_alive_probability": process.alive_probability(columns),
        "bg_nbd_purchase_probability": process.purchase_probability(columns, days),
        "bg_nbd_expected_purchases": purchases,
        "gamma_gamma_expected_amount": amount,
        "bg_nbd_gamma_gamma_expected_spend": purchases * amount,
    }

"""The data sets that come with source systems to run on: one interface for all of them."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from warehouse.context import StepReport
from warehouse.errors import SettingsError
from warehouse.policy import Policy
from warehouse.settings import Settings


@dataclass(frozen=True)
class Demo:
    """What a demo can do.

    Attributes:
        first_day: the first business day it holds.
        shown_day: the night that is shown unless another is asked for.
        check_day: raises `SettingsError` for a day it does not hold.
        lay_down: brings the source systems to the end of a day.
        wound_to: the last day they hold; None where nothing is laid down.
        review: labels the pairs of records that were drawn to be judged; returns how many.
        start: starts the source systems' own servers, if the demo is laid down.
        stop: stops them.
    """

    first_day: date
    shown_day: date
    check_day: Callable[[date], None]
    lay_down: Callable[[Settings, Policy, date], StepReport]
    wound_to: Callable[[Settings], date | None]
    review: Callable[[Settings, date], int]
    start: Callable[[Settings], None]
    stop: Callable[[Settings], None]


def called_later(function: str) -> Callable[..., Any]:
    """Returns `module:function` as a function whose module is imported when it is called.

    A night asks its demo for little, mostly; what lays a demo down imports much.
    """
    module, _, name = function.partition(":")

    def call(*arguments: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*arguments)

    return call


def find_demo(settings: Settings) -> Demo | None:
    """Returns the demo of the installation's data set, or None when the data is a company's own."""
    try:
        found = importlib.util.find_spec(f"demo.{settings.data}.demo")
    except ModuleNotFoundError:
        return None
    if found is None:
        return None
    demo: Demo = importlib.import_module(f"demo.{settings.data}.demo").DEMO
    return demo


def require_demo(settings: Settings) -> Demo:
    """Returns the demo of the installation's data set; raises `SettingsError` without one."""
    demo = find_demo(settings)
    if demo is None:
        raise SettingsError(
            f"The data set {settings.data} is no demo.",
            "Set DATA=company or DATA=complete_journey.",
        )
    return demo

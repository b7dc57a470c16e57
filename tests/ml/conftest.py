"""Worlds with planted causes, one of them trained once for all tests that only read it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache

import pytest

from ml.train import train
from tests.ml.world import AS_OF, World, build
from warehouse.context import RunContext
from warehouse.policy import Policy
from warehouse.settings import Settings

TONIGHT = date(2017, 11, 30)


def at_small_scale(context: RunContext, trials: int) -> RunContext:
    """Returns a run that tries so few settings, for the sake of time.

    A thousand rows tell a calibration error of 0.03 from none by luck only: 0.05 is allowed.
    """
    training = context.policy.training.model_copy(
        update={"search_trials": trials, "max_calibration_error": 0.05}
    )
    return replace(context, policy=context.policy.model_copy(update={"training": training}))


@pytest.fixture(scope="session")
def trained(
    settings: Settings,
    policy: Policy,
    new_warehouse: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> RunContext:
    """The night after both models were trained; for tests that leave the registry as it is."""
    home = tmp_path_factory.mktemp("trained")
    context = RunContext(
        settings=settings.model_copy(update={"living_crm_home": home}),
        policy=policy,
        as_of=AS_OF,
        run_id="training",
        url=new_warehouse(),
    )
    build(context.url, policy, World())
    context = at_small_scale(context, 2)
    train(context, "churn")
    train(context, "winback")
    return replace(context, as_of=TONIGHT, run_id="night")


@pytest.fixture(scope="session")
def worlds(new_warehouse: Callable[[], str], policy: Policy) -> Callable[[World], str]:
    """Makes worlds, each once; returns the URL of its database, which is only ever copied."""

    @cache
    def make(world: World) -> str:
        url = new_warehouse()
        build(url, policy, world)
        return url

    return make


@pytest.fixture
def world_of(
    isolated_settings: Settings,
    policy: Policy,
    worlds: Callable[[World], str],
    copy_of: Callable[[str], str],
) -> Callable[[World], RunContext]:
    """Makes a world of the test's own, not yet trained, as of the training day."""

    def make(world: World) -> RunContext:
        context = RunContext(
            settings=isolated_settings,
            policy=policy,
            as_of=AS_OF,
            run_id="test",
            url=copy_of(worlds(world)),
        )
        return at_small_scale(context, 1)

    return make

"""One world trained once for all tests that leave its registry as it is."""

from collections.abc import Callable

import pytest

from ml.value.train import train
from tests.ml.value.world import AS_OF, World, build
from warehouse.context import RunContext
from warehouse.policy import Policy
from warehouse.settings import Settings


@pytest.fixture(scope="session")
def learned(
    settings: Settings,
    policy: Policy,
    new_warehouse: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> RunContext:
    """The day of a training whose model has shipped."""
    home = tmp_path_factory.mktemp("learned")
    context = RunContext(
        settings=settings.model_copy(update={"living_crm_home": home}),
        policy=policy,
        as_of=AS_OF,
        run_id="training",
        url=new_warehouse(),
    )
    build(context.url, World())
    train(context)
    return context


@pytest.fixture
def base_of(
    isolated_settings: Settings, policy: Policy, warehouse: str
) -> Callable[[World], RunContext]:
    """Makes a small world of the test's own, not yet trained, as of the day of the training."""

    def make(world: World) -> RunContext:
        build(warehouse, world)
        training = policy.training.model_copy(update={"min_train_rows": 300})
        return RunContext(
            settings=isolated_settings,
            policy=policy.model_copy(update={"training": training}),
            as_of=AS_OF,
            run_id="test",
            url=warehouse,
        )

    return make

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ml import registry
from ml.score import score
from ml.train import train
from tests.ml.conftest import TONIGHT, at_small_scale
from tests.ml.world import AS_OF, World
from warehouse.context import RunContext
from warehouse.errors import ModelError
from warehouse.policy import Policy
from warehouse.settings import Settings


def _in_force(context: RunContext, day: date) -> str | None:
    with context.connection() as connection:
        champion = registry.champion_for(connection, "churn", day)
    return champion.version if champion else None


def _statuses(context: RunContext) -> dict[str, str]:
    with context.connection() as connection:
        return dict(
            connection.execute(
                "select version, status from ml.model_versions where model_name = 'churn'"
            ).fetchall()
        )


def _churn_scores(context: RunContext) -> list[tuple[Any, ...]]:
    score(context)
    with context.connection() as connection:
        return connection.execute(
            "select * from ml.customer_scores where score_name = 'churn' and as_of_date = %s"
            " order by person_id",
            (context.as_of,),
        ).fetchall()


@pytest.fixture(scope="module")
def two_nights_of_training(
    settings: Settings,
    policy: Policy,
    worlds: Callable[[World], str],
    copy_of: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> RunContext:
    """A model of the day before, and the one of AS_OF, made different by another seed."""
    home = tmp_path_factory.mktemp("twice trained")
    context = RunContext(
        settings=settings.model_copy(update={"living_crm_home": home}),
        policy=policy,
        as_of=AS_OF,
        run_id="training",
        url=copy_of(worlds(World())),
    )
    context = at_small_scale(context, 1)
    train(context, "churn")
    with context.connection() as connection:
        connection.execute(
            """
            update features.ftr_customers set as_of_date = as_of_date + 1;
            update features.customer_labels set as_of_date = as_of_date + 1;
            """
        )
    train(replace(context, as_of=AS_OF + timedelta(days=1)), "churn")
    return replace(context, as_of=date(2017, 12, 1), run_id="test")


@pytest.fixture
def twice_trained(
    two_nights_of_training: RunContext,
    isolated_settings: Settings,
    copy_of: Callable[[str], str],
) -> RunContext:
    """The same as a test's own: it may do with the registry what it likes."""
    shutil.copytree(
        two_nights_of_training.settings.living_crm_home, isolated_settings.living_crm_home
    )
    return replace(
        two_nights_of_training,
        settings=isolated_settings,
        url=copy_of(two_nights_of_training.url),
    )


def test_after_a_rollback_the_version_before_scores_and_earlier_days_reproduce(
    twice_trained: RunContext,
) -> None:
    old, new = _in_force(twice_trained, TONIGHT), _in_force(twice_trained, date(2017, 12, 1))
    assert old and new and old != new
    before = _churn_scores(twice_trained)
    with twice_trained.connection() as connection:
        assert registry.rollback(connection, "churn", date(2017, 12, 2)) == old
    assert _in_force(twice_trained, date(2017, 12, 2)) == old
    assert _in_force(twice_trained, date(2017, 12, 1)) == new
    assert _churn_scores(twice_trained) == before
    assert _statuses(twice_trained) == {old: "champion", new: "retired"}
    with (
        twice_trained.connection() as connection,
        pytest.raises(ModelError, match="No churn model was in force before"),
    ):
        registry.rollback(connection, "churn", date(2017, 12, 2))


def test_a_rollback_outlives_the_repeated_training_of_the_day_before(
    twice_trained: RunContext,
) -> None:
    old = _in_force(twice_trained, TONIGHT)
    with twice_trained.connection() as connection:
        registry.rollback(connection, "churn", date(2017, 12, 1))
    train(replace(twice_trained, as_of=TONIGHT), "churn")
    assert _in_force(twice_trained, date(2017, 12, 1)) == old


def test_an_appointed_version_scores_from_its_day_on_as_it_did_before(
    twice_trained: RunContext,
) -> None:
    old = _in_force(twice_trained, TONIGHT)
    new = _in_force(twice_trained, date(2017, 12, 1))
    before = _churn_scores(twice_trained)
    models_dir = twice_trained.settings.models_dir
    with twice_trained.connection() as connection:
        registry.appoint(connection, models_dir, "churn", str(old), date(2017, 12, 1))
    assert {row[3] for row in _churn_scores(twice_trained)} == {old}
    with twice_trained.connection() as connection:
        registry.appoint(connection, models_dir, "churn", str(new), date(2017, 12, 1))
    assert _churn_scores(twice_trained) == before
    with (
        twice_trained.connection() as connection,
        pytest.raises(ModelError, match="no churn version 'nonsense'"),
    ):
        registry.appoint(connection, models_dir, "churn", "nonsense", date(2017, 12, 1))
    with (
        twice_trained.connection() as connection,
        pytest.raises(ModelError, match="trained as of 2017-11-30: it cannot score 2017-11-30"),
    ):
        registry.appoint(connection, models_dir, "churn", str(new), TONIGHT)


def test_a_retired_model_gives_way_to_the_plain_rule(twice_trained: RunContext) -> None:
    with twice_trained.connection() as connection:
        registry.retire(connection, "churn", date(2017, 12, 1))
    assert score(twice_trained).facts["churn_version"] == "rule-1"
    assert _in_force(twice_trained, TONIGHT) is not None
    assert set(_statuses(twice_trained).values()) == {"retired"}


def test_nothing_in_force_cannot_be_rolled_back(
    context_for: Callable[[date], RunContext],
) -> None:
    with (
        context_for(AS_OF).connection() as connection,
        pytest.raises(ModelError, match="No churn model is in force on 2017-11-29"),
    ):
        registry.rollback(connection, "churn", AS_OF)


@pytest.mark.parametrize("name", ["manifest.json", "model.ubj"])
def test_a_damaged_or_missing_artefact_stops_the_scoring_with_the_remedy(
    twice_trained: RunContext, name: str
) -> None:
    version = _in_force(twice_trained, date(2017, 12, 1))
    file = twice_trained.settings.models_dir / "churn" / str(version) / name
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(ModelError, match=rf"{name} of churn .* Remedy: Restore the folder"):
        score(twice_trained)
    file.unlink()
    with pytest.raises(ModelError, match=f"{name} of churn .* is missing"):
        score(twice_trained)


def test_the_summary_names_the_latest_training_of_each_model(trained: RunContext) -> None:
    with trained.connection() as connection:
        summary = registry.training_summary(connection)
    assert [(row["model_name"], row["as_of_date"], row["outcome"]) for row in summary] == [
        ("churn", AS_OF, "promoted"),
        ("winback", AS_OF, "promoted"),
    ]

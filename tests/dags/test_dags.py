"""What holds for every DAG of this project."""

import json
import subprocess
import sys
from typing import Any

import pytest

from warehouse.policy import Policy
from warehouse.settings import REPOSITORY
from warehouse.walk import WALKS

HEAVY = {"pandas", "dbt", "dlt", "great_expectations", "xgboost", "sklearn", "splink", "sqlalchemy"}
DAG_IDS = ["customer_nightly", "identity_train", "identity_unmerge", "models_train"]
ON_DEMAND = ["identity_unmerge"]


@pytest.fixture(scope="package")
def dags(airflow_variables: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=REPOSITORY / "dags")
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_dags_are_the_walks(dags: dict[str, Any]) -> None:
    assert sorted(dags) == sorted(WALKS) == DAG_IDS


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_says_what_it_is_for_and_what_to_do_at_night(
    dags: dict[str, Any], dag_id: str
) -> None:
    page = dags[dag_id].doc_md
    for heading in ("What it does.", "Owner.", "At 3 a.m.", "Safe to run again."):
        assert f"**{heading}**" in page


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_dag_runs_one_day_at_a_time_in_the_policys_zone_and_never_catches_up(
    dags: dict[str, Any], dag_id: str, policy: Policy
) -> None:
    dag = dags[dag_id]
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.max_active_tasks == 4
    if dag_id in ON_DEMAND:
        assert dag.schedule is None
    else:
        assert dag.timetable.timezone == policy.time_zone
    assert len(dag.tasks) <= 25


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_task_has_an_owner_retries_a_time_limit_and_an_alert(
    dags: dict[str, Any], dag_id: str
) -> None:
    for task in dags[dag_id].tasks:
        assert task.owner == "data-engineering"
        assert task.execution_timeout is not None
        assert task.on_failure_callback
        assert task.retries > 0 or task.task_id == "finish_run"
        assert task.retry_delay.total_seconds() > 0


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_the_tasks_and_their_order_are_those_of_the_walk(dags: dict[str, Any], dag_id: str) -> None:
    from warehouse.settings import load_settings

    dag, steps = dags[dag_id], WALKS[dag_id](load_settings())
    assert set(dag.task_ids) == {"begin_run", "finish_run", *(step.name for step in steps)}
    for step in steps:
        task = dag.get_task(step.name)
        assert task.upstream_task_ids == {"begin_run", *step.after}
        assert task.trigger_rule == (
            "all_done_min_one_success" if step.tolerates_failure else "all_success"
        )
    assert dag.get_task("finish_run").upstream_task_ids == set(dag.task_ids) - {"finish_run"}
    assert dag.get_task("finish_run").trigger_rule == "all_done"


def test_parsing_imports_nothing_heavy_and_needs_no_database(
    airflow_variables: dict[str, str],
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    variables = {
        **airflow_variables, "WAREHOUSE_URL": nowhere,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": nowhere,
    }  # fmt: skip
    code = (
        "import json, sys\n"
        "from airflow.sdk import DAG\n"
        "before = set(sys.modules)\n"
        "import dags.customer_nightly, dags.models_train\n"
        "import dags.identity_train, dags.identity_unmerge\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True, capture_output=True, text=True, cwd=REPOSITORY,
        env=variables,
    )  # fmt: skip
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    assert "warehouse" in imported
    assert imported.isdisjoint(HEAVY)

"""Walks of tiny steps, laid out by the same code as the real ones."""

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from dags.business_day import AS_OF
from dags.defaults import DEFAULT_ARGS
from dags.walk_tasks import walk
from warehouse.walk import Step

STEPS = "tests.dags.steps:"


def tiny(
    dag_id: str, load: str = "succeed", guard: str = "succeed", publish: str = "succeed"
) -> DAG:
    """Defines a walk whose first steps do what their names say."""
    with DAG(
        dag_id=dag_id,
        schedule=CronDataIntervalTimetable("0 2 * * *", timezone="America/New_York"),
        catchup=False,
        max_active_runs=1,
        default_args={**DEFAULT_ARGS, "retry_delay": timedelta(seconds=0)},
        params={"as_of": AS_OF},
    ) as dag:
        walk([
            Step("load_shop", "load", STEPS + load),
            Step("load_crm", "load", STEPS + "succeed"),
            Step(
                "check_raw", "check_raw", STEPS + guard,
                after=("load_shop", "load_crm"), tolerates_failure=True,
            ),
            Step("publish", "publish", STEPS + publish, after=("check_raw",)),
            Step("brief", "brief", STEPS + "succeed", after=("publish",), tolerates_failure=True),
        ])  # fmt: skip
    return dag


def asking(dag_id: str) -> DAG:
    """Defines a walk whose one step is given a parameter of the run."""
    with DAG(
        dag_id=dag_id,
        schedule=None,
        default_args=dict(DEFAULT_ARGS),
        params={"as_of": AS_OF, "rows": Param(type="string")},
    ) as dag:
        walk([Step("count", "publish", STEPS + "count", asks=("rows",))])
    return dag


DAGS = {
    "tiny_asking": asking("tiny_asking"),
    "tiny_success": tiny("tiny_success"),
    "tiny_blocked": tiny("tiny_blocked", guard="block"),
    "tiny_unreachable": tiny("tiny_unreachable", load="miss_source"),
    "tiny_stalled": tiny("tiny_stalled", publish="stall"),
}

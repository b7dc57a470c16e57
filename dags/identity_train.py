"""Learn anew, every month, how much each agreement of two person records is worth.

**What it does.** Estimates the weights by which pairs of records are judged, from the records as
they stand and without labels, and registers them as a version of the artefact `identity`. The
nights after judge all pairs by it; what people decided keeps winning, and a person whose records
stay together keeps its id. Runs on the first day of the month at 05:00, in the time zone of
`policy.yml`.

**Owner.** data-engineering

**At 3 a.m.** Nothing burns: the nightly run goes on with the weights it has. Read the last line of
the red task's log; it says what was found and what to do, and names its page in `docs/runbooks`.

**Safe to run again.** Always: the same day and data give the same weights. Another day: trigger
with `as_of`.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.business_day import AS_OF
from dags.defaults import DEFAULT_ARGS
from dags.walk_tasks import walk
from warehouse.policy import load_policy
from warehouse.settings import load_settings
from warehouse.walk import identity_training

settings = load_settings()

with DAG(
    dag_id="identity_train",
    schedule=CronDataIntervalTimetable(
        "0 5 1 * *", timezone=load_policy(settings.policy_file).time_zone
    ),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=4,
    default_args=dict(DEFAULT_ARGS),
    params={"as_of": AS_OF},
    doc_md=__doc__,
    tags=["training"],
) as dag:
    walk(identity_training(settings))

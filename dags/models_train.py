"""Learn anew, every week, who leaves, who comes back, what all will spend and what contact changes.

**What it does.** Builds point-in-time snapshots of the features, trains the models of churn,
win-back, contracts not renewed and value, and tests each on later days than it learned from. A
model that beats every rival is in force from the day after; else the best rival is. One that falls
behind the model in force, or too little data, changes nothing. What contact changes is learned from
campaigns with a random control group; if it does not show on later campaigns, nothing ships and the
lists go by propensity. `ml.training_runs` says why. Runs on Mondays at 04:00, in the time zone of
`policy.yml`, as of Sunday.

**Owner.** data-engineering

**At 3 a.m.** Nothing burns: the nightly run goes on with the model in force. Read the last line of
the first red task's log; it says what was found and what to do, and names its page in
`docs/runbooks`.

**Safe to run again.** Always: the same day and data give the same model. Another day: trigger with
`as_of`.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.business_day import AS_OF
from dags.defaults import DEFAULT_ARGS
from dags.walk_tasks import walk
from warehouse.policy import load_policy
from warehouse.settings import load_settings
from warehouse.walk import training

settings = load_settings()

with DAG(
    dag_id="models_train",
    schedule=CronDataIntervalTimetable(
        "0 4 * * 1", timezone=load_policy(settings.policy_file).time_zone
    ),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=4,
    default_args=dict(DEFAULT_ARGS),
    params={"as_of": AS_OF},
    doc_md=__doc__,
    tags=["training"],
) as dag:
    walk(training(settings))

"""From the sources to today's target lists, every night.

**What it does.** Reads what the sources held at the end of one business day, decides who is who,
builds the customer view, scores who is about to leave and who can be won back, publishes the target
lists and writes the morning briefing:
load, check_raw, standardise, identify, model, check_customers, score, choose, check_lists, publish,
brief, framed by begin_run and finish_run. The run that starts at 02:00 is for the day that has just
ended, in the time zone of `policy.yml`.

**Owner.** data-engineering

**At 3 a.m.** Find the first red task: its log ends with one line that says what was found and what
to do, and names its page in `docs/runbooks`. A red guard (`check_...`) is no breakdown: data came
that must not go on, and yesterday's lists stay in force. `finish_run` is red whenever any step was.

**Safe to run again.** Always: each step replaces its own day. Clear the first red task and those
after it. Days of the past: trigger with `as_of`, or backfill, one after the other:

    python -m warehouse.airflow backfill create --dag-id customer_nightly --max-active-runs 1
        --from-date FIRST_DAY --to-date DAY_AFTER_THE_LAST
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from dags.business_day import AS_OF
from dags.defaults import DEFAULT_ARGS
from dags.walk_tasks import walk
from warehouse.policy import load_policy
from warehouse.settings import load_settings
from warehouse.walk import nightly

settings = load_settings()

with DAG(
    dag_id="customer_nightly",
    schedule=CronDataIntervalTimetable(
        "0 2 * * *", timezone=load_policy(settings.policy_file).time_zone
    ),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=4,
    default_args=dict(DEFAULT_ARGS),
    params={"as_of": AS_OF},
    doc_md=__doc__,
    tags=["walk"],
) as dag:
    walk(nightly(settings))

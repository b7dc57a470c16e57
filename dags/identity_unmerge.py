"""Take a wrongly merged person apart, for good, and list what the wrong merge touched.

**What it does.** The same as `living-crm identity unmerge`: sets the records named in `apart` (or
those beyond the weakest probabilistic link) apart by never-links, gives the parts their ids at
once, and keeps in `identity.recalls` every list entry, publication, score, contact and consent that
the person had while it was one. The marts and lists follow at the next night. Runs only when
triggered, with the person, who decides, and why:

    {"person_id": "P...", "by": "NAME", "because": "TEXT", "apart": "shop:17 crm:K0000042",
     "as_of": "YYYY-MM-DD"}

**Owner.** data-engineering

**At 3 a.m.** Somebody waits for this run. Its log ends with one line that says what was found and
what to do: mostly a person or a record that does not exist.

**Safe to run again.** Always: a run that has taken the person apart does not do so a second time.
To take it back, decide again: `living-crm identity decide ... --same`.
"""

from airflow.sdk import DAG, Param

from dags.business_day import AS_OF
from dags.defaults import DEFAULT_ARGS
from dags.walk_tasks import walk
from warehouse.settings import load_settings
from warehouse.walk import unmerging

settings = load_settings()

with DAG(
    dag_id="identity_unmerge",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    max_active_tasks=4,
    default_args=dict(DEFAULT_ARGS),
    params={
        "as_of": AS_OF,
        "person_id": Param(type="string", minLength=1, title="Person", description="Its id."),
        "by": Param(type="string", minLength=1, title="Who decides"),
        "because": Param(type="string", minLength=1, title="Why"),
        "apart": Param(
            "",
            type="string",
            title="Records to set apart",
            description="SOURCE:ID, spaces between; empty: beyond the weakest link.",
        ),
    },
    doc_md=__doc__,
    tags=["identity"],
) as dag:
    walk(unmerging(settings))

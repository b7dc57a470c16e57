"""How good the links of a day are as a whole: persons, mere name-list people, precision, recall."""

import psycopg

from ml.identity.connectedness import Connectedness
from ml.identity.estimates import Estimate, Stratum, precision, recall
from ml.identity.samples import STRATA
from warehouse.catalog import name_lists
from warehouse.context import RunContext

# The newest sample that somebody has begun to label by the day.
_LABELS = """
with newest as (
    select max(month) as month
    from identity.samples
    where label is not null and labelled_at <= %(as_of)s
)

select
    strata.month,
    strata.stratum,
    strata.pair_count,
    count(samples.label) filter (where samples.labelled_at <= %(as_of)s),
    count(*) filter (where samples.label = 'same' and samples.labelled_at <= %(as_of)s)
from newest
inner join identity.sample_strata as strata on newest.month = strata.month
left join identity.samples as samples
    on strata.month = samples.month and strata.stratum = samples.stratum
group by strata.month, strata.stratum, strata.pair_count
"""

_WRITE = """
insert into identity.link_quality values (
    %(as_of)s, %(records)s, %(persons)s, %(only)s, %(share)s, %(month)s, %(labelled)s,
    %(precision)s, %(precision_lower)s, %(precision_upper)s,
    %(recall)s, %(recall_lower)s, %(recall_upper)s
)
on conflict (as_of_date) do update set
    records = excluded.records,
    persons = excluded.persons,
    name_list_only_persons = excluded.name_list_only_persons,
    name_list_only_share = excluded.name_list_only_share,
    sample_month = excluded.sample_month,
    labelled_pairs = excluded.labelled_pairs,
    precision_estimate = excluded.precision_estimate,
    precision_lower = excluded.precision_lower,
    precision_upper = excluded.precision_upper,
    recall_estimate = excluded.recall_estimate,
    recall_lower = excluded.recall_lower,
    recall_upper = excluded.recall_upper
"""


def write_quality(
    connection: psycopg.Connection, context: RunContext, connected: Connectedness
) -> dict[str, int | float | str]:
    """Replaces the day's row of `identity.link_quality`; returns its counts and estimates."""
    lists = set(name_lists(context.settings))
    records = persons = only = 0
    for *of_sources, alike in connected.persons:
        records += sum(of_sources) * alike
        persons += alike
        elsewhere = (
            count for source, count in zip(connected.sources, of_sources, strict=True)
            if source not in lists
        )  # fmt: skip
        only += 0 if any(elsewhere) else alike
    rows = connection.execute(_LABELS, {"as_of": context.as_of}).fetchall()
    strata = dict.fromkeys(STRATA, Stratum(0, 0, 0)) | {
        stratum: Stratum(pairs, labelled, same) for _, stratum, pairs, labelled, same in rows
    }
    exact = precision(strata["linked"])
    complete = recall(strata["linked"], strata["reviewable"], strata["near"])
    connection.execute(
        _WRITE,
        {
            "as_of": context.as_of,
            "records": records,
            "persons": persons,
            "only": only,
            "share": only / persons if persons else None,
            "month": rows[0][0] if rows else None,
            "labelled": sum(stratum.labelled for stratum in strata.values()),
            **_columns("precision", exact),
            **_columns("recall", complete),
        },
    )
    facts: dict[str, int | float | str] = {
        "records": records, "persons": persons, "name_list_only_persons": only,
    }  # fmt: skip
    if exact:
        facts["precision"] = round(exact.share, 4)
    if complete:
        facts["recall"] = round(complete.share, 4)
    return facts


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        name: estimate.share if estimate else None,
        f"{name}_lower": estimate.lower if estimate else None,
        f"{name}_upper": estimate.upper if estimate else None,
    }

"""Keeps what the watch saw of a day: drift, and foretold against come by tenths of the scores."""

from datetime import date, timedelta

import psycopg
from psycopg import sql

from ml.models import ModelSpec
from ml.watch.drift import Tally
from warehouse.policy import Policy, Watch

SCORE = "score"

# Whoever was on a list stands apart from the holdout and from those on none: our own contacts bend
# the curve, so only the other two can show that the model is wrong. A gap that chance explains (two
# standard errors) is no alert.
_OUTCOMES = """
insert into ml.watch_outcomes (
    as_of_date, due_date, score_name, model_version, treatment_group, decile, persons, predicted,
    realised, is_alert
)
select
    %(day)s, %(due)s, %(score_name)s, model_version, treatment_group, decile, persons, predicted,
    realised,
    treatment_group != 'contact'
    and is_calibrated
    and persons >= %(min_rows)s
    and abs(predicted - realised) - 2 * sqrt(predicted * (1 - predicted) / persons) > %(max_gap)s
from (
    select
        scores.model_version,
        scores.is_calibrated,
        coalesce(entries.treatment_group, 'unlisted') as treatment_group,
        least(floor(scores.percentile * 10)::integer, 9) + 1 as decile,
        count(*) as persons,
        avg(scores.probability) as predicted,
        avg(((came.person_id is not null) = %(is_outcome)s)::integer) as realised
    from ml.customer_scores as scores
    left join ({came}) as came on scores.person_id = came.person_id
    left join activation.target_list_entries as entries
        on scores.as_of_date = entries.as_of_date and scores.person_id = entries.person_id
    where scores.as_of_date = %(day)s and scores.score_name = %(score_name)s
    group by 1, 2, 3, 4
) as tenths
"""


def record_drift(
    connection: psycopg.Connection,
    as_of: date,
    spec: ModelSpec,
    version: str,
    tally: Tally,
    policy: Watch,
) -> int:
    """Replaces the day's drift of a model and returns the number of alerts.

    Too few customers to tell drift from chance leave nothing.
    """
    connection.execute(
        "delete from ml.watch_drift where as_of_date = %s and score_name = %s", (as_of, spec.name)
    )
    if tally.rows < policy.min_rows:
        return 0
    limits = {SCORE: policy.max_score_psi}
    rows = [
        (as_of, spec.name, version, subject, psi, psi > limits.get(subject, policy.max_feature_psi))
        for subject, psi in tally.psi().items()
    ]
    with connection.cursor() as cursor, cursor.copy("copy ml.watch_drift from stdin") as copy:
        for row in rows:
            copy.write_row(row)
    return sum(row[-1] for row in rows)


def record_outcomes(
    connection: psycopg.Connection, as_of: date, spec: ModelSpec, policy: Policy
) -> int:
    """Holds the scores whose horizon ends on the day against what came; returns the alerts."""
    day = as_of - timedelta(days=spec.outcome.horizon_days(policy))
    connection.execute(
        "delete from ml.watch_outcomes where as_of_date = %s and score_name = %s", (day, spec.name)
    )
    found = connection.execute(
        """
        select to_regclass('activation.target_list_entries') is not null
            and exists (
                select from ml.customer_scores where as_of_date = %s and score_name = %s
            )
        """,
        (day, spec.name),
    ).fetchone()
    if not found or not found[0]:
        return 0
    connection.execute(
        sql.SQL(_OUTCOMES).format(came=sql.SQL(spec.outcome.came)),
        {
            "day": day,
            "due": as_of,
            "score_name": spec.name,
            "purchase_horizon_days": policy.horizon_days,
            "is_outcome": spec.event_is_outcome,
            "min_rows": policy.watch.min_rows,
            "max_gap": policy.watch.max_outcome_gap,
        },
    )
    row = connection.execute(
        "select count(*) filter (where is_alert) from ml.watch_outcomes"
        " where as_of_date = %s and score_name = %s",
        (day, spec.name),
    ).fetchone()
    return int(row[0]) if row else 0

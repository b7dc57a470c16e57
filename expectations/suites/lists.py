"""What goes out: lists without holes or doubles, consented, scored today, openly marked."""

from math import sqrt

from expectations.checks import (
    Check,
    Suite,
    always_filled,
    at_least,
    at_most,
    filled_where,
    one_of,
    unique,
    within,
)
from warehouse.context import RunContext

ENTRIES = "activation.target_list_entries"
SCORES = "ml.customer_scores"
LINKS = "identity.person_links"

# So many standard deviations: an honest draw lies outside once in sixteen thousand nights.
_HOLDOUT_DEVIATIONS = 4


def suites(context: RunContext) -> list[Suite]:
    """Returns the suites over the day's entries, each list as a whole and the control group."""
    lists = [_list(context, name) for name in context.policy.lists]
    return [_entries(context), *lists, _control_group(context)]


def _entries(context: RunContext) -> Suite:
    """Every entry of the day, whichever list it stands on."""
    checks: list[Check] = [
        unique("lists.entries.person_id.duplicates", "block", ENTRIES, "person_id"),
        one_of(
            "lists.entries.treatment_group.completeness", "block", ENTRIES, "treatment_group",
            ("contact", "holdout"),
        ),
        filled_where(
            "lists.entries.consent", "block", ENTRIES, "consent_basis", "treatment_group",
            ("contact",),
        ),
        one_of(
            "lists.entries.trust", "block", ENTRIES, "says_what_is_stale", ("yes",),
            "marked wherever a source that holds the person is not fresh",
        ),
    ]  # fmt: skip
    checks += [
        always_filled(f"lists.entries.{column}.completeness", "block", ENTRIES, column)
        for column in ("score", "expected_value", "reason_1", "offer", "channel", "trust")
    ]
    query = f"""
        select
            entries.person_id, entries.score, entries.expected_value, entries.offer,
            entries.channel, entries.trust,
            nullif(btrim(entries.reason_1), '') as reason_1,
            coalesce(entries.treatment_group, 'unknown') as treatment_group,
            nullif(btrim(entries.consent_basis), '') as consent_basis,
            case
                when entries.trust = 'ok' and exists (
                    select 1
                    from {LINKS} as links
                    inner join ops.source_status as late
                        on
                            late.source = links.source
                            and late.as_of_date = entries.as_of_date
                            and late.status <> 'fresh'
                    where
                        links.person_id = entries.person_id
                        and links.linked_as_of_date <= entries.as_of_date
                )
                    then 'no'
                else 'yes'
            end as says_what_is_stale
        from {ENTRIES} as entries
        where entries.as_of_date = date '{context.as_of}'
    """  # noqa: S608
    return Suite("lists.entries", query, checks, reads=(ENTRIES,))


def _list(context: RunContext, name: str) -> Suite:
    """One list as a whole: one row, a column for each number."""
    policy = context.policy
    definition = policy.lists[name]
    checks = [
        at_least(f"lists.{name}.size", "warn", ENTRIES, "row_count", 1, " rows"),
        at_most(f"lists.{name}.cap", "block", ENTRIES, "row_count", definition.max_rows, " rows"),
        at_most(f"lists.{name}.ranks", "block", ENTRIES, "missing_rank_count", 0),
        at_most(f"lists.{name}.scores", "block", ENTRIES, "unscored_count", 0),
    ]
    query = f"""
        select
            count(*) as row_count,
            -- Ranks are 1..n: as many numbers of that range are missing as ranks are wrong.
            count(*) - count(distinct rank) filter (where rank between 1 and row_count)
                as missing_rank_count,
            count(*) filter (where not is_scored) as unscored_count
        from (
            select
                entries.rank,
                count(*) over () as row_count,
                exists (
                    select 1 from {SCORES} as scores
                    where
                        scores.person_id = entries.person_id
                        and scores.score_name = '{definition.score}'
                        and scores.model_version = entries.model_version
                        and scores.as_of_date <= entries.as_of_date
                        and scores.as_of_date
                        >= entries.as_of_date - {policy.checks.max_score_age_days}
                ) as is_scored
            from {ENTRIES} as entries
            where entries.as_of_date = date '{context.as_of}' and entries.list_name = '{name}'
        ) as listed
    """  # noqa: S608
    return Suite(f"lists.list.{name}", query, checks, reads=(ENTRIES, SCORES))


def _control_group(context: RunContext) -> Suite:
    """The share held out over all lists, against the policy's, in standard deviations."""
    share = context.policy.contact.holdout_share
    # Without a control group by policy, a single person held out is a fault.
    deviation = sqrt(share * (1 - share)) or 1e-9
    check = within(
        "lists.entries.holdout", "warn", ENTRIES, "holdout_deviations",
        -_HOLDOUT_DEVIATIONS, _HOLDOUT_DEVIATIONS, " standard deviations",
    )  # fmt: skip
    query = f"""
        select
            coalesce(
                (avg((treatment_group = 'holdout')::integer)::double precision - {share})
                * sqrt(count(*)) / {deviation},
                0
            ) as holdout_deviations
        from {ENTRIES}
        where as_of_date = date '{context.as_of}'
    """  # noqa: S608
    return Suite("lists.control_group", query, [check], reads=(ENTRIES,))

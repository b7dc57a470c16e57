{{ config(materialized="ephemeral") }}

-- Cases of a person, how they ended and what the person answered in surveys, as known on a business
-- day.
-- Grain: one row per person_id and as_of_date of those with a case or an answer. Late is against
-- what was promised: where nothing was promised, nobody was late.
with feature_dates as (
    {{ feature_dates() }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

case_versions as (
    select
        case_id,
        source,
        source_customer_id,
        case_type,
        outcome,
        promised_date,
        opened_date,
        closed_date,
        known_from_date,
        known_to_date
    from {{ ref("int_cases__versioned") }}
),

surveys as (
    select
        survey_id,
        person_id,
        satisfaction,
        recommendation,
        switching_discount_percent,
        answered_date,
        known_from_date
    from {{ ref("fct_surveys") }}
),

known_cases as (
    select
        feature_dates.as_of_date,
        links.person_id,
        case_versions.case_id,
        case_versions.case_type = 'complaint' as is_complaint,
        {{ days_between("case_versions.opened_date", "feature_dates.as_of_date") }} as days_ago,
        case_versions.promised_date,
        -- A source's history knows of closings that lie after the day.
        case
            when case_versions.closed_date <= feature_dates.as_of_date
                then case_versions.closed_date
        end as closed_date,
        case
            when case_versions.closed_date <= feature_dates.as_of_date then case_versions.outcome
        end as outcome
    from case_versions
    inner join feature_dates
        on case_versions.known_from_date <= feature_dates.as_of_date
        and (
            case_versions.known_to_date > feature_dates.as_of_date
            or case_versions.known_to_date is null
        )
    inner join links
        on case_versions.source = links.source
        and case_versions.source_customer_id = links.source_customer_id
),

judged_cases as (
    select
        as_of_date,
        person_id,
        is_complaint,
        days_ago,
        days_ago - coalesce({{ days_between("closed_date", "as_of_date") }}, 0) as days_waited,
        closed_date is null as is_open,
        outcome,
        coalesce(promised_date < coalesce(closed_date, as_of_date), false) as is_late,
        row_number() over (
            partition by as_of_date, person_id, is_complaint, closed_date is null
            order by closed_date desc, case_id desc
        ) as place
    from known_cases
),

case_sums as (
    select
        as_of_date,
        person_id,
        count(*) filter (where days_ago < 168) as case_count_168d,
        min(days_ago) as days_since_case,
        count(*) filter (where is_complaint and days_ago < 168) as complaint_count_168d,
        min(days_ago) filter (where is_complaint) as days_since_complaint,
        count(*) filter (where is_complaint and is_open) as open_complaint_count,
        max(days_ago) filter (where is_complaint and is_open) as open_complaint_age_days,
        max(days_waited) filter (where days_ago < 168) as longest_wait_days_168d,
        count(*) filter (where is_late and days_ago < 168) as late_case_count_168d,
        count(*) filter (where is_complaint and outcome = 'refused' and days_ago < 168)
            as refused_complaint_count_168d,
        count(*) filter (
            where
            is_complaint and not is_late and outcome in ('solved', 'goodwill') and days_ago < 365
        ) as settled_complaint_count_365d,
        max(cast(outcome = 'refused' as integer)) filter (
            where is_complaint and not is_open and place = 1
        ) as last_complaint_refused,
        max(cast(is_late as integer)) filter (where is_complaint and not is_open and place = 1)
            as last_complaint_late
    from judged_cases
    group by as_of_date, person_id
),

known_surveys as (
    select
        feature_dates.as_of_date,
        surveys.person_id,
        surveys.satisfaction,
        surveys.recommendation,
        surveys.switching_discount_percent,
        {{ days_between("surveys.answered_date", "feature_dates.as_of_date") }} as days_ago,
        row_number() over (
            partition by feature_dates.as_of_date, surveys.person_id
            order by surveys.answered_date desc, surveys.survey_id desc
        ) as place
    from surveys
    inner join feature_dates on surveys.known_from_date <= feature_dates.as_of_date
    where surveys.person_id is not null
),

survey_sums as (
    select
        as_of_date,
        person_id,
        max(satisfaction) filter (where place = 1) as last_satisfaction,
        max(satisfaction) filter (where place = 1) - max(satisfaction) filter (where place = 2)
            as satisfaction_change,
        max(recommendation) filter (where place = 1) as last_recommendation,
        max(switching_discount_percent) filter (where place = 1) as last_switching_discount_percent,
        min(days_ago) as survey_age_days
    from known_surveys
    group by as_of_date, person_id
),

final as (
    select
        coalesce(case_sums.person_id, survey_sums.person_id) as person_id,
        coalesce(case_sums.as_of_date, survey_sums.as_of_date) as as_of_date,
        case_sums.case_count_168d,
        case_sums.days_since_case,
        case_sums.complaint_count_168d,
        case_sums.days_since_complaint,
        case_sums.open_complaint_count,
        case_sums.open_complaint_age_days,
        case_sums.longest_wait_days_168d,
        case_sums.late_case_count_168d,
        case_sums.refused_complaint_count_168d,
        case_sums.settled_complaint_count_365d,
        case_sums.last_complaint_refused,
        case_sums.last_complaint_late,
        survey_sums.last_satisfaction,
        survey_sums.satisfaction_change,
        survey_sums.last_recommendation,
        survey_sums.last_switching_discount_percent,
        survey_sums.survey_age_days
    from case_sums
    full join survey_sums
        on case_sums.as_of_date = survey_sums.as_of_date
        and case_sums.person_id = survey_sums.person_id
)

select
    person_id,
    as_of_date,
    cast(case_count_168d as double precision) as case_count_168d,
    cast(days_since_case as double precision) as days_since_case,
    cast(complaint_count_168d as double precision) as complaint_count_168d,
    cast(days_since_complaint as double precision) as days_since_complaint,
    cast(open_complaint_count as double precision) as open_complaint_count,
    cast(open_complaint_age_days as double precision) as open_complaint_age_days,
    cast(longest_wait_days_168d as double precision) as longest_wait_days_168d,
    cast(late_case_count_168d as double precision) as late_case_count_168d,
    cast(refused_complaint_count_168d as double precision) as refused_complaint_count_168d,
    cast(settled_complaint_count_365d as double precision) as settled_complaint_count_365d,
    cast(last_complaint_refused as double precision) as last_complaint_refused,
    cast(last_complaint_late as double precision) as last_complaint_late,
    cast(last_satisfaction as double precision) as last_satisfaction,
    cast(satisfaction_change as double precision) as satisfaction_change,
    cast(last_recommendation as double precision) as last_recommendation,
    cast(last_switching_discount_percent as double precision) as last_switching_discount_percent,
    cast(survey_age_days as double precision) as survey_age_days
from final

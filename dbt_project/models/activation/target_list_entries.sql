{{
    config(
        materialized="incremental",
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "person_id"], "unique": true}],
    )
}}

-- The target lists, day by day.
-- Grain: one row per as_of_date, list_name and person_id. The control group is on the list as
-- treatment_group = 'holdout' and counts against its length, so both groups are ranked alike; it is
-- never contacted.
with candidates as (
    {%- for list_name in var("policy")["lists"] | sort %}
    select
        as_of_date,
        list_name,
        person_id,
        score,
        score_name,
        model_version,
        model_kind,
        is_calibrated,
        effect,
        expected_value,
        rank_value,
        ranked_by,
        reason_1,
        reason_2,
        reason_3,
        offer,
        channel,
        consent_basis,
        is_holdout,
        cast({{ var("policy")["lists"][list_name]["max_rows"] }} as integer) as max_rows
    from {{ ref("act_" ~ list_name) }}
    where is_eligible
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

source_ages as (
    select
        person_id,
        source_age_hours,
        trust
    from {{ ref("int_contact__source_ages") }}
),

-- One list a person a day: where the contact is expected to be worth most.
placed as (
    select
        as_of_date,
        list_name,
        person_id,
        score,
        score_name,
        model_version,
        model_kind,
        is_calibrated,
        effect,
        expected_value,
        rank_value,
        ranked_by,
        reason_1,
        reason_2,
        reason_3,
        offer,
        channel,
        consent_basis,
        is_holdout,
        max_rows,
        row_number() over (
            partition by person_id
            order by expected_value desc nulls last, list_name asc
        ) as place
    from candidates
),

ranked as (
    select
        as_of_date,
        list_name,
        person_id,
        score,
        score_name,
        model_version,
        model_kind,
        is_calibrated,
        effect,
        expected_value,
        ranked_by,
        reason_1,
        reason_2,
        reason_3,
        offer,
        channel,
        consent_basis,
        is_holdout,
        max_rows,
        row_number() over (
            partition by list_name
            order by rank_value desc nulls last, person_id asc
        ) as rank
    from placed
    where place = 1
),

final as (
    select
        ranked.as_of_date,
        ranked.list_name,
        ranked.person_id,
        cast(ranked.rank as integer) as rank,
        ranked.score,
        ranked.score_name,
        ranked.model_version,
        ranked.model_kind,
        ranked.is_calibrated,
        ranked.effect,
        ranked.expected_value,
        ranked.ranked_by,
        ranked.reason_1,
        ranked.reason_2,
        ranked.reason_3,
        ranked.offer,
        ranked.channel,
        ranked.consent_basis,
        case when ranked.is_holdout then 'holdout' else 'contact' end as treatment_group,
        cast(source_ages.source_age_hours as numeric(18, 2)) as source_age_hours,
        source_ages.trust
    from ranked
    left join source_ages on ranked.person_id = source_ages.person_id
    -- The length of a list is the team's capacity: policy.yml, lists.max_rows.
    where ranked.rank <= ranked.max_rows
)

select
    as_of_date,
    list_name,
    person_id,
    rank,
    score,
    score_name,
    model_version,
    model_kind,
    is_calibrated,
    effect,
    expected_value,
    ranked_by,
    reason_1,
    reason_2,
    reason_3,
    offer,
    channel,
    consent_basis,
    treatment_group,
    source_age_hours,
    trust
from final

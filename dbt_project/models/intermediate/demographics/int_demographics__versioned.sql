{{
    config(
        materialized="incremental",
        unique_key=["source", "source_customer_id", "reported_date"],
        indexes=[
            {"columns": ["source", "source_customer_id", "reported_date"], "unique": true},
            {"columns": ["load_id"]},
        ],
    )
}}

-- Demographics of records as sources reported them, whole rows: attributes of two reports are never
-- mixed. A snapshot repeats them all with every drop, so each is read from its drop once.
-- Grain: one row per source, source_customer_id and reported_date; of several, the newest load's.
with new_reports as (
    {{ union_feed("demographics", loads="new") }}
),

ranked as (
    select
        source,
        source_customer_id,
        reported_date,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_composition,
        household_size,
        age_level,
        income_level,
        has_children,
        load_id,
        row_number() over (
            partition by source, source_customer_id, reported_date
            order by load_id desc, age_band asc, income_band asc, household_composition asc
        ) as place
    from new_reports
),

final as (
    select
        source,
        source_customer_id,
        reported_date,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_composition,
        household_size,
        age_level,
        income_level,
        has_children,
        load_id
    from ranked
    where place = 1
)

select
    source,
    source_customer_id,
    reported_date,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    age_level,
    income_level,
    has_children,
    load_id
from final

{% snapshot customer_demographics %}

{{
    config(
        unique_key="person_id",
        strategy="check",
        check_cols=[
            "age_band",
            "income_band",
            "home_ownership",
            "marital_status",
            "household_composition",
            "household_size",
            "has_children",
            "demographics_source",
        ],
        updated_at="reported_at",
    )
}}

-- What dim_customers said of a person's demographics, from one change to the next as the nights saw
-- them. Valid from the day of the report, never from the clock. Features do not read it: they go
-- back to the reports, which know every change however seldom the walk ran.
-- Grain: one row per person and change.
select
    person_id,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    has_children,
    demographics_source,
    cast(demographics_reported_date as timestamp) as reported_at
from {{ ref("dim_customers") }}
where demographics_reported_date is not null

{% endsnapshot %}

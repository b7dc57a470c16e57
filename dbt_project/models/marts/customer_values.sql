{{
    config(
        meta={"room": "choose"},
        indexes=[{"columns": ["person_id"], "unique": true}],
    )
}}

-- What customers are expected to spend in the year to come beside what they spent in the last one.
-- Grain: one row per person with a value, of the newest business day that has values. Who never
-- bought, bought once only, or rests on stale data has none.
with customer_values as (
    select
        person_id,
        as_of_date,
        model_version,
        model_kind,
        horizon_days,
        expected_spend,
        low_spend,
        high_spend,
        baseline_spend,
        past_year_spend,
        future_class,
        past_class,
        is_rising
    from {{ source("ml", "customer_values") }}
),

newest as (
    select max(as_of_date) as as_of_date
    from customer_values
    where as_of_date <= {{ as_of_date() }}
),

populations as (
    select
        person_id,
        as_of_date,
        population
    from {{ ref("ftr_customers") }}
),

final as (
    select
        customer_values.person_id,
        customer_values.as_of_date,
        populations.population,
        customer_values.expected_spend,
        customer_values.low_spend,
        customer_values.high_spend,
        customer_values.baseline_spend,
        customer_values.past_year_spend,
        customer_values.future_class,
        customer_values.past_class,
        customer_values.is_rising,
        customer_values.horizon_days,
        customer_values.model_version,
        customer_values.model_kind
    from customer_values
    inner join newest on customer_values.as_of_date = newest.as_of_date
    left join populations
        on customer_values.person_id = populations.person_id
        and customer_values.as_of_date = populations.as_of_date
)

select
    person_id,
    as_of_date,
    population,
    expected_spend,
    low_spend,
    high_spend,
    baseline_spend,
    past_year_spend,
    future_class,
    past_class,
    is_rising,
    horizon_days,
    model_version,
    model_kind
from final

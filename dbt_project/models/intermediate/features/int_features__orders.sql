{{ config(materialized="ephemeral") }}

-- Purchases and refunds of persons as they were known on a business day.
-- Grain: one row per as_of_date and order_id of somebody known. What was cancelled is not here.
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

order_versions as (
    select
        order_id,
        known_from_date,
        known_to_date,
        source,
        source_customer_id,
        store_id,
        order_kind,
        order_date,
        line_count,
        order_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        private_brand_amount,
        discounted_line_count,
        cost_amount,
        reference_amount,
        departments
    from {{ ref("int_orders__versioned") }}
    where order_kind in ('purchase', 'refund')
),

final as (
    select
        links.person_id,
        feature_dates.as_of_date,
        order_versions.order_id,
        order_versions.store_id,
        order_versions.order_kind,
        order_versions.order_date,
        {{ days_between("order_versions.order_date", "feature_dates.as_of_date") }} as days_ago,
        order_versions.line_count,
        order_versions.order_amount,
        order_versions.retail_discount_amount,
        order_versions.coupon_discount_amount + order_versions.coupon_match_amount
            as coupon_amount,
        -- At shelf prices: what the shop received and what it gave away itself.
        order_versions.order_amount + order_versions.retail_discount_amount
        + order_versions.coupon_match_amount as gross_amount,
        order_versions.private_brand_amount,
        order_versions.discounted_line_count,
        order_versions.cost_amount,
        order_versions.reference_amount,
        order_versions.departments
    from order_versions
    inner join feature_dates
        on order_versions.known_from_date <= feature_dates.as_of_date
        and (
            order_versions.known_to_date > feature_dates.as_of_date
            or order_versions.known_to_date is null
        )
    inner join links
        on order_versions.source = links.source
        and order_versions.source_customer_id = links.source_customer_id
)

select
    person_id,
    as_of_date,
    order_id,
    store_id,
    order_kind,
    order_date,
    days_ago,
    line_count,
    order_amount,
    retail_discount_amount,
    coupon_amount,
    gross_amount,
    private_brand_amount,
    discounted_line_count,
    cost_amount,
    reference_amount,
    departments
from final

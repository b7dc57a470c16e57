{{
    config(
        materialized="incremental",
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "list_name", "person_id"], "unique": true}],
    )
}}

-- What came of list entries whose horizon has passed: treatment against holdout.
-- Grain: one row per entry of target_list_entries. Entries still running are not here.
with entries as (
    select
        as_of_date,
        list_name,
        person_id,
        treatment_group,
        {{ add_days("as_of_date", var("policy")["horizon_days"]) }} as window_end_date
    from {{ ref("target_list_entries") }}
),

outcomes_so_far as (
    {{ days_settled() }}
),

contacts as (
    select
        person_id,
        contact_date
    from {{ ref("fct_contacts") }}
),

interactions as (
    select
        person_id,
        interaction_date
    from {{ ref("fct_interactions") }}
    -- Who redeems a coupon responds; a login or a look at a product is no answer to a contact.
    where interaction_type = 'coupon_redemption'
),

orders as (
    select
        person_id,
        order_date,
        order_amount
    from {{ ref("fct_orders") }}
    where order_kind = 'purchase'
),

-- Days whose horizon has passed by the newest list: those not settled yet, and the day that was
-- built just now.
due_entries as (
    select
        entries.as_of_date,
        entries.list_name,
        entries.person_id,
        entries.treatment_group,
        entries.window_end_date
    from entries
    left join outcomes_so_far on entries.as_of_date = outcomes_so_far.as_of_date
    where
        entries.window_end_date <= (select max(newest.as_of_date) from entries as newest)
        and (
            outcomes_so_far.as_of_date is null
            or entries.as_of_date = {{ as_of_date() }}
        )
),

purchases as (
    select
        due_entries.as_of_date,
        due_entries.person_id,
        count(*) as order_count,
        sum(orders.order_amount) as order_amount
    from due_entries
    inner join orders
        on due_entries.person_id = orders.person_id
        and due_entries.as_of_date < orders.order_date
        and due_entries.window_end_date >= orders.order_date
    group by due_entries.as_of_date, due_entries.person_id
),

contacted as (
    select distinct
        due_entries.as_of_date,
        due_entries.person_id
    from due_entries
    inner join contacts
        on due_entries.person_id = contacts.person_id
        and due_entries.as_of_date < contacts.contact_date
        and due_entries.window_end_date >= contacts.contact_date
),

responded as (
    select distinct
        due_entries.as_of_date,
        due_entries.person_id
    from due_entries
    inner join interactions
        on due_entries.person_id = interactions.person_id
        and due_entries.as_of_date < interactions.interaction_date
        and due_entries.window_end_date >= interactions.interaction_date
),

final as (
    select
        due_entries.as_of_date,
        due_entries.list_name,
        due_entries.person_id,
        due_entries.treatment_group,
        due_entries.window_end_date,
        contacted.person_id is not null as is_contacted,
        responded.person_id is not null as has_responded,
        purchases.person_id is not null as has_bought,
        coalesce(purchases.order_count, 0) as order_count,
        cast(coalesce(purchases.order_amount, 0) as numeric(18, 2)) as order_amount
    from due_entries
    left join purchases
        on due_entries.as_of_date = purchases.as_of_date
        and due_entries.person_id = purchases.person_id
    left join contacted
        on due_entries.as_of_date = contacted.as_of_date
        and due_entries.person_id = contacted.person_id
    left join responded
        on due_entries.as_of_date = responded.as_of_date
        and due_entries.person_id = responded.person_id
)

select
    as_of_date,
    list_name,
    person_id,
    treatment_group,
    window_end_date,
    is_contacted,
    has_responded,
    has_bought,
    order_count,
    order_amount
from final

{{
    config(
        meta={"room": "choose"},
        indexes=[{"columns": ["person_id", "reason"], "unique": true}],
    )
}}

-- Why the lapsed may have left, by what is known of the time around their last purchase.
-- Grain: one row per lapsed person and reason, of the latest day. Evidence, not proof: what a rival
-- did, no source knows. Who left without a trace has no row.
{%- set rules = var("policy")["leaving_reasons"] %}

with features as (
    select
        person_id,
        as_of_date,
        {{ add_days("as_of_date", "cast(-recency_days as integer)") }} as last_purchase_date
    from {{ ref("ftr_customers") }}
    where population = 'lapsed'
),

-- The window that evidence lies in is the company's: policy.yml, leaving_reasons.
lapsed as (
    select
        person_id,
        as_of_date,
        last_purchase_date,
        {{ add_days("last_purchase_date", -rules["before_days"]) }} as from_date,
        least(as_of_date, {{ add_days("last_purchase_date", rules["after_days"]) }}) as to_date
    from features
    where as_of_date = (select max(newest.as_of_date) from features as newest)
),

cases as (
    select
        person_id,
        topic,
        outcome,
        promised_date,
        opened_date,
        closed_date
    from {{ ref("fct_cases") }}
    where case_type = 'complaint'
),

contracts as (
    select
        person_id,
        max(end_date) as end_date
    from {{ ref("fct_contracts") }}
    group by person_id
),

surveys as (
    select
        person_id,
        satisfaction,
        switching_discount_percent,
        answered_date
    from {{ ref("fct_surveys") }}
),

orders as (
    select
        links.person_id,
        versions.order_date,
        versions.line_count,
        versions.discounted_line_count,
        versions.departments
    from {{ ref("int_orders__versioned") }} as versions
    inner join {{ source("identity", "person_links") }} as links
        on versions.source = links.source
        and versions.source_customer_id = links.source_customer_id
    where versions.known_to_date is null and versions.order_kind = 'purchase'
),

records as (
    select
        links.person_id,
        {{ region_of_address("persons.address") }} as region,
        persons.former_addresses,
        {{ business_date("persons.address_reported_at") }} as reported_date
    from {{ ref("int_persons__unioned") }} as persons
    inner join {{ source("identity", "person_links") }} as links
        on persons.source = links.source
        and persons.source_customer_id = links.source_customer_id
    where persons.address is not null
),

prices as (
    select
        department,
        known_from_date,
        list_price,
        lag(list_price) over (partition by product_id order by known_from_date) as former_price
    from {{ ref("int_products__versioned") }}
    where list_price is not null
),

department_sizes as (
    select
        department,
        count(*) as product_count
    from {{ ref("int_products__versioned") }}
    where known_to_date is null and list_price is not null
    group by department
),

-- A product that kept its price counts as one: some dear products do not make a dear department.
price_rises as (
    select
        prices.department,
        prices.known_from_date as risen_date,
        sum(prices.list_price / prices.former_price - 1) / min(department_sizes.product_count)
            as rise
    from prices
    inner join department_sizes on prices.department = department_sizes.department
    where prices.former_price > 0
    group by prices.department, prices.known_from_date
),

last_orders as (
    select
        lapsed.person_id,
        lapsed.last_purchase_date,
        lapsed.from_date,
        lapsed.to_date,
        orders.line_count,
        orders.discounted_line_count,
        orders.departments
    from lapsed
    inner join orders
        on lapsed.person_id = orders.person_id
        and lapsed.from_date <= orders.order_date
),

complaints as (
    select
        lapsed.person_id,
        case
            when cases.closed_date is null then 'complaint_open'
            when cases.outcome = 'refused' then 'complaint_refused'
            when cases.promised_date < cases.closed_date then 'complaint_answered_late'
            when cases.topic = 'price' then 'price_complaint'
        end as reason,
        cases.opened_date as evidence_date,
        {{ days_between("cases.opened_date", "coalesce(cases.closed_date, lapsed.as_of_date)") }}
            as evidence_number
    from lapsed
    inner join cases
        on lapsed.person_id = cases.person_id
        and cases.opened_date between lapsed.from_date and lapsed.to_date
),

evidence as (
    select
        person_id,
        reason,
        evidence_date,
        evidence_number
    from complaints
    where reason is not null
    union all
    -- The newest contract ended: nothing was signed after it.
    select
        lapsed.person_id,
        'contract_ended' as reason,
        contracts.end_date as evidence_date,
        {{ days_between("contracts.end_date", "lapsed.as_of_date") }} as evidence_number
    from lapsed
    inner join contracts
        on lapsed.person_id = contracts.person_id
        and lapsed.from_date <= contracts.end_date
        and lapsed.to_date >= contracts.end_date
        and lapsed.as_of_date > contracts.end_date
    union all
    select
        lapsed.person_id,
        'moved' as reason,
        records.reported_date as evidence_date,
        cast(null as integer) as evidence_number
    from lapsed
    inner join records
        on lapsed.person_id = records.person_id
        and records.reported_date between lapsed.from_date and lapsed.to_date
    {{ elements("records.former_addresses", "former") }}
    where records.region <> {{ region_of_address("former.value") }}
    union all
    select
        last_orders.person_id,
        'price_rise' as reason,
        price_rises.risen_date as evidence_date,
        price_rises.rise as evidence_number
    from last_orders
    {{ split_values("last_orders.departments", "department") }}
    inner join price_rises
        on department.value = price_rises.department
        and price_rises.risen_date between last_orders.from_date and last_orders.to_date
    where price_rises.rise >= {{ rules["min_price_rise"] }}
    union all
    select
        lapsed.person_id,
        'low_satisfaction' as reason,
        surveys.answered_date as evidence_date,
        surveys.satisfaction as evidence_number
    from lapsed
    inner join surveys
        on lapsed.person_id = surveys.person_id
        and surveys.answered_date between lapsed.from_date and lapsed.to_date
    where surveys.satisfaction <= {{ rules["max_satisfaction"] }}
    union all
    select
        lapsed.person_id,
        'easily_drawn_away' as reason,
        surveys.answered_date as evidence_date,
        surveys.switching_discount_percent as evidence_number
    from lapsed
    inner join surveys
        on lapsed.person_id = surveys.person_id
        and surveys.answered_date between lapsed.from_date and lapsed.to_date
    where surveys.switching_discount_percent <= {{ rules["max_switching_discount_percent"] }}
    union all
    select
        person_id,
        'only_on_discount' as reason,
        last_purchase_date as evidence_date,
        sum(discounted_line_count) / nullif(sum(line_count), 0) as evidence_number
    from last_orders
    group by person_id, last_purchase_date
    having
        sum(discounted_line_count) / nullif(sum(line_count), 0)
        >= {{ rules["min_discounted_line_share"] }}
),

-- Of several traces of a reason, the latest one.
traces as (
    select
        person_id,
        reason,
        evidence_date,
        evidence_number,
        row_number() over (
            partition by person_id, reason
            order by evidence_date desc, evidence_number desc
        ) as place
    from evidence
),

-- What somebody told us counts before what only coincides.
final as (
    select
        traces.person_id,
        lapsed.as_of_date,
        lapsed.last_purchase_date,
        row_number() over (
            partition by traces.person_id
            order by
                case traces.reason
                    when 'complaint_open' then 1
                    when 'complaint_refused' then 2
                    when 'contract_ended' then 3
                    when 'complaint_answered_late' then 4
                    when 'moved' then 5
                    when 'price_complaint' then 6
                    when 'price_rise' then 7
                    when 'low_satisfaction' then 8
                    when 'easily_drawn_away' then 9
                    else 10
                end,
                traces.reason
        ) as rank,
        traces.reason,
        traces.evidence_date,
        traces.evidence_number
    from traces
    inner join lapsed on traces.person_id = lapsed.person_id
    where traces.place = 1
)

select
    person_id,
    as_of_date,
    last_purchase_date,
    cast(rank as integer) as rank,
    reason,
    evidence_date,
    cast(evidence_number as double precision) as evidence_number
from final

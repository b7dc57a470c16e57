{{
    config(
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "person_id"], "unique": true}],
    )
}}

-- What models know of a person on a business day: one definition for training and for scoring.
-- Grain: one row per person_id and as_of_date. Nothing that became known after as_of_date is here.
-- A window of N days ends with as_of_date and counts it. Unknown is null, never zero.
with populations as (
    select
        person_id,
        as_of_date,
        population,
        value_amount
    from {{ ref("int_features__populations") }}
),

purchases as (
    select
        person_id,
        as_of_date,
        recency_days,
        tenure_days,
        order_count_28d,
        order_count_84d,
        order_count_168d,
        spend_28d,
        spend_84d,
        spend_168d,
        average_gap_days,
        gap_deviation_days,
        recency_over_gap,
        order_trend,
        spend_trend,
        active_weeks_84d,
        average_order_amount_84d,
        lines_per_order_84d,
        department_count_84d,
        store_count_84d,
        discount_share_84d,
        coupon_share_84d,
        private_brand_share_84d,
        weekend_share_84d,
        purchase_day_count,
        spend_per_purchase_day,
        order_count_365d,
        spend_365d,
        longest_gap_days,
        last_gap_days,
        recent_gap_days,
        gap_trend,
        recency_over_longest_gap,
        order_change_84d,
        spend_change_84d,
        order_amount_trend,
        lines_per_order_change,
        department_change,
        discounted_line_share_84d,
        discounted_line_share_change,
        discounted_order_share_84d,
        margin_share_84d,
        discounted_line_share,
        last_discounted_line_share,
        recent_discounted_line_share,
        lines_per_purchase_day,
        last_line_count,
        recent_lines_per_purchase_day
    from {{ ref("int_features__purchases") }}
),

returns as (
    select
        person_id,
        as_of_date,
        days_since_return,
        return_count_168d,
        refund_amount_168d
    from {{ ref("int_features__returns") }}
),

service as (
    select
        person_id,
        as_of_date,
        case_count_168d,
        days_since_case,
        complaint_count_168d,
        days_since_complaint,
        open_complaint_count,
        open_complaint_age_days,
        late_case_count_168d,
        longest_wait_days_168d,
        refused_complaint_count_168d,
        settled_complaint_count_365d,
        last_complaint_refused,
        last_complaint_late,
        last_satisfaction,
        satisfaction_change,
        last_recommendation,
        last_switching_discount_percent,
        survey_age_days
    from {{ ref("int_features__service") }}
),

contracts as (
    select
        person_id,
        as_of_date,
        running_contract_count,
        contract_days_left,
        days_since_contract_end,
        contract_tenure_days,
        contract_renewal_count,
        contract_monthly_fee
    from {{ ref("int_features__contracts") }}
),

activity as (
    select
        person_id,
        as_of_date,
        campaign_contact_count_84d,
        days_since_campaign_contact,
        redemption_count_168d,
        days_since_visit,
        visit_day_count_28d,
        visit_day_count_84d,
        visit_trend,
        visit_change_84d,
        visit_day_count_365d,
        visit_gap_days,
        visit_recency_over_gap,
        login_count_28d,
        login_count_84d,
        view_count_28d,
        cart_count_28d,
        app_open_count_28d,
        days_since_login,
        days_since_cart
    from {{ ref("int_features__activity") }}
),

accounts as (
    select
        person_id,
        as_of_date,
        accounts_closed,
        days_since_account_change,
        days_since_account_closing
    from {{ ref("int_features__accounts") }}
),

competition as (
    select
        person_id,
        as_of_date,
        days_since_competitor_opening
    from {{ ref("int_features__competition") }}
),

prices as (
    select
        as_of_date,
        price_change_84d,
        price_change_168d
    from {{ ref("int_features__prices") }}
),

contacts as (
    select
        person_id,
        as_of_date,
        usual_purchases,
        offer_response,
        offer_purchases,
        opened_share,
        clicked_share,
        coupons_per_offer,
        contact_withdrawal_count
    from {{ ref("int_features__contacts") }}
),

demographics as (
    select
        person_id,
        as_of_date,
        household_size,
        income_level,
        age_level,
        has_children,
        demographics_age_days
    from {{ ref("int_features__demographics") }}
),

final as (
    select
        populations.person_id,
        populations.as_of_date,
        populations.population,
        populations.value_amount,
        purchases.recency_days,
        purchases.tenure_days,
        purchases.order_count_28d,
        purchases.order_count_84d,
        purchases.order_count_168d,
        purchases.spend_28d,
        purchases.spend_84d,
        purchases.spend_168d,
        purchases.average_gap_days,
        purchases.gap_deviation_days,
        purchases.recency_over_gap,
        purchases.order_trend,
        purchases.spend_trend,
        purchases.active_weeks_84d,
        purchases.average_order_amount_84d,
        purchases.lines_per_order_84d,
        purchases.department_count_84d,
        purchases.store_count_84d,
        purchases.discount_share_84d,
        purchases.coupon_share_84d,
        purchases.private_brand_share_84d,
        purchases.weekend_share_84d,
        coalesce(activity.campaign_contact_count_84d, 0) as campaign_contact_count_84d,
        activity.days_since_campaign_contact,
        coalesce(activity.redemption_count_168d, 0) as redemption_count_168d,
        cast(extract(month from populations.as_of_date) as double precision) as calendar_month,
        demographics.household_size,
        demographics.income_level,
        demographics.age_level,
        demographics.has_children,
        demographics.demographics_age_days,
        purchases.purchase_day_count,
        purchases.spend_per_purchase_day,
        purchases.order_count_365d,
        purchases.spend_365d,
        purchases.longest_gap_days,
        purchases.last_gap_days,
        purchases.recent_gap_days,
        purchases.gap_trend,
        purchases.recency_over_longest_gap,
        purchases.order_change_84d,
        purchases.spend_change_84d,
        purchases.order_amount_trend,
        purchases.lines_per_order_change,
        purchases.department_change,
        purchases.discounted_line_share_84d,
        purchases.discounted_line_share_change,
        purchases.discounted_order_share_84d,
        purchases.margin_share_84d,
        case
            when purchases.recency_days is not null
                then coalesce(returns.return_count_168d, {{ none_told("returns") }})
        end as return_count_168d,
        coalesce(returns.refund_amount_168d, {{ none_told("returns") }})
        / nullif(purchases.spend_168d, 0) as returned_share_168d,
        returns.days_since_return,
        coalesce(service.case_count_168d, {{ none_told("cases") }}) as case_count_168d,
        service.days_since_case,
        coalesce(service.complaint_count_168d, {{ none_told("cases") }}) as complaint_count_168d,
        service.days_since_complaint,
        coalesce(service.open_complaint_count, {{ none_told("cases") }}) as open_complaint_count,
        service.open_complaint_age_days,
        coalesce(service.late_case_count_168d, {{ none_told("cases") }}) as late_case_count_168d,
        coalesce(service.refused_complaint_count_168d, {{ none_told("cases") }})
            as refused_complaint_count_168d,
        coalesce(service.settled_complaint_count_365d, {{ none_told("cases") }})
            as settled_complaint_count_365d,
        service.last_complaint_refused,
        service.last_complaint_late,
        service.last_satisfaction,
        service.satisfaction_change,
        service.last_recommendation,
        service.last_switching_discount_percent,
        service.survey_age_days,
        coalesce(contracts.running_contract_count, {{ none_told("contracts") }})
            as running_contract_count,
        contracts.contract_days_left,
        contracts.days_since_contract_end,
        contracts.contract_tenure_days,
        coalesce(contracts.contract_renewal_count, {{ none_told("contracts") }})
            as contract_renewal_count,
        contracts.contract_monthly_fee,
        activity.days_since_visit,
        activity.visit_day_count_28d,
        activity.visit_day_count_84d,
        activity.visit_trend,
        activity.visit_change_84d,
        activity.visit_day_count_365d,
        activity.visit_gap_days,
        activity.visit_recency_over_gap,
        activity.login_count_28d,
        activity.login_count_84d,
        activity.view_count_28d,
        activity.cart_count_28d,
        activity.app_open_count_28d,
        activity.days_since_login,
        activity.days_since_cart,
        contacts.usual_purchases,
        contacts.offer_response,
        contacts.offer_purchases,
        contacts.opened_share + {{ none_told("reactions") }} as opened_share,
        contacts.clicked_share + {{ none_told("reactions") }} as clicked_share,
        contacts.coupons_per_offer + {{ none_told("interactions") }} as coupons_per_offer,
        coalesce(contacts.contact_withdrawal_count, {{ none_told("withdrawals") }})
            as contact_withdrawal_count,
        purchases.discounted_line_share,
        purchases.last_discounted_line_share,
        purchases.recent_discounted_line_share,
        purchases.lines_per_purchase_day,
        purchases.last_line_count,
        purchases.recent_lines_per_purchase_day,
        service.longest_wait_days_168d,
        accounts.accounts_closed,
        accounts.days_since_account_change,
        accounts.days_since_account_closing,
        prices.price_change_84d,
        prices.price_change_168d,
        -- Who looks for offers feels a rise; trees find a product of two hard to see.
        purchases.discounted_line_share * prices.price_change_84d as price_exposure_84d,
        purchases.discounted_line_share * prices.price_change_168d as price_exposure_168d,
        competition.days_since_competitor_opening
    from populations
    left join purchases
        on populations.as_of_date = purchases.as_of_date
        and populations.person_id = purchases.person_id
    left join returns
        on populations.as_of_date = returns.as_of_date
        and populations.person_id = returns.person_id
    left join service
        on populations.as_of_date = service.as_of_date
        and populations.person_id = service.person_id
    left join contracts
        on populations.as_of_date = contracts.as_of_date
        and populations.person_id = contracts.person_id
    left join activity
        on populations.as_of_date = activity.as_of_date
        and populations.person_id = activity.person_id
    left join accounts
        on populations.as_of_date = accounts.as_of_date
        and populations.person_id = accounts.person_id
    left join competition
        on populations.as_of_date = competition.as_of_date
        and populations.person_id = competition.person_id
    left join prices on populations.as_of_date = prices.as_of_date
    left join contacts
        on populations.as_of_date = contacts.as_of_date
        and populations.person_id = contacts.person_id
    left join demographics
        on populations.as_of_date = demographics.as_of_date
        and populations.person_id = demographics.person_id
)

select
    person_id,
    as_of_date,
    population,
    value_amount,
    recency_days,
    tenure_days,
    order_count_28d,
    order_count_84d,
    order_count_168d,
    spend_28d,
    spend_84d,
    spend_168d,
    average_gap_days,
    gap_deviation_days,
    recency_over_gap,
    order_trend,
    spend_trend,
    active_weeks_84d,
    average_order_amount_84d,
    lines_per_order_84d,
    department_count_84d,
    store_count_84d,
    discount_share_84d,
    coupon_share_84d,
    private_brand_share_84d,
    weekend_share_84d,
    campaign_contact_count_84d,
    days_since_campaign_contact,
    redemption_count_168d,
    calendar_month,
    household_size,
    income_level,
    age_level,
    has_children,
    demographics_age_days,
    purchase_day_count,
    spend_per_purchase_day,
    order_count_365d,
    spend_365d,
    longest_gap_days,
    last_gap_days,
    recent_gap_days,
    gap_trend,
    recency_over_longest_gap,
    order_change_84d,
    spend_change_84d,
    order_amount_trend,
    lines_per_order_change,
    department_change,
    discounted_line_share_84d,
    discounted_line_share_change,
    discounted_order_share_84d,
    margin_share_84d,
    return_count_168d,
    returned_share_168d,
    days_since_return,
    case_count_168d,
    days_since_case,
    complaint_count_168d,
    days_since_complaint,
    open_complaint_count,
    open_complaint_age_days,
    late_case_count_168d,
    refused_complaint_count_168d,
    settled_complaint_count_365d,
    last_complaint_refused,
    last_complaint_late,
    last_satisfaction,
    satisfaction_change,
    last_recommendation,
    last_switching_discount_percent,
    survey_age_days,
    running_contract_count,
    contract_days_left,
    days_since_contract_end,
    contract_tenure_days,
    contract_renewal_count,
    contract_monthly_fee,
    days_since_visit,
    visit_day_count_28d,
    visit_day_count_84d,
    visit_trend,
    visit_change_84d,
    visit_day_count_365d,
    visit_gap_days,
    visit_recency_over_gap,
    login_count_28d,
    login_count_84d,
    view_count_28d,
    cart_count_28d,
    app_open_count_28d,
    days_since_login,
    days_since_cart,
    usual_purchases,
    offer_response,
    offer_purchases,
    opened_share,
    clicked_share,
    coupons_per_offer,
    contact_withdrawal_count,
    discounted_line_share,
    last_discounted_line_share,
    recent_discounted_line_share,
    lines_per_purchase_day,
    last_line_count,
    recent_lines_per_purchase_day,
    longest_wait_days_168d,
    accounts_closed,
    days_since_account_change,
    days_since_account_closing,
    price_change_84d,
    price_change_168d,
    price_exposure_84d,
    price_exposure_168d,
    days_since_competitor_opening
from final

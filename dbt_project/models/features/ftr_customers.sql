{{
    config(
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "person_id"], "unique": true}],
    )
}}

-- What models know of a person on a business day: one definition for training and for scoring.
-- Grain: one row per person_id and as_of_date. Nothing that became known after as_of_date is here.
-- A window of N days ends with as_of_date and counts it. Unknown is null, never zero.
-- A plain join: dbt parses this text to put the topics in before it, and import CTEs would make it
-- three times as long.
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
            then coalesce(returned.return_count_168d, {{ none_told("returns") }})
    end as return_count_168d,
    coalesce(returned.refund_amount_168d, {{ none_told("returns") }})
    / nullif(purchases.spend_168d, 0) as returned_share_168d,
    returned.days_since_return,
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
    account_changes.accounts_closed,
    account_changes.days_since_account_change,
    account_changes.days_since_account_closing,
    prices.price_change_84d,
    prices.price_change_168d,
    -- Who looks for offers feels a rise; trees find a product of two hard to see.
    purchases.discounted_line_share * prices.price_change_84d as price_exposure_84d,
    purchases.discounted_line_share * prices.price_change_168d as price_exposure_168d,
    competition.days_since_competitor_opening
from {{ ref("int_features__populations") }} as populations
left join {{ ref("int_features__purchases") }} as purchases
    on populations.as_of_date = purchases.as_of_date
    and populations.person_id = purchases.person_id
left join {{ ref("int_features__returns") }} as returned
    on populations.as_of_date = returned.as_of_date
    and populations.person_id = returned.person_id
left join {{ ref("int_features__service") }} as service
    on populations.as_of_date = service.as_of_date
    and populations.person_id = service.person_id
left join {{ ref("int_features__contracts") }} as contracts
    on populations.as_of_date = contracts.as_of_date
    and populations.person_id = contracts.person_id
left join {{ ref("int_features__activity") }} as activity
    on populations.as_of_date = activity.as_of_date
    and populations.person_id = activity.person_id
left join {{ ref("int_features__accounts") }} as account_changes
    on populations.as_of_date = account_changes.as_of_date
    and populations.person_id = account_changes.person_id
left join {{ ref("int_features__competition") }} as competition
    on populations.as_of_date = competition.as_of_date
    and populations.person_id = competition.person_id
left join {{ ref("int_features__prices") }} as prices on populations.as_of_date = prices.as_of_date
left join {{ ref("int_features__contacts") }} as contacts
    on populations.as_of_date = contacts.as_of_date
    and populations.person_id = contacts.person_id
left join {{ ref("int_features__demographics") }} as demographics
    on populations.as_of_date = demographics.as_of_date
    and populations.person_id = demographics.person_id

-- Campaigns.
-- Grain: one row per campaign and drop it came in.
with campaigns as (
    select
        campaign_id,
        name,
        goal,
        channel,
        discount_percent,
        starts_on,
        control_share,
        _file_date,
        _dlt_load_id
    from {{ source("mailer", "campaigns") }}
    where {{ is_accepted("mailer", "campaigns") }}
),

final as (
    select
        'mailer:' || campaign_id as campaign_id,
        {{ trimmed("name") }} as campaign_name,
        {{ trimmed("channel") }} || ' ' || {{ trimmed("goal") }} as campaign_type,
        discount_percent,
        control_share,
        starts_on as start_date,
        cast(null as date) as end_date,
        discount_percent > 0 as has_offer,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from campaigns
)

select
    campaign_id,
    campaign_name,
    campaign_type,
    discount_percent,
    control_share,
    start_date,
    end_date,
    has_offer,
    reported_date,
    load_id
from final

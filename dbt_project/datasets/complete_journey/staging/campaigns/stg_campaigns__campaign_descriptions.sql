-- Campaigns.
-- Grain: one row per campaign and drop it came in.
with campaign_descriptions as (
    select
        campaign_id,
        campaign_type,
        start_date,
        end_date,
        _file_date,
        _dlt_load_id
    from {{ source("campaigns", "campaign_descriptions") }}
    where {{ is_accepted("campaigns", "campaign_descriptions") }}
),

final as (
    select
        'campaigns:' || campaign_id as campaign_id,
        {{ trimmed("campaign_type") }} as campaign_type,
        start_date,
        end_date,
        -- Every campaign came with coupons.
        true as has_offer,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from campaign_descriptions
)

select
    campaign_id,
    campaign_type,
    start_date,
    end_date,
    has_offer,
    reported_date,
    load_id
from final

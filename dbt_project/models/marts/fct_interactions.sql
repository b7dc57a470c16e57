{{
    config(
        materialized="incremental",
        unique_key="interaction_id",
        tags=unfed_tags("interactions"),
        indexes=[
            {"columns": ["interaction_id"], "unique": true},
            {"columns": ["person_id", "interaction_date"]},
        ],
    )
}}

-- What persons did other than buy: coupons redeemed and, where a log is read, logins and views.
-- Grain: one row per interaction.
{{ fact_from_feed("interactions", key="interaction_id", day="interaction_date") }}

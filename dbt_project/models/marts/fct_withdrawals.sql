{{
    config(
        materialized="incremental",
        unique_key="withdrawal_id",
        tags=unfed_tags("withdrawals"),
        indexes=[
            {"columns": ["withdrawal_id"], "unique": true},
            {"columns": ["person_id", "withdrawn_date"]},
        ],
    )
}}

-- Consents to be contacted that were taken back. What holds now stands in customer_contacts.
-- Grain: one row per withdrawal.
{{ fact_from_feed("withdrawals", key="withdrawal_id", day="withdrawn_date") }}

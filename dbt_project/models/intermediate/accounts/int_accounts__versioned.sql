{{
    config(
        materialized="incremental",
        unique_key="account_id",
        tags=unfed_tags("accounts"),
        indexes=[{"columns": ["account_id", "known_from_date"], "unique": true}],
    )
}}

-- Customer accounts as they were known from one business day to another. Empty, and typed, where no
-- source provides them.
-- Grain: one row per account and version; known_to_date is null for the newest.
{{ versions_from_feed("accounts", key="account_id", day="opened_date") }}

{{
    config(
        materialized="incremental",
        unique_key="contract_id",
        tags=unfed_tags("contracts"),
        indexes=[{"columns": ["contract_id", "known_from_date"], "unique": true}],
    )
}}

-- Service contracts as they were known from one business day to another. Empty, and typed, where no
-- source provides them.
-- Grain: one row per contract and version; known_to_date is null for the newest. A renewal is a
-- contract of its own: renewed_from_id.
{{ versions_from_feed("contracts", key="contract_id", day="start_date") }}

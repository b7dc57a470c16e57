{{
    config(
        materialized="incremental",
        unique_key="case_id",
        tags=unfed_tags("cases"),
        indexes=[{"columns": ["case_id", "known_from_date"], "unique": true}],
    )
}}

-- Complaints and requests as they were known from one business day to another: opened, then closed
-- with an outcome. Empty, and typed, where no source provides them.
-- Grain: one row per case and version; known_to_date is null for the newest.
{{ versions_from_feed("cases", key="case_id", day="opened_date") }}

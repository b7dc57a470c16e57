{{
    config(
        materialized="incremental",
        unique_key="case_id",
        tags=unfed_tags("cases"),
        indexes=[
            {"columns": ["case_id"], "unique": true},
            {"columns": ["person_id", "opened_date"]},
        ],
    )
}}

-- Complaints and requests. Empty, and typed, where no source provides them.
-- Grain: one row per case.
{{ fact_from_feed("cases", key="case_id", day="opened_date") }}

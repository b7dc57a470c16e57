{{
    config(
        materialized="incremental",
        unique_key="survey_id",
        tags=unfed_tags("surveys"),
        indexes=[
            {"columns": ["survey_id"], "unique": true},
            {"columns": ["person_id", "answered_date"]},
        ],
    )
}}

-- Answers to surveys. Empty, and typed, where no source provides them.
-- Grain: one row per survey.
{{ fact_from_feed("surveys", key="survey_id", day="answered_date") }}

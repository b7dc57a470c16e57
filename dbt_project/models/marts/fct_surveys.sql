{{
    config(
        materialized="incremental",
        unique_key="survey_id",
        indexes=[
            {"columns": ["survey_id"], "unique": true},
            {"columns": ["person_id", "answered_date"]},
        ],
    )
}}

-- Answers to surveys. No source of the demo provides them: empty, and typed.
-- Grain: one row per survey.
{{ fact_from_feed("surveys", key="survey_id", day="answered_date") }}

{{
    config(
        materialized="incremental",
        unique_key="assignment_id",
        tags=unfed_tags("assignments"),
        indexes=[
            {"columns": ["assignment_id"], "unique": true},
            {"columns": ["campaign_id", "person_id"]},
        ],
    )
}}

-- Who was drawn for a campaign, and into which group: the experiment that a control group makes of
-- it. What was sent is in fct_contacts; our own lists draw their holdout in target_list_entries.
-- Grain: one row per record drawn for a campaign. A person of two records may be here twice.
{{ fact_from_feed("assignments", key="assignment_id", day="assigned_date") }}

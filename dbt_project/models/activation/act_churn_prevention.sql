{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- Live customers who may be leaving, with what speaks against contacting each.
-- Grain: one row per scored person of the last built business day. History stands in
-- target_list_entries; who made the list, too.
{{ list_candidates("churn_prevention") }}

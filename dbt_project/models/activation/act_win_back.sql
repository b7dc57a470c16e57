{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- Lapsed customers who may come back, with what speaks against contacting each.
-- Grain: one row per scored person of the last built business day. History stands in
-- target_list_entries; who made the list, too.
{{ list_candidates("win_back") }}

{{ config(materialized="view") }}

-- How connected the sources truly are: of the records of one, how many belong to a person whom
-- another source knows as well, and by which evidence.
-- Grain: one row per business day and ordered pair of sources, because connection is lopsided.
-- A view: the identification writes it down as it is read here, and guards its key.
with connectedness as (
    select
        as_of_date,
        source_a,
        source_b,
        records_a,
        records_b,
        linked_a,
        linked_b,
        linked_share_a,
        linked_by_exact_key_a,
        linked_by_override_a,
        linked_by_probability_a,
        evidence
    from {{ source("identity", "connectedness") }}
)

select
    as_of_date,
    source_a,
    source_b,
    records_a,
    records_b,
    linked_a,
    linked_b,
    linked_share_a,
    linked_by_exact_key_a,
    linked_by_override_a,
    linked_by_probability_a,
    evidence
from connectedness

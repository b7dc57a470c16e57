{{
    config(
        materialized="incremental",
        unique_key=["source", "source_customer_id"],
        indexes=[{"columns": ["source", "source_customer_id"], "unique": true}],
    )
}}

-- Every record of a person in any source, for the identification.
-- Grain: one row per source and source_customer_id. No names and no contact details.
with new_versions as (
    {{ union_feed("persons", loads="new") }}
),

versions as (
    {{ union_feed("persons") }}
),

touched as (
    select distinct
        source,
        source_customer_id
    from new_versions
),

final as (
    select
        versions.source,
        versions.source_customer_id,
        -- A record's shared identifier does not change; min makes one of its versions.
        min(versions.exact_key) as exact_key,
        min(versions.first_seen_at) as first_seen_at,
        max(versions.load_id) as load_id
    from versions
    inner join touched
        on versions.source = touched.source
        and versions.source_customer_id = touched.source_customer_id
    group by versions.source, versions.source_customer_id
)

select
    source,
    source_customer_id,
    exact_key,
    first_seen_at,
    load_id
from final

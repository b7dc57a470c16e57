{{
    config(
        materialized="incremental",
        unique_key=["source", "source_customer_id"],
        indexes=[{"columns": ["source", "source_customer_id"], "unique": true}],
    )
}}

-- Every record of a person in any source, for the identification.
-- Grain: one row per source and source_customer_id. No names and no contact details. A row without
-- a customer, such as an anonymous receipt, is nobody's record.
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
    where source_customer_id is not null
),

exact_keys as (
    select distinct
        versions.source,
        versions.source_customer_id,
        exact_key.value
    from versions
    {{ elements("versions.exact_keys", "exact_key") }}
    inner join touched
        on versions.source = touched.source
        and versions.source_customer_id = touched.source_customer_id
),

gathered_keys as (
    select
        source,
        source_customer_id,
        array_agg(value order by value) as exact_keys
    from exact_keys
    group by source, source_customer_id
),

first_seen as (
    select
        versions.source,
        versions.source_customer_id,
        min(versions.first_seen_at) as first_seen_at,
        max(versions.load_id) as load_id
    from versions
    inner join touched
        on versions.source = touched.source
        and versions.source_customer_id = touched.source_customer_id
    group by versions.source, versions.source_customer_id
),

final as (
    select
        first_seen.source,
        first_seen.source_customer_id,
        coalesce(gathered_keys.exact_keys, cast('{}' as text[])) as exact_keys,
        first_seen.first_seen_at,
        first_seen.load_id
    from first_seen
    left join gathered_keys
        on first_seen.source = gathered_keys.source
        and first_seen.source_customer_id = gathered_keys.source_customer_id
)

select
    source,
    source_customer_id,
    exact_keys,
    first_seen_at,
    load_id
from final

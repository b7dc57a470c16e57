{# A feed is what the walk wants to know, whichever sources tell it. Sources name the staging model
   that provides a feed in their catalog entry; a feed nobody provides is empty, and typed. #}

{% macro feed_columns(feed) %}
    {% set feeds = {
        "persons": {
            "source_customer_id": "text", "exact_keys": "text[]", "first_seen_at": "timestamptz",
            "person_name": "text", "phone": "text", "email": "text", "birth_date": "date",
            "postcode": "text", "address": "text", "reported_at": "timestamptz",
        },
        "orders": {
            "order_id": "text", "source_customer_id": "text", "store_id": "text",
            "order_kind": "text", "purchased_at": "timestamptz", "reported_date": "date", "updated_at": "timestamptz",
        },
        "order_lines": {
            "order_id": "text", "line_id": "text", "product_id": "text", "unit_count": "bigint",
            "sales_amount": "numeric(18, 2)", "retail_discount_amount": "numeric(18, 2)",
            "coupon_discount_amount": "numeric(18, 2)", "coupon_match_amount": "numeric(18, 2)",
            "reported_date": "date", "updated_at": "timestamptz",
        },
        "products": {
            "product_id": "text", "manufacturer_id": "text", "department": "text",
            "brand_type": "text", "category": "text", "product_type": "text",
            "package_size": "text", "list_price": "numeric(18, 2)", "unit_cost": "numeric(18, 2)",
            "reported_date": "date", "updated_at": "timestamptz",
        },
        "demographics": {
            "source_customer_id": "text", "age_band": "text", "income_band": "text",
            "home_ownership": "text", "marital_status": "text", "household_composition": "text",
            "household_size": "integer", "age_level": "integer", "income_level": "integer",
            "has_children": "boolean", "reported_date": "date",
        },
        "campaigns": {
            "campaign_id": "text", "campaign_type": "text", "start_date": "date",
            "end_date": "date", "has_offer": "boolean", "reported_date": "date",
        },
        "campaign_offers": {
            "campaign_id": "text", "coupon_code": "text", "product_id": "text",
        },
        "contacts": {
            "contact_id": "text", "source_customer_id": "text", "campaign_id": "text",
            "channel": "text", "contact_date": "date", "reported_date": "date",
        },
        "assignments": {
            "assignment_id": "text", "source_customer_id": "text", "campaign_id": "text",
            "treatment_group": "text", "assigned_date": "date", "reported_date": "date",
        },
        "reactions": {
            "reaction_id": "text", "contact_id": "text", "reaction_type": "text",
            "reacted_date": "date", "reported_date": "date",
        },
        "interactions": {
            "interaction_id": "text", "source_customer_id": "text", "campaign_id": "text",
            "interaction_type": "text", "subject": "text", "interaction_date": "date",
            "reported_date": "date",
        },
        "cases": {
            "case_id": "text", "source_customer_id": "text", "case_type": "text", "topic": "text",
            "outcome": "text", "promised_date": "date", "opened_date": "date",
            "closed_date": "date", "reported_date": "date",
        },
        "surveys": {
            "survey_id": "text", "source_customer_id": "text", "occasion": "text",
            "satisfaction": "integer", "recommendation": "integer",
            "switching_discount_percent": "integer", "answered_date": "date",
            "reported_date": "date",
        },
        "contracts": {
            "contract_id": "text", "source_customer_id": "text", "service_plan": "text",
            "start_date": "date", "end_date": "date", "monthly_fee": "numeric(18, 2)",
            "contract_state": "text", "renewed_from_id": "text", "reported_date": "date",
        },
        "returns": {
            "return_id": "text", "order_id": "text", "line_id": "text", "unit_count": "bigint",
            "refund_amount": "numeric(18, 2)", "return_reason": "text", "returned_date": "date",
            "reported_date": "date",
        },
        "accounts": {
            "account_id": "text", "source_customer_id": "text", "opened_date": "date",
            "changed_date": "date", "closed_date": "date", "reported_date": "date",
        },
        "stores": {"store_id": "text", "region": "text", "reported_date": "date"},
        "competitors": {
            "competitor_id": "text", "region": "text", "opened_date": "date",
            "reported_date": "date",
        },
        "contact_points": {
            "source_customer_id": "text", "channel": "text", "contact_value": "text",
            "consent_status": "text", "consent_at": "timestamptz", "updated_at": "timestamptz",
        },
        "withdrawals": {
            "withdrawal_id": "text", "source_customer_id": "text", "channel": "text",
            "withdrawn_date": "date", "reported_date": "date",
        },
    } %}
    {{ return(feeds[feed]) }}
{% endmacro %}

{# All rows of a feed: its columns, and source, load_id, is_history.

   is_history: the row came with the first load of its table. That load is the source's history, so
   its rows count from the day they happened; what comes later counts from the day it was reported.

   loads: of an incremental model that keeps source and load_id, "new" are the loads it has not read
   (on its first build, all), "read" the others (on its first build, none). #}
{% macro union_feed(feed, loads="all") %}
    {%- set columns = feed_columns(feed) -%}
    {%- set providers = var("feeds").get(feed, []) -%}
    {%- for provider in providers %}
    {%- set source_name = provider.split("__")[0][4:] -%}
    {%- set table_name = provider.split("__")[1] %}
    select
        {%- for column, type in columns.items() %}
        cast({{ column }} as {{ type }}) as {{ column }},
        {%- endfor %}
        '{{ source_name }}' as source,
        load_id,
        coalesce(load_id = (
            select min(loads.load_id) from {{ source("ops", "loads") }} as loads
            where loads.source = '{{ source_name }}' and loads.table_name = '{{ table_name }}'
        ), false) as is_history
    from {{ ref(provider) }}
    {%- if loads == "new" %}
    where load_id > {{ newest_load_read(source_name) }}
    {%- elif loads == "read" %}
    where load_id <= {{ newest_load_read(source_name) }}
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        {%- for column, type in columns.items() %}
        cast(null as {{ type }}) as {{ column }},
        {%- endfor %}
        cast(null as text) as source,
        cast(null as text) as load_id,
        false as is_history
    where false
    {%- endfor %}
{% endmacro %}

{# The sources that provide a feed: source. #}
{% macro feed_sources(feed) %}
    {%- for provider in var("feeds").get(feed, []) %}
    select '{{ provider.split("__")[0][4:] }}' as source
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- else %}
    select cast(null as text) as source
    where false
    {%- endfor %}
{% endmacro %}

{# The tags of a model that has rows of this feed only: `unfed` where no source provides it, so that
   the model stays as empty as it was built (selectors.yml). #}
{% macro unfed_tags(feed) %}
    {{ return([] if var("feeds").get(feed) else ["unfed"]) }}
{% endmacro %}

{# The newest load of a source that an incremental model has read; '' before all on its first build. #}
{% macro newest_load_read(source_name) -%}
    {%- if is_incremental() -%}
    (
        select coalesce(max(already.load_id), '')
        from {{ this }} as already
        where already.source = '{{ source_name }}'
    )
    {%- else -%}
    ''
    {%- endif -%}
{%- endmacro %}

{# Per source of a feed, the newest load that an incremental model has read: source, load_id. #}
{% macro loads_read(feed) %}
    {%- for provider in var("feeds").get(feed, []) %}
    {%- set source_name = provider.split("__")[0][4:] %}
    select
        '{{ source_name }}' as source,
        {{ newest_load_read(source_name) }} as load_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as text) as source,
        cast(null as text) as load_id
    where false
    {%- endfor %}
{% endmacro %}

{# The keys that an incremental model holds; on its first build, none. #}
{% macro keys_so_far(key) %}
    {%- if is_incremental() %}
    select already.{{ key }}
    from {{ this }} as already
    {%- else %}
    select cast(null as text) as {{ key }}
    where false
    {%- endif %}
{% endmacro %}

{# What an incremental model holds, alias `so_far`; on its first build, no rows.

   Args: the columns, with their types. #}
{% macro rows_so_far(columns) %}
    {%- if is_incremental() %}
    select
        {%- for column in columns %}
        so_far.{{ column }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ this }} as so_far
    {%- else %}
    select
        {%- for column, type in columns.items() %}
        cast(null as {{ type }}) as {{ column }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    where false
    {%- endif %}
{% endmacro %}

{# The keys of an incremental fact whose record has been given to another person since. #}
{% macro relinked(key) %}
    {%- if is_incremental() %}
    select linked.{{ key }}
    from {{ this }} as linked
    inner join {{ source("identity", "person_links") }} as links
        on linked.source = links.source
        and linked.source_customer_id = links.source_customer_id
    where linked.person_id is distinct from links.person_id
    {%- else %}
    select cast(null as text) as {{ key }}
    where false
    {%- endif %}
{% endmacro %}

{# The staging models that provide any feed, each once. #}
{% macro staging_models() %}
    {{ return(var("feeds").values() | sum(start=[]) | unique | sort) }}
{% endmacro %}

-- What the sales team noted of its contacts.
-- Grain: one row per note and drop it came in.
with notes as (
    select
        note_id,
        contact_id,
        written_on,
        topic,
        note,
        _file_date,
        _dlt_load_id
    from {{ source("crm", "notes") }}
    where {{ is_accepted("crm", "notes") }}
),

final as (
    select
        'crm:' || {{ trimmed("note_id") }} as note_id,
        {{ trimmed("contact_id") }} as source_customer_id,
        {{ safe_cast_text("written_on", "date") }} as written_date,
        {{ trimmed("topic") }} as topic,
        {{ trimmed("note") }} as note_text,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from notes
)

select
    note_id,
    source_customer_id,
    written_date,
    topic,
    note_text,
    reported_date,
    load_id
from final

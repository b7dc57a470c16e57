{{
    config(
        materialized="incremental",
        unique_key="return_id",
        tags=unfed_tags("returns"),
        indexes=[
            {"columns": ["return_id"], "unique": true},
            {"columns": ["load_id"]},
        ],
    )
}}

-- What was sent back. Empty, and typed, where no source provides it.
-- Grain: one row per return of a line. Who bought stands in fct_orders. The refunds of tills, which
-- do not say what they refund, are not here: they are orders of their kind.
with new_versions as (
    {{ union_feed("returns", loads="new") }}
),

so_far as (
    {{ rows_so_far({"return_id": "text", "known_from_date": "date"}) }}
),

dated as (
    select
        return_id,
        order_id,
        line_id,
        source,
        unit_count,
        refund_amount,
        return_reason,
        returned_date,
        load_id,
        min(case when is_history then returned_date else greatest(returned_date, reported_date) end)
            over (partition by return_id) as known_from_date,
        row_number() over (
            partition by return_id
            order by reported_date desc, load_id desc
        ) as place
    from new_versions
),

final as (
    select
        dated.return_id,
        dated.order_id,
        dated.line_id,
        dated.source,
        dated.unit_count,
        dated.refund_amount,
        dated.return_reason,
        dated.returned_date,
        -- Told again, it is known as long as it was.
        least(dated.known_from_date, so_far.known_from_date) as known_from_date,
        dated.load_id
    from dated
    left join so_far on dated.return_id = so_far.return_id
    where dated.place = 1
)

select
    return_id,
    order_id,
    line_id,
    source,
    unit_count,
    refund_amount,
    return_reason,
    returned_date,
    known_from_date,
    load_id
from final

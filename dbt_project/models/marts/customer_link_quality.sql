{{ config(materialized="view") }}

-- How far the links between records can be trusted: how many are right, and how many of the true
-- ones are found, estimated from drawn pairs that somebody judged. Null where nobody did.
-- Grain: one row per business day. A view, as customer_connectedness is.
with link_quality as (
    select
        as_of_date,
        records,
        persons,
        name_list_only_persons,
        name_list_only_share,
        sample_month,
        labelled_pairs,
        precision_estimate,
        precision_lower,
        precision_upper,
        recall_estimate,
        recall_lower,
        recall_upper
    from {{ source("identity", "link_quality") }}
)

select
    as_of_date,
    records,
    persons,
    name_list_only_persons,
    name_list_only_share,
    sample_month,
    labelled_pairs,
    precision_estimate,
    precision_lower,
    precision_upper,
    recall_estimate,
    recall_lower,
    recall_upper
from link_quality

{# Rows of a customer that identification knew on the business day and yet named no person for. A
   later night that ended after loading leaves customers here of whom a day before knows nothing. #}
{% test identified(model, column_name) %}
    with unnamed as (
        select
            source,
            source_customer_id
        from {{ model }}
        where source_customer_id is not null and {{ column_name }} is null
    )

    select
        unnamed.source,
        unnamed.source_customer_id
    from unnamed
    left join {{ ref("int_persons__unioned") }} as records
        on unnamed.source = records.source
        and unnamed.source_customer_id = records.source_customer_id
    where coalesce(records.first_seen_at < {{ day_end(as_of_date()) }}, true)
{% endtest %}

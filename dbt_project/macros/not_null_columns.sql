{# Rows without a value in one of the columns: one test for all of a table's, which are many. #}
{% test not_null_columns(model, columns) %}
    select {{ columns | join(", ") }}
    from {{ model }}
    where {{ columns | join(" is null or ") }} is null
{% endtest %}

{# What is counted of a person whom a feed does not mention: none, if somebody tells us of such
   things at all; else it is not known. #}
{% macro none_told(feed) -%}
    {{ "0" if var("feeds").get(feed) else "cast(null as integer)" }}
{%- endmacro %}

{# Days without a purchase within which a customer is live: policy.yml, populations. Who has no
   rhythm yet has the fixed window. #}
{% macro live_window(average_gap_days) -%}
    {%- set rules = var("policy")["populations"] -%}
    {%- if rules["window"] == "own_rhythm" -%}
    coalesce(
        least(
            greatest(
                {{ rules["own_rhythm"]["factor"] }} * {{ average_gap_days }},
                {{ rules["own_rhythm"]["min_days"] }}
            ),
            {{ rules["own_rhythm"]["max_days"] }}
        ),
        {{ rules["live_within_days"] }}
    )
    {%- else -%}
    {{ rules["live_within_days"] }}
    {%- endif -%}
{%- endmacro %}

{# The region an address lies in: a Korean address begins with it, in full or in its two syllables. #}
{% macro region_of_address(address) -%}
    left(trim({{ address }}), 2)
{%- endmacro %}

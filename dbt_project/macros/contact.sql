{# Where a text falls between 0 and 1, evenly and for ever: the first 32 bits of its MD5. #}
{% macro hash_share(text) -%}
    {{ return(adapter.dispatch("hash_share")(text)) }}
{%- endmacro %}

{% macro default__hash_share(text) -%}
    (
        cast(cast('x' || substring(md5({{ text }}), 1, 8) as bit(32)) as bigint)
        / cast(4294967296 as double precision)
    )
{%- endmacro %}

{# Consent granted by policy where a source holds none: source, channel, reason. #}
{% macro consent_grants() -%}
    {%- for grant in var("policy")["contact"]["consent_grants"] %}
    select
        '{{ grant["source"] }}' as source,
        '{{ grant["channel"] }}' as channel,
        '{{ grant["reason"] | replace("'", "''") }}' as reason
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as text) as source,
        cast(null as text) as channel,
        cast(null as text) as reason
    where false
    {%- endfor %}
{%- endmacro %}

{# The channels that the policy's lists use, each once. #}
{% macro list_channels() %}
    {{ return(var("policy")["lists"].values() | map(attribute="channel") | unique | sort) }}
{% endmacro %}

{# The candidates of one list of policy.yml on the business day, with what speaks against each. #}
{% macro list_candidates(list_name) %}
    {%- set definition = var("policy")["lists"][list_name] %}
with features as (
    select
        person_id,
        population,
        value_amount,
        spend_per_purchase_day
    from {{ ref("ftr_customers") }}
    where as_of_date = {{ as_of_date() }}
),

effects as (
    select
        person_id,
        effect,
        effect_version,
        is_do_not_wake
    from {{ source("ml", "contact_effects") }}
    where as_of_date = {{ as_of_date() }}
),

scores as (
    select
        as_of_date,
        person_id,
        score_name,
        model_version,
        model_kind,
        probability,
        is_calibrated,
        reason_1,
        reason_2,
        reason_3
    from {{ source("ml", "customer_scores") }}
    where score_name = '{{ definition["score"] }}'
),

permissions as (
    select
        person_id,
        channel,
        refusal,
        consent_basis,
        is_holdout
    from {{ ref("int_contact__permitted") }}
),

-- Scores too old for a list are not used: policy.yml, checks.max_score_age_days.
usable_scores as (
    select
        person_id,
        score_name,
        model_version,
        model_kind,
        probability,
        is_calibrated,
        reason_1,
        reason_2,
        reason_3,
        row_number() over (
            partition by person_id
            order by as_of_date desc
        ) as place
    from scores
    where
        as_of_date <= {{ as_of_date() }}
        and {{ days_between("as_of_date", as_of_date()) }}
        <= {{ var("policy")["checks"]["max_score_age_days"] }}
),

-- A list that is to be ranked by what contact changes is, as a whole, where a model of it is in
-- force; else by propensity, and says so.
ranking as (
    select
        {{ definition["rank_by"] == "effect_times_value" }} as asks_for_effect,
        count(effect_version) > 0 as knows_effect
    from effects
),

candidates as (
    select
        features.person_id,
        usable_scores.probability as score,
        usable_scores.score_name,
        usable_scores.model_version,
        usable_scores.model_kind,
        usable_scores.is_calibrated,
        effects.effect,
        case
            when ranking.asks_for_effect and ranking.knows_effect then 'effect'
            when ranking.asks_for_effect then 'propensity: no experiment shows what contact changes'
            else 'propensity'
        end as ranked_by,
        case
            -- The purchases that the contact is expected to bring, at what the person spends on one,
            -- less what it costs.
            when ranking.asks_for_effect and ranking.knows_effect
                then
                    effects.effect * features.spend_per_purchase_day
                    - {{ definition["offer_cost"] }}
            -- What the contact is worth if it keeps the person, weighed by how likely it is needed
            -- or welcome, less what it costs.
            else usable_scores.probability * features.value_amount - {{ definition["offer_cost"] }}
        end as expected_value,
        usable_scores.reason_1,
        usable_scores.reason_2,
        usable_scores.reason_3,
        permissions.consent_basis,
        permissions.is_holdout,
        coalesce(
            permissions.refusal,
            -- Whom contact drives away: policy.yml, contact.do_not_wake_above.
            case when effects.is_do_not_wake then 'do not wake' end,
            -- Below it nobody is bothered: policy.yml, lists.min_probability. A score that is not
            -- calibrated is no probability and is not held against it.
            case
                when
                    usable_scores.is_calibrated
                    and usable_scores.probability < {{ definition["min_probability"] }}
                    then 'probability below the minimum'
            end
        ) as refusal
    from features
    inner join usable_scores
        on features.person_id = usable_scores.person_id
        and usable_scores.place = 1
    inner join permissions
        on features.person_id = permissions.person_id
        and permissions.channel = '{{ definition["channel"] }}'
    cross join ranking
    left join effects on features.person_id = effects.person_id
    where features.population = '{{ definition["population"] }}'
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        '{{ list_name }}' as list_name,
        person_id,
        score,
        score_name,
        model_version,
        model_kind,
        is_calibrated,
        effect,
        expected_value,
        {{ "score" if definition["rank_by"] == "probability" else "expected_value" }} as rank_value,
        ranked_by,
        reason_1,
        reason_2,
        reason_3,
        '{{ definition["offer"] }}' as offer,
        '{{ definition["channel"] }}' as channel,
        consent_basis,
        is_holdout,
        refusal is null as is_eligible,
        refusal
    from candidates
)

select
    as_of_date,
    list_name,
    person_id,
    score,
    score_name,
    model_version,
    model_kind,
    is_calibrated,
    effect,
    expected_value,
    rank_value,
    ranked_by,
    reason_1,
    reason_2,
    reason_3,
    offer,
    channel,
    consent_basis,
    is_holdout,
    is_eligible,
    refusal
from final
{% endmacro %}

{# The business days whose outcomes an incremental model holds; on its first build, none. #}
{% macro days_settled() %}
    {%- if is_incremental() %}
    select distinct as_of_date
    from {{ this }}
    {%- else %}
    select cast(null as date) as as_of_date
    where false
    {%- endif %}
{% endmacro %}

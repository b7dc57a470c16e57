{{ config(materialized="ephemeral") }}

-- Accounts of a person, as known on a business day: whether any is still open, and when what stands
-- in an open one last changed, such as an address or a phone.
-- Grain: one row per person_id and as_of_date of those who had opened an account by then.
with feature_dates as (
    {{ feature_dates() }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

account_versions as (
    select
        source,
        source_customer_id,
        opened_date,
        changed_date,
        closed_date,
        known_from_date,
        known_to_date
    from {{ ref("int_accounts__versioned") }}
),

-- A source's history knows of changes and closings that lie after the day.
known_accounts as (
    select
        feature_dates.as_of_date,
        links.person_id,
        coalesce(account_versions.closed_date <= feature_dates.as_of_date, false) as is_closed,
        case
            when
                account_versions.changed_date > account_versions.opened_date
                and account_versions.changed_date <= feature_dates.as_of_date
                then
                    {{ days_between("account_versions.changed_date", "feature_dates.as_of_date") }}
        end as days_since_change
    from account_versions
    inner join feature_dates
        on account_versions.known_from_date <= feature_dates.as_of_date
        and (
            account_versions.known_to_date > feature_dates.as_of_date
            or account_versions.known_to_date is null
        )
    inner join links
        on account_versions.source = links.source
        and account_versions.source_customer_id = links.source_customer_id
),

final as (
    select
        person_id,
        as_of_date,
        min(cast(is_closed as integer)) as accounts_closed,
        min(days_since_change) filter (where not is_closed) as days_since_account_change,
        min(days_since_change) filter (where is_closed) as days_since_account_closing
    from known_accounts
    group by as_of_date, person_id
)

select
    person_id,
    as_of_date,
    cast(accounts_closed as double precision) as accounts_closed,
    cast(days_since_account_change as double precision) as days_since_account_change,
    cast(days_since_account_closing as double precision) as days_since_account_closing
from final

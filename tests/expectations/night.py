"""A small good night, laid down by hand in the shape the rooms agreed on."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg

from warehouse.context import RunContext

AS_OF = date(2017, 11, 30)  # a Thursday
PERSONS = 200

SHOP = """
description: The shop's database.
reader: sql
tables:
  - name: customers
    key: [customer_id]
    cursor: updated_at
    mode: upsert
    fresh_within_hours: 8760
    required: true
    columns: {customer_id: bigint, nickname: text, updated_at: timestamptz}
  - name: baskets
    key: [basket_id]
    cursor: updated_at
    mode: append
    fresh_within_hours: 24
    required: true
    columns: {basket_id: bigint, customer_id: bigint, till: text, updated_at: timestamptz}
"""

CRM = """
description: The CRM's weekly dump.
reader: files
tables:
  - name: demographics
    path: demographics_{date}.csv
    format: csv
    key: [household_id]
    cursor: _file_date
    mode: snapshot
    fresh_within_hours: 168
    required: false
    columns: {household_id: text, age: text}
  - name: redemptions
    path: "{date}/redemptions.parquet"
    format: parquet
    key: [coupon_id]
    cursor: _file_date
    mode: append
    fresh_within_hours: 24
    required: false
    columns: {coupon_id: bigint}
"""

SOURCES = """
create schema raw_shop;
create schema raw_crm;

create table raw_shop.customers (
    customer_id bigint, nickname text, updated_at timestamptz, _dlt_load_id text
);
insert into raw_shop.customers
select id, 'customer ' || id, timestamptz '2017-02-01 12:00-05', '1'
from generate_series(1, 200) as id;

-- Sixty baskets a day from 24 October on, the last at 22:30 local time; tonight brought today's.
create table raw_shop.baskets (
    basket_id bigint, customer_id bigint, till text, updated_at timestamptz, _dlt_load_id text
);
insert into raw_shop.baskets
select
    day * 100 + number,
    1 + (day * 7 + number) % 200,
    'till ' || number % 5,
    (date '2017-10-24' + day + time '08:00' + number * interval '14.5 minutes')
        at time zone 'America/New_York',
    case when day = 37 then '2' else '1' end
from generate_series(0, 37) as day, generate_series(1, 60) as number;

create table raw_crm.demographics (
    household_id text, age text, _file_date date, _dlt_load_id text
);
insert into raw_crm.demographics
select id::text, '35-44', date '2017-10-30' + 7 * week, '1'
from generate_series(0, 4) as week, generate_series(1, 40) as id;

-- Nobody has redeemed anything since Monday: the drops of these days hold no row.
create table raw_crm.redemptions (coupon_id bigint, _file_date date, _dlt_load_id text);
insert into raw_crm.redemptions
select id, date '2017-11-20' + id, '1' from generate_series(1, 7) as id;

insert into ops.loaded_files
    (source, table_name, file_name, content_hash, file_date, load_id, rows_read, rows_rejected)
select
    'crm', 'redemptions', day || '/redemptions.parquet', day::text, day::date, '1', 0, 0
from generate_series(date '2017-11-20', date '2017-11-30', interval '1 day') as day;

insert into ops.loads values
('2017-11-29', 'shop', 'customers', '1', 200, 200, 0, '2017-02-01 12:00-05'),
('2017-11-29', 'shop', 'baskets', '1', 2220, 2220, 0, '2017-11-29 22:30-05'),
('2017-11-29', 'crm', 'demographics', '1', 200, 200, 0, '2017-11-27 00:00-05'),
('2017-11-29', 'crm', 'redemptions', '1', 7, 7, 0, '2017-11-29 00:00-05'),
('2017-11-30', 'shop', 'customers', '2', 0, 0, 0, '2017-02-01 12:00-05'),
('2017-11-30', 'shop', 'baskets', '2', 60, 60, 0, '2017-11-30 22:30-05'),
('2017-11-30', 'crm', 'demographics', '2', 0, 0, 0, '2017-11-27 00:00-05'),
('2017-11-30', 'crm', 'redemptions', '2', 0, 0, 0, '2017-11-30 00:00-05');
"""

CUSTOMERS = """
insert into identity.person_links
    (source, source_customer_id, person_id, evidence, linked_at_run, linked_as_of_date)
select source, id::text, 'P' || lpad(id::text, 4, '0'), 'exact_key', 'test', '2017-11-01'::date
from generate_series(1, 200) as id, unnest(array['shop', 'crm']) as source
where source = 'shop' or id % 4 = 0;

create table marts.dim_customers as
select 'P' || lpad(id::text, 4, '0') as person_id from generate_series(1, 200) as id;

create table marts.fct_orders as
select
    basket_id::text as order_id,
    'P' || lpad(customer_id::text, 4, '0') as person_id,
    updated_at as purchased_at,
    'purchase' as order_kind,
    20.0::numeric(12, 2) as order_amount
from raw_shop.baskets;

create table features.ftr_customers as
select
    'P' || lpad(id::text, 4, '0') as person_id,
    date '2017-11-29' + day as as_of_date,
    case
        when id <= 120 then 'live' when id <= 180 then 'lapsed'
        when id <= 190 then 'new' else 'prospect'
    end as population,
    12.5::double precision as value_amount,
    case when id <= 190 then id % 28 end::double precision as recency_days,
    case when id <= 190 then 200 end::double precision as tenure_days,
    case when id <= 190 then 4 end::double precision as order_count_84d,
    case when id <= 190 then 9 end::double precision as order_count_168d,
    case when id <= 190 then 80 end::double precision as spend_84d,
    0.1::double precision as discount_share_84d,
    0.0::double precision as coupon_share_84d,
    0.3::double precision as private_brand_share_84d,
    case when id % 3 > 0 then 0.4 end::double precision as weekend_share_84d,
    11::double precision as calendar_month,
    case when id % 4 = 0 then 3 end::double precision as demographics_age_days
from generate_series(1, 200) as id, generate_series(0, 1) as day;
"""

LISTS = """
insert into ml.customer_scores
select
    '2017-11-30', person_id, case population when 'live' then 'churn' else 'winback' end,
    case population when 'live' then '20171116-1' else 'rule-1' end,
    case population when 'live' then 'xgboost' else 'rule' end,
    28, 0.25, population = 'live', 0.5, 'rhythm_broken: late', null, null
from features.ftr_customers
where as_of_date = '2017-11-30' and population in ('live', 'lapsed');

-- Every tenth person is held out.
create table activation.target_list_entries as
select
    date '2017-11-30' as as_of_date,
    case when number <= 100 then 'churn_prevention' else 'win_back' end as list_name,
    'P' || lpad(person::text, 4, '0') as person_id,
    case when number <= 100 then number else number - 100 end as rank,
    (0.9 - number / 1000.0)::double precision as score,
    case when number <= 100 then 'churn' else 'winback' end as score_name,
    case when number <= 100 then '20171116-1' else 'rule-1' end as model_version,
    case when number <= 100 then 'xgboost' else 'rule' end as model_kind,
    number <= 100 as is_calibrated,
    (12.5 * (0.9 - number / 1000.0))::double precision as expected_value,
    'propensity' as ranked_by,
    'rhythm_broken: ' || number || ' days since the last purchase' as reason_1,
    'spend: spent in 84 days: 80' as reason_2,
    null::text as reason_3,
    case when number <= 100 then 'basket-voucher' else 'welcome-back-voucher' end as offer,
    'direct_mail' as channel,
    'demo grant, the published data holds no consent' as consent_basis,
    case when person % 10 = 0 then 'holdout' else 'contact' end as treatment_group,
    1.5::numeric as source_age_hours,
    'ok' as trust
from (
    select number, case when number <= 100 then number else number + 20 end as person
    from generate_series(1, 150) as number
) as persons;

create table pii.customer_contacts as
select
    person_id, 'direct_mail' as channel, 'household ' || right(person_id, 4) as contact_value,
    'granted' as consent_status
from marts.dim_customers;
grant select on all tables in schema pii, activation, ops to living_crm_publisher;

insert into identity.connectedness
values ('2017-11-30', 'crm', 'shop', 40, 200, 40, 40, 1.0, 'exact_key');
insert into identity.link_quality
values ('2017-11-30', 240, 200, 3, 0.015, '2017-11-01', 200, 0.995, 0.964, 0.999, 0.97, 0.91, 1);
"""


def lay_down(connection: psycopg.Connection) -> None:
    """Fills an empty warehouse with everything that stands before the guards."""
    for script in (SOURCES, CUSTOMERS, LISTS):
        connection.execute(script)


def write_catalog(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.yml").write_text(SHOP, encoding="utf-8")
    (folder / "crm.yml").write_text(CRM, encoding="utf-8")


def on(context: RunContext, day: date) -> RunContext:
    """Returns the same context on another day."""
    return replace(context, as_of=day)


YESTERDAY = AS_OF - timedelta(days=1)

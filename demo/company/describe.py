"""One HTML page about the demo company: what is planted, and how it shows in its systems.

It reads the truth, and so is no part of the walk: it is for people who judge what the walk found.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from html import escape
from pathlib import Path

import connectorx
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from demo.company import charts
from demo.company.installation import SHOP_DATABASE, company_folder
from demo.company.systems import truth
from demo.company.systems.pos import open_pos
from demo.company.tables import CALLCENTRE
from warehouse.connections import sibling_url, warehouse_url
from warehouse.errors import SourceError
from warehouse.files import write_whole
from warehouse.settings import Settings

_STYLE = """
    body { font: 16px/1.5 sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
    svg { width: 100%; } svg text { font: 11px sans-serif; fill: #444; }
    h2 { margin: 2rem 0 0; font-size: 1.1rem; } p { margin: .2rem 0 .6rem; }
"""

# Korea's clock is nine hours ahead of UTC all year; a purchase belongs to the day it shows.
_VIEWS = """
    create view purchases as
    select records.true_person_id, (orders.ordered_at + interval 9 hour)::date as on_day
    from orders join person_records as records
        on records.source = 'shop' and records.source_record_id = orders.member_id::text
    where orders.status <> 'cancelled'
    union all
    select records.true_person_id, (receipts.sold_at + interval 9 hour)::date
    from receipts join person_records as records
        on records.source = 'pos' and records.source_record_id = receipts.receipt_id::text
    where receipts.kind = 'sale';
"""

_CUSTOMERS = """
    select strftime(month, '%Y-%m'), 'customers', count(*) filter (
        first_active_on <= month and (left_on is null or left_on > month))
    from generate_series(date '2024-01-01', getvariable('last_day'), interval 1 month)
        as months (month), people
    group by month order by month
"""
_LEAVERS = """
    select strftime(left_on, '%Y-%m') as month, leaving_cause, count(*)
    from people where left_on is not null group by all order by all
"""
_GAPS = """
    with gaps as (
        select on_day - lag(on_day) over (partition by true_person_id order by on_day) as days
        from (select distinct true_person_id, on_day from purchases)
    ),
    counted as (
        select least(days // 10, 24) as bin, 'seen between purchases' as kind from gaps
        where days is not null
        union all
        select least(base_gap_days // 10, 24)::bigint, 'planted per person' from people
        where first_active_on is not null
    )
    select (bin * 10)::text, kind, 100.0 * count(*) / sum(count(*)) over (partition by kind)
    from counted group by bin, kind order by bin, kind
"""
_CONTACT = """
    with assigned as (
        select contact_effect, assigned_group, records.true_person_id, left_on,
            (assigned_at + interval 9 hour)::date as on_day
        from sends join person_records as records
            on records.source = 'mailer' and records.source_record_id = sends.send_id::text
        join people using (true_person_id)
        join campaigns on campaigns.campaign_id = sends.campaign_id
            and campaigns.goal <> 'newsletter'
        where assigned_at < getvariable('last_day') - 120
    ),
    judged as (
        select contact_effect, assigned_group,
            exists (
                from purchases where purchases.true_person_id = assigned.true_person_id
                    and purchases.on_day - assigned.on_day between 1 and 30
            ) as bought,
            coalesce(left_on - on_day between 0 and 120, false) as left_soon
        from assigned
    )
    select contact_effect, assigned_group, 100 * avg({outcome}::int)
    from judged group by all order by all
"""
_RECORDS = """
    with counted as (
        select true_person_id, count(*) as records from person_records
        where source_table in {tables} group by true_person_id
    )
    select least(records, 5)::text || case when records >= 5 then ' or more' else '' end, 'people',
        count(*)
    from counted group by all order by all
"""
_COMPLAINTS = """
    select outcome,
        case when resolved_at <= coalesce(promised_at, opened_at + interval 5 day)
            then 'in time' else 'late' end as pace,
        100 * avg(coalesce(left_on - resolved_at::date between 0 and 90, false)::int)
    from cases join person_records as records
        on records.source = 'callcentre' and records.source_record_id = cases.case_id::text
    join people using (true_person_id)
    where cases.kind = 'complaint' and resolved_at < getvariable('last_day') - 90
    group by all order by all
"""
_MONTHS = """
    select strftime(on_day, '%Y-%m') as month, 'purchases', count(*)
    from purchases group by all order by all
"""
_WEEKDAYS = """
    select dayname(on_day), 'purchases', count(*) from purchases
    group by isodow(on_day), dayname(on_day) order by isodow(on_day)
"""


# Title, what is planted, kind of chart, unit, and a query of label, series and value.
_CHARTS = (
    (
        "Customers by month",
        "People who had joined and had not left on the first of the month.",
        charts.lines, "people", _CUSTOMERS,
    ),
    (
        "Why people left",
        "Causes add up to a hazard a day; the greatest is the cause. Price rises, openings of"
        " competitors and months of too few staff show as waves.",
        charts.stacked_bars, "people", _LEAVERS,
    ),
    (
        "Days between purchases",
        "Everybody has a rhythm of their own. What the systems show is longer at the end of a"
        " relation and shorter because the eager buy more often; by ten days, the last bin open.",
        charts.bars, "per cent", _GAPS,
    ),
    (
        "Bought within 30 days of a campaign",
        "Against the control group drawn at random, newsletters left out: contact moves the"
        " persuadable, and is planted to move nobody else to buy.",
        charts.bars, "per cent", _CONTACT.replace("{outcome}", "bought"),
    ),
    (
        "Left within 120 days of a campaign",
        "The same campaigns: contact is planted to hold some of the persuadable, and to drive away"
        " some of those who had better not be woken.",
        charts.bars, "per cent", _CONTACT.replace("{outcome}", "left_soon"),
    ),
    (
        "Records per person",
        "Accounts in the shop and entries on the sales team's name list, which the walk has to"
        " recognise as one person.",
        charts.bars, "people", _RECORDS.replace("{tables}", "('members', 'name_list')"),
    ),
    (
        "Accounts per person",
        "Some people open a second account in the shop.",
        charts.bars, "people", _RECORDS.replace("{tables}", "('members')"),
    ),
    (
        "Left within 90 days of a complaint",
        "By how it ended, and whether by the time promised (five days where none was): refusals and"
        " delays drive away, a well solved complaint binds.",
        charts.bars, "per cent", _COMPLAINTS,
    ),
    (
        "Purchases by month",
        "Seasons, the feasts Seollal and Chuseok, and the sales of November.",
        charts.bars, "purchases", _MONTHS,
    ),
    ("Purchases by weekday", "Saturday is the busiest day.", charts.bars, "purchases", _WEEKDAYS),
)  # fmt: skip


def describe(settings: Settings, target: Path) -> Path:
    """Writes the page about the company as it is laid down now, and returns where it is.

    Raises:
        SourceError: the company is not laid down.
    """
    is_there = company_folder(settings).exists()
    truth_url = truth.truth_url(settings) if is_there else ""
    last_day = truth.last_day(truth_url) if is_there else None
    if last_day is None:
        raise SourceError("The demo company is not laid down.", "Run living-crm demo first.")
    with duckdb.connect() as data:
        for table in ("people", "person_records"):
            data.register(table, _read(truth_url, f"select * from {truth.SCHEMA}.{table}"))  # noqa: S608
        _register_systems(settings, data)
        data.execute(f"set variable last_day = date '{last_day}'")
        data.execute(_VIEWS)
        sections = [
            f"<h2>{escape(title)}</h2><p>{escape(text)}</p>"
            + draw(*_pivoted(data.execute(query).fetchall()), unit)
            for title, text, draw, unit, query in _CHARTS
        ]
    title = f"The demo company on {last_day}"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        "<p>What is planted in the company, and how it shows in its systems. No step of the walk"
        " reads any of this.</p>"
        f"{''.join(sections)}</html>"
    )
    write_whole(target, page.encode())
    return target


def _register_systems(settings: Settings, data: duckdb.DuckDBPyConnection) -> None:
    """Makes the sources' rows tables of DuckDB: orders, receipts, cases, campaigns."""
    shop_url = sibling_url(warehouse_url(settings), SHOP_DATABASE)
    pos_url = open_pos(settings, company_folder(settings) / "pos").address()["SOURCE_POS_URL"]
    orders = _read(shop_url, "select order_id, member_id, ordered_at, status from orders")
    data.register("orders", orders)
    data.register("receipts", _read(pos_url, "select receipt_id, sold_at, kind from receipts"))
    folder = company_folder(settings)
    with closing(sqlite3.connect(folder / "callcentre" / "cases.sqlite")) as connection:
        cases = [json.loads(body) for (body,) in connection.execute("select body from cases")]
    times = ("opened_at", "promised_at", "resolved_at", "updated_at")
    for case in cases:
        case |= {name: case[name] and datetime.fromisoformat(case[name]) for name in times}
    data.register("cases", _zoneless(pa.Table.from_pylist(cases, schema=CALLCENTRE["cases"])))
    for table in ("campaigns", "sends"):
        files = sorted((folder / "mailer").glob(f"*/{table}.parquet"))
        data.register(table, _zoneless(pq.ParquetDataset(files).read()))


def _read(url: str, query: str) -> pa.Table:
    return _zoneless(connectorx.read_sql(url, query, return_type="arrow"))


def _zoneless(rows: pa.Table) -> pa.Table:
    """Returns the rows with instants as UTC without a zone, however they came."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) or field.type == pa.date64():
            column = rows[field.name].cast(pa.timestamp("us"))
            rows = rows.set_column(place, field.name, column)
    return rows


def _pivoted(
    cells: Sequence[tuple[str, str, float]],
) -> tuple[list[str], dict[str, list[float]]]:
    """Returns the labels in their order and, per series, a value for each; 0 where none is."""
    labels = list(dict.fromkeys(label for label, _, _ in cells))
    values = {(label, name): float(value) for label, name, value in cells}
    names = sorted({name for _, name, _ in cells})
    return labels, {name: [values.get((label, name), 0.0) for label in labels] for name in names}

"""The demo company's reviewer: says of the drawn pairs of records whether they are one person.

In a company somebody looks at them; here the truth is known. The answers go the way a person's go,
as labels of a sample, so the walk itself never reads the truth. A record of several people, such as
a family's phone at the till, is taken for the one whom most of its rows are of.
"""

from collections import Counter, defaultdict
from datetime import date

import psycopg
from psycopg import sql

from demo.company.systems import truth
from ml.identity.decide import label
from warehouse.connections import connect, sibling_url, warehouse_url
from warehouse.settings import Settings

NAME = "the demo company's reviewer"

Record = tuple[str, str]  # source, source_customer_id

# Per source whose rows the truth knows: the table, the staging model, and its column that holds the
# table's key, with a prefix before it.
_ROWS = {
    "shop": ("members", "stg_shop__members", "source_customer_id", ""),
    "crm": ("name_list", "stg_crm__name_list", "source_customer_id", ""),
    "pos": ("receipts", "stg_pos__receipts", "order_id", "pos:"),
    "callcentre": ("cases", "stg_callcentre__cases", "case_id", "callcentre:"),
    "survey": ("responses", "stg_survey__responses", "survey_id", "survey:"),
    "mailer": ("sends", "stg_mailer__sends", "contact_id", "mailer:"),
}

_PAIRS = """
select source_a, source_customer_id_a, source_b, source_customer_id_b
from identity.samples
where label is null
order by month, stratum, place
"""

_KEYS = """
select distinct source_customer_id, substr({key}, %(prefix)s)
from staging.{model}
where source_customer_id = any(%(records)s)
"""

_TRUTH = """
select source_record_id, true_person_id
from demo_truth.person_records
where source = %s and source_table = %s and source_record_id = any(%s)
"""


def review_sample(settings: Settings, as_of: date) -> int:
    """Labels every drawn pair that waits and that the truth knows; returns how many."""
    url = warehouse_url(settings)
    with connect(url) as warehouse, connect(sibling_url(url, truth.DATABASE)) as known:
        pairs = [((a, i), (b, j)) for a, i, b, j in warehouse.execute(_PAIRS)]
        persons = true_persons(warehouse, known, {record for pair in pairs for record in pair})
        judged = 0
        for first, second in pairs:
            if first in persons and second in persons:
                label(
                    warehouse, first, second,
                    "same" if persons[first] == persons[second] else "different",
                    by=NAME, because="compared with the truth", day=as_of,
                )  # fmt: skip
                judged += 1
    return judged


def true_persons(
    warehouse: psycopg.Connection, known: psycopg.Connection, records: set[Record]
) -> dict[Record, int]:
    """Returns whom each record stands for; records that the truth does not know are left out."""
    votes: dict[Record, Counter[int]] = defaultdict(Counter)
    for source, (table, model, key, prefix) in _ROWS.items():
        wanted = sorted(number for name, number in records if name == source)
        keys = warehouse.execute(
            sql.SQL(_KEYS).format(key=sql.Identifier(key), model=sql.Identifier(model)),
            {"records": wanted, "prefix": len(prefix) + 1},
        ).fetchall()
        of: dict[str, int] = dict(
            known.execute(_TRUTH, (source, table, [row for _, row in keys])).fetchall()
        )
        for number, row in keys:
            if row in of:
                votes[source, number][of[row]] += 1
    # Of a web visit the walk knows the account alone.
    web = {number for name, number in records if name == "web"}
    accounts: dict[str, int] = dict(
        known.execute(_TRUTH, ("shop", "members", sorted(web))).fetchall()
    )
    for number in web & accounts.keys():
        votes["web", number][accounts[number]] += 1
    return {
        record: min(counted, key=lambda person: (-counted[person], person))
        for record, counted in votes.items()
    }

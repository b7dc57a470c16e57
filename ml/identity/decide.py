"""What people say of two records: overrides, which always win, and labels of a drawn sample."""

from datetime import date
from typing import Any, Literal

import psycopg

from ml.identity.clusters import Ends, Record, ordered
from warehouse.errors import SettingsError

_KNOWN = """
select source, source_customer_id from identity.person_links
where (source, source_customer_id) in ((%(source_a)s, %(id_a)s), (%(source_b)s, %(id_b)s))
"""

_OVERRIDE = """
insert into identity.overrides values (
    %(source_a)s, %(id_a)s, %(source_b)s, %(id_b)s, %(decision)s, %(by)s, %(because)s, %(day)s
)
on conflict (source_a, source_customer_id_a, source_b, source_customer_id_b) do update set
    decision = excluded.decision,
    decided_by = excluded.decided_by,
    reason = excluded.reason,
    decided_at = excluded.decided_at
"""

# All records that always-links tie to one, directly or over others; the pair itself left out.
_TIED = """
with recursive always as (
    select
        source_a, source_customer_id_a as id_a, source_b, source_customer_id_b as id_b
    from identity.overrides
    where decision = 'always'
        and (source_a, source_customer_id_a, source_b, source_customer_id_b)
        != (%(source_a)s, %(id_a)s, %(source_b)s, %(id_b)s)
),

tied as (
    select %(source)s::text as source, %(id)s::text as id
    union
    select
        case when always.source_a = tied.source and always.id_a = tied.id
            then always.source_b else always.source_a end,
        case when always.source_a = tied.source and always.id_a = tied.id
            then always.id_b else always.id_a end
    from tied
    inner join always
        on (always.source_a = tied.source and always.id_a = tied.id)
        or (always.source_b = tied.source and always.id_b = tied.id)
)

select source, id from tied
"""

_NEVER = """
select source_a, source_customer_id_a, source_b, source_customer_id_b, decided_by
from identity.overrides
where decision = 'never'
    and (source_a, source_customer_id_a, source_b, source_customer_id_b)
    != (%(source_a)s, %(id_a)s, %(source_b)s, %(id_b)s)
"""

_LABEL = """
update identity.samples
set label = %(label)s, labelled_by = %(by)s, reason = %(because)s, labelled_at = %(day)s
where source_a = %(source_a)s and source_customer_id_a = %(id_a)s
    and source_b = %(source_b)s and source_customer_id_b = %(id_b)s
"""


def decide(
    connection: psycopg.Connection,
    first: Record,
    second: Record,
    decision: Literal["always", "never"],
    *,
    by: str,
    because: str,
    day: date,
) -> None:
    """Records that two records always, or never, are one person; it holds from the next run on.

    Deciding again replaces the former decision.

    Raises:
        SettingsError: a record is unknown, both are one, nobody or no reason is named, or the
            decision contradicts another that it would have to stand beside.
    """
    values = _values(first, second, by=by, because=because, day=day)
    _require_known(connection, first, second, values)
    _require_consistent(connection, first, second, decision, values)
    connection.execute(_OVERRIDE, {**values, "decision": decision})


def label(
    connection: psycopg.Connection,
    first: Record,
    second: Record,
    label: Literal["same", "different"],
    *,
    by: str,
    because: str,
    day: date,
) -> None:
    """Records what a pair of a drawn sample truly is; it changes no link, so it stays unbiased.

    Raises:
        SettingsError: the pair is in no sample, or nobody or no reason is named.
    """
    values = _values(first, second, by=by, because=because, day=day)
    if not connection.execute(_LABEL, {**values, "label": label}).rowcount:
        raise SettingsError(
            "The pair is in no sample that was drawn.",
            "Take a pair from identity.samples, or leave out --sample.",
        )


def _values(first: Record, second: Record, *, by: str, because: str, day: date) -> dict[str, Any]:
    if first == second:
        raise SettingsError(
            f"Both records are {':'.join(first)}.", "Name two records, as SOURCE:ID each."
        )
    if not by.strip() or not because.strip():
        raise SettingsError(
            "A decision needs somebody's name and a reason.", "Give --by and --because."
        )
    (source_a, id_a), (source_b, id_b) = ordered(first, second)
    return {
        "source_a": source_a, "id_a": id_a, "source_b": source_b, "id_b": id_b,
        "by": by.strip(), "because": because.strip(), "day": day,
    }  # fmt: skip


def _require_known(
    connection: psycopg.Connection, first: Record, second: Record, values: dict[str, Any]
) -> None:
    known = set(connection.execute(_KNOWN, values).fetchall())
    for record in (first, second):
        if record not in known:
            raise SettingsError(
                f"No record {':'.join(record)} is linked.",
                "Take SOURCE:ID from identity.person_links or from the review.",
            )


def _require_consistent(
    connection: psycopg.Connection,
    first: Record,
    second: Record,
    decision: Literal["always", "never"],
    values: dict[str, Any],
) -> None:
    """Refuses what would leave an always-link and a never-link that cannot both hold."""

    def tied(record: Record) -> set[Record]:
        asked = {**values, "source": record[0], "id": record[1]}
        return {(source, number) for source, number in connection.execute(_TIED, asked)}

    group = tied(first)
    if decision == "never":
        if second in group:
            raise SettingsError(
                "Always-links tie the two together over other records.",
                "Decide about those first: see identity.overrides.",
            )
        return
    group |= tied(second)
    for source_a, id_a, source_b, id_b, by in connection.execute(_NEVER, values):
        ends: Ends = ((source_a, id_a), (source_b, id_b))
        if ends[0] in group and ends[1] in group:
            raise SettingsError(
                f"It would join {source_a}:{id_a} with {source_b}:{id_b}, which {by} set apart.",
                "Decide about those two first.",
            )

"""Whether a feed that promised detail arrives already summed.

A table that catalogues its `grain` promises many rows a month for one entity, each at its own time.
Sums by month look different in two ways at once: nearly all of them are dated to the first or last
day of a month, without a time of day, and there is one per entity and month.
"""

import psycopg
from psycopg import sql

from sources import raw
from sources.catalog import Table
from warehouse.errors import SourceError

# A few rows may look like anything.
_ENOUGH_ROWS = 100
_NEARLY_ALL = 0.95


def check(
    connection: psycopg.Connection, source: str, table: Table, load_id: str, time_zone: str
) -> None:
    """Raises `SourceError` if the load's rows are sums by month where detail was promised.

    Where times are bare dates, a single first of a month could be one ordinary day of detail:
    there, rows of two months are needed for a judgement.
    """
    if table.grain is None:
        return
    entity, time = sql.Identifier(table.grain.entity), sql.Identifier(table.grain.time)
    if table.columns[table.grain.time] == "text":
        moment = sql.SQL(
            "case when pg_input_is_valid({0}, 'timestamp') then cast({0} as timestamp) end"
        ).format(time)
    elif table.columns[table.grain.time] == "timestamptz":
        moment = sql.SQL("({} at time zone {})").format(time, sql.Literal(time_zone))
    else:
        moment = sql.SQL("cast({} as timestamp)").format(time)
    found = connection.execute(
        sql.SQL(
            """
            with times as (
                select {entity} as entity, {moment} as moment
                from {table} where _dlt_load_id = %s
            )
            select
                count(*),
                count(*) filter (
                    where moment = date_trunc('day', moment)
                        and (extract(day from moment) = 1
                            or extract(day from moment + interval '1 day') = 1)
                ),
                count(distinct (entity, date_trunc('month', moment))),
                count(distinct date_trunc('month', moment))
            from times where moment is not null
            """
        ).format(entity=entity, moment=moment, table=raw.identifier(source, table)),
        (load_id,),
    ).fetchone()
    assert found is not None
    rows, at_month_ends, entity_months, months = found
    needed_months = 1 if table.columns[table.grain.time] == "timestamptz" else 2
    if (
        rows >= _ENOUGH_ROWS
        and months >= needed_months
        and at_month_ends >= _NEARLY_ALL * rows
        and entity_months >= _NEARLY_ALL * rows
    ):
        raise SourceError(
            f"{source}.{table.name} arrives summed: {rows} rows, one per {table.grain.entity} and "
            f"month, dated to the month's first or last day, where detail was promised.",
            "Have the source deliver the detail, or give up the promise: grain in "
            f"{source}.yml. What is loaded stays as it is.",
        )

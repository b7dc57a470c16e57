"""What is scored: whether marts and features of the day are sane."""

from expectations.checks import (
    Check,
    Suite,
    always_filled,
    at_least,
    at_most,
    between,
    filled,
    filled_where,
    one_of,
    some_rows,
)
from warehouse.catalog import source_tables
from warehouse.context import RunContext

FEATURES = "features.ftr_customers"
PERSONS = "marts.dim_customers"
ORDERS = "marts.fct_orders"

# Without these nobody who has ever bought can be scored: a null would mean that a join was lost.
_ALWAYS_KNOWN = ("recency_days", "tenure_days", "order_count_84d", "spend_84d", "value_amount")
_SHARES = (
    "discount_share_84d",
    "coupon_share_84d",
    "private_brand_share_84d",
    "weekend_share_84d",
)
# Whichever demographics the sources know, a report has an age.
_DEMOGRAPHICS = "demographics_age_days"
_NOT_NEGATIVE = ("recency_days", "tenure_days", "order_count_84d", "order_count_168d")


def suites(context: RunContext) -> list[Suite]:
    """Returns the suites over the whole of the marts and over the day's features."""
    return [_marts(context), _features(context), _rejects(context)]


def _marts(context: RunContext) -> Suite:
    """Counts and ages of the marts: one row, a column for each number."""
    most_lost = context.policy.checks.max_person_drop_share
    promise = min(
        (t.fresh_within_hours for t in source_tables(context.settings) if t.required), default=None
    )
    checks = [
        at_least("customers.dim_customers.row_count", "block", PERSONS, "person_count", 1),
        at_least(
            "customers.dim_customers.shrinkage", "block", PERSONS, "person_share",
            round(1 - most_lost, 4), " of the day before",
        ),
        at_least("customers.fct_orders.row_count", "block", ORDERS, "order_count", 1),
        at_least("customers.fct_orders.range", "warn", ORDERS, "least_order_amount", 0),
    ]  # fmt: skip
    if promise is not None:
        # Fresh at the raw door and old here means that the way between lost the newest rows.
        checks.append(
            at_most(
                "customers.fct_orders.freshness", "block", ORDERS, "newest_order_age_hours",
                promise, " h",
            )
        )  # fmt: skip
    query = f"""
        select
            (select count(*) from {PERSONS}) as person_count,
            coalesce(
                days.persons::double precision / nullif(days.persons_before, 0), 1
            ) as person_share,
            orders.order_count,
            orders.least_order_amount::double precision as least_order_amount,
            orders.newest_order_age_hours
        from (
            select
                count(*) filter (where as_of_date = date '{context.as_of}') as persons,
                count(*) filter (where as_of_date < date '{context.as_of}') as persons_before
            from {FEATURES}
            where
                as_of_date = date '{context.as_of}'
                or as_of_date = (
                    select max(as_of_date) from {FEATURES}
                    where as_of_date < date '{context.as_of}'
                )
        ) as days
        cross join (
            select
                count(*) as order_count,
                min(order_amount) filter (where order_kind <> 'refund') as least_order_amount,
                extract(
                    epoch from timestamp '{context.as_of}' + interval '1 day'
                    - max(purchased_at) at time zone '{context.policy.time_zone}'
                )::double precision / 3600 as newest_order_age_hours
            from {ORDERS}
            where purchased_at < timestamptz '{context.day_end.isoformat()}'
        ) as orders
    """  # noqa: S608
    return Suite("customers.marts", query, checks, reads=(PERSONS, FEATURES, ORDERS))


def _features(context: RunContext) -> Suite:
    """The day's rows of the table that is scored."""

    def named(column: str, alert: str) -> str:
        return f"customers.ftr_customers.{column}.{alert}"

    bought = ("live", "lapsed")
    checks: list[Check] = [
        some_rows("customers.ftr_customers.row_count", "block", FEATURES, "person_id"),
        one_of(
            named("population", "range"), "block", FEATURES, "population",
            ("contract", "live", "lapsed", "new", "prospect"),
        ),
        always_filled(named("population", "completeness"), "block", FEATURES, "population"),
        between(named("calendar_month", "range"), "block", FEATURES, "calendar_month", 1, 12),
    ]  # fmt: skip
    checks += [
        filled_where(named(column, "completeness"), "block", FEATURES, column, "population", bought)
        for column in _ALWAYS_KNOWN
    ]
    checks += [
        at_least(named(column, "range"), "block", FEATURES, column, 0) for column in _NOT_NEGATIVE
    ]
    checks += [
        between(named(column, "range"), "block", FEATURES, column, 0, 1) for column in _SHARES
    ]
    # Reported for some only, and models live with that; for nobody at all, a source is lost.
    checks.append(filled(named(_DEMOGRAPHICS, "completeness"), "warn", FEATURES, _DEMOGRAPHICS, 0))
    columns = ", ".join(
        dict.fromkeys(
            ("person_id", "population", "calendar_month", *_ALWAYS_KNOWN, *_NOT_NEGATIVE, *_SHARES,
             _DEMOGRAPHICS)
        )
    )  # fmt: skip
    query = f"select {columns} from {FEATURES} where as_of_date = date '{context.as_of}'"  # noqa: S608
    return Suite("customers.features", query, checks, reads=(FEATURES,))


def _rejects(context: RunContext) -> Suite:
    """Rows that the load or the staging models set aside tonight, of what each table brought."""
    tables = source_tables(context.settings)
    columns = [
        f"coalesce(max(share) filter (where source = '{t.source}' and table_name = '{t.name}'), 0) "
        f"as {t.source}_{t.name}_rejected_share"
        for t in tables
    ]
    checks = [
        at_most(
            f"customers.{t.source}.{t.name}.rejected", "block" if t.required else "warn",
            f"{t.raw_schema}.{t.name}", f"{t.source}_{t.name}_rejected_share",
            context.policy.checks.max_rejected_share,
        )
        for t in tables
    ]  # fmt: skip
    query = f"""
        select {", ".join(columns)}
        from (
            select
                rejected.source,
                rejected.table_name,
                rejected.row_count::double precision
                / greatest(coalesce(loaded.row_count, 0), rejected.row_count) as share
            from (
                select source, table_name, count(*) as row_count
                from quarantine.rejected_rows
                where as_of_date = date '{context.as_of}'
                group by source, table_name
            ) as rejected
            left join (
                select source, table_name, sum(rows_read) as row_count
                from ops.loads
                where as_of_date = date '{context.as_of}'
                group by source, table_name
            ) as loaded using (source, table_name)
        ) as shares
    """  # noqa: S608
    return Suite("customers.rejects", query, checks)

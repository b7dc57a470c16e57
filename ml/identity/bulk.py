"""Places at once, as sets, the persons of whom no link can be refused and whose id is no question.

Most persons are plain: nobody decided about their records, these are no more than the cap allows,
and nothing that they or the records they are paired with say can contradict. All links within them
hold, so the person is what its links connect, and the graph logic of `clusters`, `ids` and
`evidence` would say the same of each. It is asked about the rest alone. That both agree is tested
by properties.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity.clusters import SILENCE, WEIGHT_STEPS, Rules
from ml.identity.engine import count_rows
from ml.identity.evidence import STRONG, VERY_STRONG
from ml.identity.graph import smallest_reached

# What a link's row holds behind its key, as `resolve` writes it.
LINK_COLUMNS = (
    "person_id", "person_since", "evidence", "evidence_detail", "strength", "match_probability",
    "exact_group", "certain_group", "record_load_id",
)  # fmt: skip


def place_plain(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Makes `placed`, `told` and `intricate` of the tables `records` and `pairs`.

    `records`, each once: source, source_customer_id; is_touched, false for a record that is not
    placed anew but may be a rival; is_overridden, whether somebody decided about it; first_seen_at;
    names, in one text, and birth, null where it says none; given_since, heard_of and is_card as
    `Known` has them; load_id; has_namesake, whether the id
    that would be made for it is borne already; and the columns of its link so far, null where it
    has none. `pairs` is as `identity.pairs`, of all these records.

    `placed` holds the link of each record of a plain person, with is_new and is_changed; `told`
    what is to be told in the history of persons; `intricate` the touched records that are left.
    """
    _number(connection, rules)
    _find_components(connection)
    _find_plain(connection, rules)
    _find_evidence(connection)
    _place(connection)


def _number(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Makes `nodes` and `edges`: the smaller of two records has the smaller number."""
    connection.execute(
        f"""
        create or replace table nodes as
        with undated as (
            select person_id, min(first_seen_at) as first_seen_at
            from records
            where person_id is not null
            group by person_id
            having count(person_since) < count(*)
        )

        select
            row_number() over (order by source, source_customer_id) - 1 as node,
            records.* replace (coalesce(person_since, undated.first_seen_at) as person_since)
        from records
        left join undated using (person_id);

        create or replace table edges as
        select
            one.node as a,
            other.node as b,
            one.is_touched as a_touched,
            other.is_touched as b_touched,
            pairs.rests_on = 'exact_key' as is_exact,
            (is_exact or pairs.match_probability >= {rules.link_probability})
                and a_touched and b_touched as is_link,
            round_even(pairs.match_weight * {WEIGHT_STEPS}, 0) as weight,
            pairs.match_probability,
            pairs.evidence,
            pairs.model_version
        from pairs
        inner join nodes as one
            on pairs.source_a = one.source and pairs.source_customer_id_a = one.source_customer_id
        inner join nodes as other
            on pairs.source_b = other.source
            and pairs.source_customer_id_b = other.source_customer_id
        """
    )


def _find_components(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `components` (node, component, exact_leader): what links, and exact keys, connect."""
    size = count_rows(connection, "nodes")
    found = connection.execute("select a, b, is_exact from edges where is_link").fetchnumpy()
    a, b = (np.asarray(found[end], dtype=np.int64) for end in ("a", "b"))
    is_exact = np.asarray(found["is_exact"], dtype=bool)
    exact = smallest_reached(a[is_exact], b[is_exact], size)
    is_alone = np.bincount(exact, minlength=size)[exact] == 1
    table = pa.table(
        {
            "node": np.arange(size),
            "component": smallest_reached(a, b, size),
            "exact_leader": pa.array(exact, mask=is_alone),
        }
    )
    connection.register("found_components", table)
    connection.execute("create or replace table components as select * from found_components")
    connection.unregister("found_components")


def _find_plain(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Makes `plain` (component, leader, is_made, person_id, person_since).

    A link can only be refused, but by a decision or for the cap, where a record leaves out a name,
    or birth date, and those around it differ in it, or where a card's holder may have been silent
    when a contact was given. An id is no question where all who bore it are here and bore no other,
    or where nobody here bore any and the one to be made is free.
    """
    connection.execute(
        f"""
        create or replace table plain as
        with members as (
            select * from nodes inner join components using (node) where is_touched
        ),

        spread as (
            select person_id from members
            where person_id is not null
            group by person_id
            having count(distinct component) > 1
        ),

        said as (
            select component, names, birth from members
            union all
            select components.component, nodes.names, nodes.birth
            from edges
            inner join components on edges.a = components.node
            inner join nodes on edges.b = nodes.node
            union all
            select components.component, nodes.names, nodes.birth
            from edges
            inner join components on edges.b = components.node
            inner join nodes on edges.a = nodes.node
        ),

        silent as (
            select component
            from members
            group by component, source
            having max(given_since) - min(coalesce(heard_of, date '0001-01-01'))
                filter (where is_card) > {SILENCE.days}
        ),

        agreed as (
            select
                component,
                coalesce(min(names) = max(names), true) as names_agree,
                coalesce(min(birth) = max(birth), true) as births_agree
            from said
            group by component
        ),

        counted as (
            select
                component,
                count(*) as records,
                bool_or(is_overridden) as is_overridden,
                bool_and(names is not null) as are_named,
                bool_and(birth is not null) as have_births,
                min(person_id) as held_id,
                min(person_since) as held_since,
                coalesce(min(person_id) = max(person_id), true)
                    and coalesce(min(person_since) = max(person_since), true) as are_of_one,
                coalesce(bool_or(person_id in (from spread)), false) as is_spread
            from members
            group by component
        ),

        leaders as (
            select component, node as leader, has_namesake, first_seen_at,
                'P' || md5(source || ':' || source_customer_id)[:16] as made_id
            from members
            qualify row_number() over (partition by component order by first_seen_at, node) = 1
        )

        select
            counted.component,
            leaders.leader,
            counted.held_id is null as is_made,
            coalesce(counted.held_id, leaders.made_id) as person_id,
            coalesce(counted.held_since, leaders.first_seen_at) as person_since
        from counted
        inner join agreed using (component)
        inner join leaders using (component)
        where counted.records <= {rules.max_cluster_records}
            and not counted.is_overridden
            and counted.component not in (from silent)
            and (counted.are_named or agreed.names_agree)
            and (counted.have_births or agreed.births_agree)
            and counted.are_of_one
            and not counted.is_spread
            and (counted.held_id is not null or not leaders.has_namesake)
        """
    )


def _find_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `best`: of each record of a plain person the best link; exact keys come first."""
    connection.execute(
        f"""
        create or replace table best as
        with links as (
            select edges.* from edges
            inner join components on edges.a = components.node
            semi join plain using (component)
            where edges.is_link
        ),

        ends as (
            select a as node, * from links
            union all
            select b, * from links
        )

        select
            node,
            case when is_exact then 'exact_key' else 'probability' end as evidence,
            evidence as evidence_detail,
            case
                when is_exact then 'certain'
                when match_probability >= {VERY_STRONG} then 'very strong'
                when match_probability >= {STRONG} then 'strong'
                else 'sufficient'
            end as strength,
            case when is_exact then 1.0 else match_probability end as match_probability,
            case
                when is_exact then 'exact key: '
                else printf('probability %.4f by %s: ', match_probability, model_version)
            end || ends.evidence as cause
        from ends
        qualify row_number() over (partition by node order by is_exact desc, weight desc, a, b) = 1
        """
    )


def _place(connection: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(f"links.{column}" for column in LINK_COLUMNS)
    before = ", ".join(f"before.{column}" for column in LINK_COLUMNS)
    connection.execute(
        f"""
        create or replace table placed as
        with links as (
            select
                nodes.node,
                plain.is_made and nodes.node = plain.leader as is_creator,
                plain.person_id,
                plain.person_since,
                coalesce(best.evidence, 'single_record') as evidence,
                coalesce(best.evidence_detail, 'no other record') as evidence_detail,
                coalesce(best.strength, 'alone') as strength,
                best.match_probability,
                tied.source || ':' || tied.source_customer_id as exact_group,
                tied.source || ':' || tied.source_customer_id as certain_group,
                nodes.load_id as record_load_id,
                coalesce(best.cause, 'first seen') as cause
            from plain
            inner join components using (component)
            inner join nodes using (node)
            left join best using (node)
            left join nodes as tied on components.exact_leader = tied.node
            where nodes.is_touched
        )

        select
            before.source,
            before.source_customer_id,
            links.* exclude (node),
            before.person_id is null as is_new,
            ({columns}) is distinct from ({before}) as is_changed
        from links
        inner join nodes as before using (node);

        create or replace table told as
        select
            person_id,
            case when is_creator then 'created' else 'record_joined' end as change,
            case when is_creator then 'first seen' else cause end as cause,
            source,
            source_customer_id
        from placed
        where is_new;

        create or replace table intricate as
        select source, source_customer_id
        from nodes
        anti join placed using (source, source_customer_id)
        where is_touched
        """
    )

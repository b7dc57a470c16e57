"""Says of each pair that was weighed what it rests on, what agrees and what differs."""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import duckdb

from ml.identity import comparisons
from ml.identity.candidates import KINDS
from ml.identity.comparisons import COMPARISONS, Weights
from ml.identity.review import DOUBT_FOLLOWS

# What exact keys are called by who reads of them; other kinds are called as in the key.
_KEY_WORDS = {
    "card": "membership number",
    "membership": "membership number",
    "member": "member account",
    "mail": "verified mail",
    "household": "household number",
}


def explain(connection: duckdb.DuckDBPyConnection, weights: Weights, partners: float) -> None:
    """Makes `explained` of `weighed`, `usable` and `standard`: the pairs as they are handed on.

    Columns: record_a, record_b, match_weight, match_probability, rests_on, evidence, agrees,
    differs. A pair that shares an exact key is certain; its weight is what the fields say.
    """
    exact_key = list(KINDS).index("exact_key")
    agrees, differs = _fields(agreement=True), _fields(agreement=False)
    words = " ".join(f"when '{kind}' then '{word}'" for kind, word in _KEY_WORDS.items())
    connection.execute(
        f"""
        create or replace table exact as
        with tied as (
            select distinct one.record as record_l, other.record as record_r
            from usable as one
            inner join usable as other on one.key = other.key and one.record < other.record
            where one.key % 16 = {exact_key}
                and (one.record in (from touched) or other.record in (from touched))
        )

        select
            tied.record_l,
            tied.record_r,
            list_transform(
                list_sort(list_distinct(list_transform(
                    list_intersect(one.exact_keys, other.exact_keys),
                    lambda key: split_part(key, ':', 1)))),
                lambda kind: case kind {words} else kind end
            ) as key_words
        from tied
        inner join standard as one on tied.record_l = one.record
        inner join standard as other on tied.record_r = other.record;

        create or replace table explained as
        with certain as (
            select likeness.*, exact.key_words,
                {comparisons.weight_against(weights, "strangers", partners)} as match_weight
            from ({comparisons.likeness("exact")}) as likeness
            inner join exact using (record_l, record_r)
        ),

        everything as (
            select * exclude (match_weight), match_weight, 1.0 as match_probability,
                'exact_key' as rests_on
            from certain
            union all by name
            select *, [] as key_words, 'probability' as rests_on
            from weighed anti join exact using (record_l, record_r)
        )

        select
            record_l as record_a,
            record_r as record_b,
            match_weight,
            match_probability,
            rests_on,
            {agrees} as agrees,
            {differs} as differs,
            concat_ws(
                '{DOUBT_FOLLOWS}',
                array_to_string(
                    list_concat(
                        key_words, list_transform(agrees, lambda field: replace(field, '_', ' '))
                    ),
                    ', '
                ),
                doubt
            ) as evidence
        from everything
        """
    )


def _fields(*, agreement: bool) -> str:
    """SQL for the list of the fields that agree, or differ."""
    tests = []
    for comparison in COMPARISONS:
        levels = [f"'{level.name}'" for level in comparison.levels if level.agreement is agreement]
        tests.append(
            f"case when {comparison.field} in ({', '.join(levels)}) then '{comparison.field}' end"
        )
    return f"list_filter([{', '.join(tests)}], lambda field: field is not null)"

"""Judges the identification on a labelled file of person records, with the product's own settings.

The weights are learned from the records without their labels, as training does it; then the records
are linked at the automatic threshold, and only now the labels are looked at.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from ml.identity.candidates import find_candidates
from ml.identity.engine import open_engine
from ml.identity.graph import smallest_reached
from ml.identity.scope import arrange_all, forget_too_many
from ml.identity.standardise import RECORD_COLUMNS
from ml.identity.train import count_pairs, learn
from ml.identity.weigh import builtin_weights, weigh
from warehouse.errors import SettingsError
from warehouse.policy import Policy

# The product's fields that a file's columns may be mapped to, and the record's columns they fill.
FIELDS = {
    "name": "person_name",
    "phone": "phone",
    "email": "email",
    "birth_date": "birth_date",
    "postcode": "postcode",
    "address": "address",
}
_SOURCES = ("a", "b")
# A pair less likely than this is no rival of another.
_LEAST_RIVAL = 1e-4


@dataclass(frozen=True)
class Evaluation:
    """How well records were linked, against their labels.

    Attributes:
        precision: share of the linked pairs that are one person.
        recall: share of the pairs of one person that are linked.
        b_cubed_f1: F1 of the precision and recall averaged over records (Bagga and Baldwin, 1998).
        unread_births: birth dates that are no dates.
        peak_memory_mb: of the whole process so far.
    """

    records: int
    linked_pairs: int
    true_pairs: int
    precision: float
    recall: float
    f1: float
    b_cubed_f1: float
    link_probability: float
    one_to_one: bool
    unread_births: int
    seconds: float
    peak_memory_mb: int


def parse_mapping(text: str) -> dict[str, list[str]]:
    """Returns the file's columns by the product's field: `name=given+surname,phone=mobile`.

    Raises:
        SettingsError: it is not of this form, or names a field there is none of.
    """
    mapping: dict[str, list[str]] = {}
    for part in text.split(","):
        field, separator, columns = part.strip().partition("=")
        names = [column.strip() for column in columns.split("+")]
        if not separator or not all(names):
            raise SettingsError(
                f"The mapping {part.strip()!r} is not of the form field=column+column.",
                "Write for instance --map name=given_name+surname,birth_date=born.",
            )
        if field not in FIELDS:
            raise SettingsError(
                f"There is no field {field!r} to map to.", f"Fields: {', '.join(FIELDS)}."
            )
        if field in mapping:
            raise SettingsError(
                f"The field {field} is mapped twice.", "Join its columns: field=one+other."
            )
        mapping[field] = names
    return mapping


def evaluate(
    files: Sequence[Path],
    truth: str,
    mapping: Mapping[str, Sequence[str]],
    policy: Policy,
    *,
    one_to_one: bool = False,
) -> Evaluation:
    """Links the records of one or two CSV files and judges the links.

    Args:
        files: with a header; the records of two are linked as those of two sources.
        truth: the column that says who it is: equal for the records of one person.
        mapping: the file's columns by the product's field.
        one_to_one: no file holds a person twice, so only records of both are linked, each with the
            one that suits best.

    Raises:
        SettingsError: a file, column or label is missing, or one file is to be linked one to one.
    """
    if one_to_one and len(files) != len(_SOURCES):
        raise SettingsError("One file cannot be linked one to one.", "Name two files.")
    started = time.monotonic()
    with open_engine() as connection:
        unread = _read(connection, files, truth, mapping)
        arrange_all(connection, policy)
        forget_too_many(connection)
        find_candidates(connection)
        if one_to_one:
            _keep_across(connection)
        weights = learn(
            connection, builtin_weights(), policy.training.seed, across_sources=one_to_one
        )
        pairs = count_pairs(connection, across_sources=one_to_one)
        labels = _labels(connection)
        least = policy.identity.review_probability if not one_to_one else _LEAST_RIVAL
        weigh(connection, weights, pairs / len(labels), least)
        if one_to_one:
            _match_one_to_one(connection, weights.matches_per_record * len(labels))
        links = connection.execute(
            "select record_l, record_r from weighed where match_probability >= ?",
            [policy.identity.link_probability],
        ).fetchall()
    return _judged(links, labels, policy, started, unread, one_to_one=one_to_one)


def _read(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    truth: str,
    mapping: Mapping[str, Sequence[str]],
) -> int:
    """Makes `records` and `truths`; returns how many birth dates are no dates."""
    for source, file in zip(_SOURCES, files, strict=False):
        _read_file(connection, source, file, [truth, *(c for cs in mapping.values() for c in cs)])
    values = {
        field: "nullif(trim(concat_ws(' ', {})), '')".format(
            ", ".join(f"nullif(trim({_quoted(column)}), '')" for column in columns)
        )
        for field, columns in mapping.items()
    }
    born = values.pop("birth_date", "null::varchar")
    filled = {FIELDS[field]: value for field, value in values.items()}
    filled["birth_date"] = (
        f"coalesce(try_cast({born} as date), try_strptime({born}, '%Y%m%d')::date)"
    )
    filled["record_hash"] = "0"
    columns = ", ".join(
        f"{filled.get(name, 'null')}::{kind} as {name}"
        for name, kind in RECORD_COLUMNS.items()
        if name not in ("source", "source_customer_id")
    )
    chosen = " union all ".join(
        f"""
        select '{source}' as source, lpad(number::varchar, 12, '0') as source_customer_id,
            trim({_quoted(truth)}) as label, {born} is not null as has_birth, {columns}
        from file_{source}
        """
        for source, _ in zip(_SOURCES, files, strict=False)
    )
    connection.execute(
        f"""
        create table labelled as {chosen};
        create table records as select {", ".join(RECORD_COLUMNS)} from labelled;
        create table truths as select source, source_customer_id, label from labelled
        """
    )
    rows = connection.execute(
        "select count(*) filter (coalesce(label, '') = ''),"
        " count(*) filter (has_birth and birth_date is null), count(*) from labelled"
    ).fetchall()
    without_label, unread, records = rows[0]
    if records < 2:
        raise SettingsError(f"There are {records} records.", "Give at least two.")
    if without_label:
        raise SettingsError(
            f"{without_label} records have no label in the column {truth}.",
            "Label every record, or leave those out.",
        )
    return int(unread)


def _read_file(
    connection: duckdb.DuckDBPyConnection, source: str, file: Path, needed: Sequence[str]
) -> None:
    if not file.is_file():
        raise SettingsError(f"There is no file {file}.", "Check the path.")
    try:
        connection.execute(
            f"""
            create table file_{source} as
            select row_number() over () as number, *
            from read_csv($file, header = true, all_varchar = true, delim = ',', quote = '"')
            """,
            {"file": str(file)},
        )
    except duckdb.Error as error:
        raise SettingsError(
            f"{file.name} cannot be read as CSV: {str(error).splitlines()[0]}",
            "Save it as CSV in UTF-8 with a header and commas.",
        ) from None
    found = [row[0] for row in connection.execute(f"describe file_{source}").fetchall()][1:]
    missing = [column for column in needed if column not in found]
    if missing:
        raise SettingsError(
            f"{file.name} has no column {missing[0]}.", f"It has: {', '.join(found)}."
        )


def _keep_across(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create or replace table candidates as
        select candidates.*
        from candidates
        inner join standard as one on candidates.record_l = one.record
        inner join standard as other on candidates.record_r = other.record
        where one.source != other.source
        """
    )


def _labels(connection: duckdb.DuckDBPyConnection) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Returns the label of each record, in their order, as a number."""
    rows = connection.execute(
        """
        select dense_rank() over (order by truths.label)
        from standard inner join truths using (source, source_customer_id)
        order by standard.record
        """
    ).fetchall()
    return np.array([label for (label,) in rows], dtype=np.int64)


def _match_one_to_one(connection: duckdb.DuckDBPyConnection, matches: float) -> None:
    """Weighs each pair against the others of its records, and against their having no partner.

    A record has one partner or none. By Bayes' rule the probability of a pair, given one of its
    records, is its odds over the odds of all pairs of that record plus the chance that the record
    has no partner; the smaller one of the two records' counts.

    Args:
        matches: how many pairs are one person, as it was learned.
    """
    connection.execute(
        f"""
        create or replace table weighed as
        with sides as (
            select source, greatest(1 - {matches} / count(*),
                1 / count(*)) as alone
            from standard group by source
        ),

        odds as (
            select weighed.*, pow(2, match_weight) as odds, one.alone as alone_l,
                other.alone as alone_r
            from weighed
            inner join standard as left_side on weighed.record_l = left_side.record
            inner join standard as right_side on weighed.record_r = right_side.record
            inner join sides as one on left_side.source = one.source
            inner join sides as other on right_side.source = other.source
        )

        select * exclude (odds, alone_l, alone_r, match_probability),
            odds / greatest(
                alone_l + sum(odds) over (partition by record_l),
                alone_r + sum(odds) over (partition by record_r)
            ) as match_probability
        from odds
        """
    )


def _judged(
    links: Sequence[tuple[int, int]],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    policy: Policy,
    started: float,
    unread: int,
    *,
    one_to_one: bool,
) -> Evaluation:
    size = len(labels)
    ends = np.array(links, dtype=np.int64).reshape(-1, 2) - 1
    clusters = smallest_reached(ends[:, 0], ends[:, 1], size)
    _, cell, shared = np.unique(
        np.stack([clusters, labels], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    in_cluster, in_person = np.bincount(clusters)[clusters], np.bincount(labels)[labels]
    in_both = shared[cell.ravel()]
    linked, true, right = (
        float((count - 1).sum()) / 2 for count in (in_cluster, in_person, in_both)
    )
    precision = right / linked if linked else 1.0
    recall = right / true if true else 1.0
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Evaluation(
        records=size,
        linked_pairs=int(linked),
        true_pairs=int(true),
        precision=precision,
        recall=recall,
        f1=_harmonic(precision, recall),
        b_cubed_f1=_harmonic(
            float((in_both / in_cluster).mean()), float((in_both / in_person).mean())
        ),
        link_probability=policy.identity.link_probability,
        one_to_one=one_to_one,
        unread_births=unread,
        seconds=round(time.monotonic() - started, 2),
        peak_memory_mb=memory // (1024 * 1024 if sys.platform == "darwin" else 1024),
    )


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'

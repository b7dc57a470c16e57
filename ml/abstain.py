"""Whom no score is given: what it would rest on is too old, or too much of it is unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

import numpy as np
import psycopg

from ml.arrays import BoolArray, Columns, FloatArray
from warehouse import dbt
from warehouse.policy import Abstention
from warehouse.settings import Settings

Cause = Literal["stale", "unknown"]

_NAMED = 3


class Grounds(Protocol):
    """What a score rests on."""

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which there is no score."""

    @property
    def usual(self) -> tuple[str, ...]:
        """The columns that nearly every row learned from knew."""


@dataclass(frozen=True)
class Abstained:
    """Who of a batch gets no score, by place, and why."""

    rows: BoolArray
    causes: Mapping[int, tuple[Cause, str]]


def stale_persons(
    connection: psycopg.Connection, settings: Settings, as_of: date, policy: Abstention
) -> dict[str, str]:
    """Returns who rests on a source of purchases that is too old on the day, with its name.

    A source is as old as the newest thing that it told; one whose tables are all missing is too
    old. The guard has judged every source before anybody is scored.
    """
    models = dbt.feeds(settings).get("orders", [])
    sources = [model.removeprefix("stg_").partition("__")[0] for model in models]
    return dict(
        connection.execute(
            """
            select links.person_id, string_agg(distinct aged.source, ', ' order by aged.source)
            from identity.person_links as links
            inner join (
                select source
                from ops.source_status
                where as_of_date = %s and source = any(%s)
                group by source
                having coalesce(min(age_hours), 'infinity') > 24 * %s
            ) as aged on links.source = aged.source
            group by links.person_id
            """,
            (as_of, sources, policy.max_source_age_days),
        ).fetchall()
    )


def abstain(
    persons: Sequence[str],
    columns: Columns,
    found: FloatArray,
    scorer: Grounds,
    stale: Mapping[str, str],
    policy: Abstention,
) -> Abstained:
    """Returns who of a batch gets no score.

    Unknown is whoever lacks something that the scorer cannot do without, or more than the policy's
    share of what nearly everybody's training row knew.
    """
    needed = [*scorer.required, *(name for name in scorer.usual if name not in scorer.required)]
    lacks = np.column_stack([np.isnan(columns[name]) for name in needed])
    required, usual = np.isin(needed, scorer.required), np.isin(needed, scorer.usual)
    unknown = lacks[:, required].any(axis=1) | np.isnan(found)
    if usual.any():
        unknown |= lacks[:, usual].mean(axis=1) > policy.max_unknown_share
    is_stale = np.array([person in stale for person in persons], dtype=np.bool_)
    causes: dict[int, tuple[Cause, str]] = {}
    for place in np.flatnonzero(unknown | is_stale).tolist():
        if is_stale[place]:
            causes[place] = ("stale", stale[persons[place]])
        else:
            names = [name for name, absent in zip(needed, lacks[place], strict=True) if absent]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            causes[place] = ("unknown", ", ".join(names[:_NAMED]) + more)
    return Abstained(unknown | is_stale, causes)

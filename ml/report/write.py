"""Writes the evaluation of the latest trainings as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml import registry
from ml.outcomes import RENEWAL
from ml.snapshots import MIN_FIT_SNAPSHOTS, MIN_SNAPSHOTS, VALIDATION_SNAPSHOTS
from ml.soundness import MAX_ROC_AUC
from ml.value.days import MIN_DAYS
from warehouse.context import RunContext
from warehouse.policy import Policy

# The drawing of a curve, in units of the page.
WIDTH, HEIGHT = 260, 200


def write(context: RunContext) -> Path:
    """Writes the page of the trainings as of a day and returns where it stands."""
    with context.connection() as connection:
        trainings = [
            row
            for row in registry.training_summary(connection)
            if row["as_of_date"] == context.as_of
        ]
    path = context.settings.docs_dir / "evaluations" / f"{context.as_of}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(render(context.as_of, trainings, context.policy), encoding="utf-8")
    unfinished.replace(path)
    return path


def render(as_of: date, trainings: Sequence[Mapping[str, Any]], policy: Policy) -> str:
    """Returns the page; everything that comes from data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2").render(
        as_of=as_of,
        trainings=trainings,
        company=policy.company,
        horizon_days=policy.horizon_days,
        refusals=minimum_data(policy),
        points=points,
        width=WIDTH,
        height=HEIGHT,
    )


def points(across: Sequence[float], up: Sequence[float]) -> str:
    """Returns a curve from 0 to 1 on both axes as the points of an SVG polyline."""
    return " ".join(
        f"{x * WIDTH:.1f},{(1 - y) * HEIGHT:.1f}" for x, y in zip(across, up, strict=True)
    )


def minimum_data(policy: Policy) -> list[tuple[str, str, str]]:
    """Returns every cause of a refusal, what is asked for, and the remedy."""
    minima = policy.training
    return [
        (
            "too few snapshots",
            f"{MIN_SNAPSHOTS} days, {minima.snapshot_every_days} days apart",
            "wait for history, or a smaller training.snapshot_every_days",
        ),
        (
            "too few snapshots to fit on",
            f"{MIN_FIT_SNAPSHOTS} to fit on, {VALIDATION_SNAPSHOTS} to validate on, "
            f"{minima.test_snapshot_count} to test on, {policy.horizon_days} days between each "
            f"({RENEWAL.horizon_days(policy)} for contracts)",
            "a greater training.snapshot_count, with history for it",
        ),
        (
            "too few rows to learn from",
            f"{minima.min_train_rows} customers, counted on each day",
            "wait for history, or take more snapshots",
        ),
        (
            "too few of the rarer outcome",
            f"{minima.min_class_rows} to learn from, {minima.min_test_class_rows} to test on, "
            "one to fit and to stop on",
            "wait for history, or take more snapshots; one outcome only teaches nothing",
        ),
        (
            "too little history for the value model",
            f"{MIN_DAYS} days of purchases",
            "wait for history; the baseline is published until then",
        ),
        (
            "a feature tells the outcome apart by itself",
            f"ROC-AUC of a single feature at most {MAX_ROC_AUC}",
            "let the feature end with its day, or leave it out",
        ),
        (
            "no feature tells customers apart",
            "one feature that is neither constant nor unknown of everybody",
            "look at the sources behind features.ftr_customers",
        ),
        (
            "nobody is in the population of contracts",
            "contracts that end, and populations.contract_ends_within_days",
            "set the key where customers hold contracts; without them there is nothing to foretell",
        ),
        (
            "purchases or contracts are unknown",
            "the days and amounts of purchases, or of the contract, of every row",
            "look at the model ftr_customers",
        ),
    ]

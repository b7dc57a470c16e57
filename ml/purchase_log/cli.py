"""`living-crm evaluate`: the claim, checked on anybody's purchases."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warehouse.days import parse_day
from warehouse.errors import SettingsError, TooLittleData
from warehouse.policy import load_policy
from warehouse.progress import doing, wide_console
from warehouse.settings import load_settings

if TYPE_CHECKING:
    from ml.purchase_log.evaluate import Evaluation, Outcome

_TITLES = {
    "churn": "Churn: no purchase within {horizon} days, of those who bought within the last {live}",
    "winback": "Win-back: a purchase within {horizon} days, of those silent for more than {live}",
    "value": "Value: spend within {horizon} days, of everybody",
}
_HEADS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "mean_absolute_error": "mean absolute error",
    "rank_correlation": "rank correlation",
    "gini": "Gini",
}


def evaluate(
    log: Annotated[Path, typer.Argument(help="A CSV file, a line per purchase.")],
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            metavar="DAY",
            help="The day of the test, written YYYY-MM-DD; the log must go on for a horizon.",
        ),
    ],
    horizon: Annotated[int, typer.Option(min=1, max=3650, help="How many days to foretell.")],
    customer: Annotated[str | None, typer.Option(help="The column that names customers.")] = None,
    date: Annotated[str | None, typer.Option(help="The column with days.")] = None,
    amount: Annotated[
        str | None, typer.Option(help="The column with amounts; below zero is a return.")
    ] = None,
    live_within: Annotated[
        int | None,
        typer.Option(
            min=1, max=3650, help="Bought within so many days: live; a horizon by default."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything there too.")
    ] = None,
) -> None:
    """Hold churn, win-back and value against every simple rival on a bare purchase log.

    Out of time: what is learned was known on the day of the test. Differences are of the model to
    the best rival, with 95 % intervals by paired bootstrap over customers. Calibration error: mean
    gap between promised and seen over ten bins of equal width. Gini: 1 is the perfect order by
    spend. Same log, same numbers.
    """
    from ml.purchase_log.evaluate import evaluate as evaluate_log
    from ml.purchase_log.read import read_log

    day = parse_day(as_of)
    require_writable(json_file)
    minima = load_policy(load_settings().policy_file).training
    with doing("Reading the log"):
        purchases = read_log(log, customer=customer, date_column=date, amount=amount)
    with doing("Learning and testing"):
        found = evaluate_log(
            purchases,
            day,
            horizon_days=horizon,
            live_within_days=live_within or horizon,
            minima=minima,
        )
    write_json(json_file, found.as_json())
    refusals = [outcome.refusal for outcome in found.outcomes if outcome.refusal]
    if len(refusals) == len(found.outcomes):
        raise TooLittleData(
            f"Nothing can be evaluated as of {day} at {horizon} days: {refusals[0]}",
            "Take a longer log with more customers, or another --as-of or --horizon.",
        )
    _show(found)


def require_writable(path: Path | None) -> None:
    """Checks, before any work, that a file can be written; raises `SettingsError`."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise SettingsError(f"{path} cannot be written.", "Name a file in a folder that exists.")


def write_json(path: Path | None, document: object) -> None:
    """Writes a document with sorted keys: same contents, same bytes."""
    if path is not None:
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def _show(found: "Evaluation") -> None:
    out = wide_console()
    plan = found.plan
    out.print(
        f"{found.customers} customers as of {plan.test}; learned from {len(plan.learning)} days, "
        f"{plan.learning[0]} to {plan.learning[-1]}.",
        soft_wrap=True,
    )
    for outcome in found.outcomes:
        title = _TITLES[outcome.task].format(horizon=plan.horizon_days, live=found.live_within_days)
        events = "" if outcome.test_events is None else f", {outcome.test_events} times so"
        out.print(f"\n{title} ({outcome.test_rows} customers{events})", soft_wrap=True)
        if outcome.refusal:
            out.print(f"Not evaluated: {outcome.refusal}", soft_wrap=True)
        else:
            out.print(_table(outcome))
            out.print(outcome.judgement.verdict if outcome.judgement else "", soft_wrap=True)
    sys.stdout.flush()


def _table(outcome: "Outcome") -> object:
    from rich.table import Table

    judgement = outcome.judgement
    assert judgement is not None
    measures = [name for name in _HEADS if name in judgement.candidate]
    table = Table("method", *(_HEADS[name] for name in measures))
    digits = 2 if outcome.task == "value" else 4

    def shown(name: str, value: float, sign: str = "") -> str:
        return f"{value:{sign}.{digits if name == 'mean_absolute_error' else 4}f}"

    for method, values in (*judgement.rivals.items(), ("model", judgement.candidate)):
        table.add_row(method, *(shown(name, values[name]) for name in measures))
    against = judgement.differences[judgement.best_rival]
    table.add_section()
    table.add_row(
        f"model less {judgement.best_rival}",
        *(
            f"{shown(name, against[name].value, '+')} ({shown(name, against[name].low, '+')} to "
            f"{shown(name, against[name].high, '+')})"
            if name in against
            else ""
            for name in measures
        ),
    )
    return table

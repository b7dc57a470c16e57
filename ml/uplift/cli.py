"""`living-crm evaluate-uplift`: the uplift learner on anybody's experiment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ml.purchase_log.cli import require_writable, write_json
from warehouse.policy import load_policy
from warehouse.progress import doing, wide_console
from warehouse.settings import load_settings

if TYPE_CHECKING:
    from ml.uplift.evaluate import UpliftEvaluation


def evaluate_uplift(
    table: Annotated[Path, typer.Argument(help="A CSV file, a line per person.")],
    treatment: Annotated[str, typer.Option(help="The column with 1 for treated, 0 for control.")],
    outcome: Annotated[str, typer.Option(help="The column with what came of it.")],
    features: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Columns known before the treatment; all others by default.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything there too.")
    ] = None,
) -> None:
    """Hold the uplift learner against other orders on a randomised table.

    A random half is learned from, the other judged by; the seed is the policy's. Rivals: a random
    order, a response model (the expected outcome if treated) and a T-learner (the difference of the
    expected outcomes with and without). Intervals are 95 % by paired bootstrap over people.

    Qini coefficient: people are ordered by falling score. The curve at the top share s of them is
    the sum of outcomes of the treated in that top over all treated, less the same of the control:
    what treating only that top would bring, per person. The coefficient is the area between the
    curve and the straight line to its end, over s from 0 to 1. It is in units of the outcome per
    person, not divided by a perfect order's; a random order has 0.
    """
    from ml.uplift.evaluate import evaluate
    from ml.uplift.table import read_treatment_table

    require_writable(json_file)
    seed = load_policy(load_settings().policy_file).training.seed
    names = [name.strip() for name in features.split(",") if name.strip()] if features else None
    with doing("Reading the table"):
        people = read_treatment_table(table, treatment, outcome, names)
    with doing("Learning on one half, judging on the other"):
        found = evaluate(people, seed)
    write_json(json_file, {**found.as_json(), "left_out": list(people.left_out)})
    _show(found, people.left_out)


def _show(found: "UpliftEvaluation", left_out: tuple[str, ...]) -> None:
    from rich.table import Table

    out = wide_console()
    effect = found.average_effect
    out.print(
        f"Learned from {found.rows[0]} people, judged by {found.rows[1]}. Average effect "
        f"{effect.value:+.5f} ({effect.low:+.5f} to {effect.high:+.5f}).",
        soft_wrap=True,
    )
    if left_out:
        out.print(f"Left out, too many levels: {', '.join(left_out)}.", soft_wrap=True)
    tops = list(found.top_effects["learner"])
    table = Table("method", "Qini", "learner less this", *(f"effect in top {top}" for top in tops))
    for name, own in found.qini.items():
        gap = found.gain.get(name)
        table.add_row(
            name,
            f"{own.value:+.5f} ({own.low:+.5f} to {own.high:+.5f})",
            f"{gap.value:+.5f} ({gap.low:+.5f} to {gap.high:+.5f})" if gap else "",
            *(f"{found.top_effects[name][top]:+.5f}" for top in tops),
        )
    out.print(table)
    out.print(found.verdict, soft_wrap=True)
    if found.do_not_wake:
        out.print(
            f"Do not wake: {found.do_not_wake['people']:.0f} people, expected effect "
            f"{found.do_not_wake['expected_effect']:+.5f}, observed "
            f"{found.do_not_wake['observed_effect']:+.5f}.",
            soft_wrap=True,
        )

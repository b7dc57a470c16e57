"""The commands `living-crm identity ...`."""

from pathlib import Path
from typing import Annotated

import typer

from warehouse.policy import load_policy
from warehouse.progress import wide_console
from warehouse.settings import load_settings

identity_app = typer.Typer(help="Who is who: links between records.", no_args_is_help=True)


@identity_app.callback()
def _identity() -> None:
    """Who is who: links between records."""


@identity_app.command()
def evaluate(
    records: Annotated[Path, typer.Argument(help="A CSV file of person records, with a header.")],
    truth: Annotated[
        str, typer.Option(help="The column that is equal for the records of one person.")
    ],
    mapping: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,...",
            help="The file's columns by field (name, phone, email, birth_date, postcode, address);"
            " several are joined by a plus: name=given_name+surname.",
        ),
    ],
    other_records: Annotated[
        Path | None, typer.Argument(help="A second file, to be linked with the first.")
    ] = None,
    one_to_one: Annotated[
        bool,
        typer.Option("--one-to-one", help="Neither file holds a person twice."),
    ] = False,
    country: Annotated[
        str | None, typer.Option(help="Of the phones, two letters; the policy's otherwise.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there as well.")
    ] = None,
) -> None:
    """Link labelled records as the walk would, and print how right the links are."""
    import json
    from dataclasses import asdict

    from ml.identity import evaluate as evaluation

    policy = load_policy(load_settings().policy_file)
    if country:
        identity = policy.identity.model_copy(update={"country": country.upper()})
        policy = policy.model_copy(update={"identity": identity})
    result = evaluation.evaluate(
        [records, other_records] if other_records else [records],
        truth,
        evaluation.parse_mapping(mapping),
        policy,
        one_to_one=one_to_one,
    )
    figures = asdict(result)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        shown = f"{value:.4f}" if name in ("precision", "recall", "f1", "b_cubed_f1") else value
        wide_console().print(f"{name.replace('_', ' '):18} {shown}")

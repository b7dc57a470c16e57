"""The commands `living-crm identity ...`."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import psycopg
import typer
from rich.table import Table

from warehouse import status
from warehouse.connections import connect, warehouse_url
from warehouse.days import parse_day
from warehouse.errors import SettingsError
from warehouse.policy import load_policy
from warehouse.progress import console, doing, wide_console
from warehouse.settings import load_settings

identity_app = typer.Typer(help="Who is who: links between records.", no_args_is_help=True)

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="The business day; the last night's otherwise."),
]


@identity_app.callback()
def _identity() -> None:
    """Who is who: links between records."""


@identity_app.command()
def review(
    limit: Annotated[int, typer.Option(min=1, help="How many pairs to show.")] = 10,
) -> None:
    """Show the doubtful pairs, the most valuable first, with what their records say.

    What the records say is read now, to be looked at: it is stored and logged nowhere.
    """
    from ml.identity.review import FIELDS, doubts

    out = wide_console()
    with connect(warehouse_url(load_settings())) as connection:
        found = doubts(connection, limit)
    if not found:
        out.print("No pair waits for anybody.")
    for doubt in found:
        table = Table(
            "record", *FIELDS, title_justify="left",
            title=f"probability {doubt.probability:.3f} ({doubt.reason});"
            f" agrees: {', '.join(doubt.agrees) or 'nothing'};"
            f" differs: {', '.join(doubt.differs) or 'nothing'};"
            f" bought for {doubt.spend_amount:,.0f} in a year",
        )  # fmt: skip
        for name, fields in doubt.records:
            table.add_row(name, *fields)
        out.print(table)
        (first, _), (second, _) = doubt.records
        out.print(
            f"living-crm identity decide {first} {second} --same|--different --by NAME"
            " --because TEXT",
            soft_wrap=True,
        )


@identity_app.command()
def decide(
    first: Annotated[str, typer.Argument(metavar="SOURCE_A:ID_A")],
    second: Annotated[str, typer.Argument(metavar="SOURCE_B:ID_B")],
    by: By,
    because: Because,
    same: Annotated[
        bool | None, typer.Option("--same/--different", help="Whether they are one person.")
    ] = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Label a pair of the month's sample; no link changes."),
    ] = False,
    as_of: AsOf = None,
) -> None:
    """Say whether two records are one person. It wins over all evidence, until decided again."""
    from ml.identity.decide import decide as record_decision
    from ml.identity.decide import label
    from ml.identity.unmerge import parse_record

    if same is None:
        raise SettingsError("Nothing is decided.", "Give --same or --different.")
    a, b = parse_record(first), parse_record(second)
    with connect(warehouse_url(load_settings())) as connection:
        day = _day(connection, as_of)
        if sample:
            told: Literal["same", "different"] = "same" if same else "different"
            label(connection, a, b, told, by=by, because=because, day=day)
            console.print("Labelled; the next run's precision and recall count it.")
            return
        decision: Literal["always", "never"] = "always" if same else "never"
        record_decision(connection, a, b, decision, by=by, because=because, day=day)
    console.print("Recorded; it takes effect at the next run. To undo it, decide again.")


@identity_app.command()
def train(
    as_of: AsOf = None,
    fresh: Annotated[
        bool, typer.Option(help="Begin anew instead of taking up an unfinished run.")
    ] = False,
) -> None:
    """Learn anew how much each likeness of two records says; in force from the next night on.

    It needs no labels. What people decided keeps winning, and people keep their ids.
    """
    from warehouse.local import run_walks

    settings = load_settings()
    with connect(warehouse_url(settings)) as connection:
        day = _day(connection, as_of)
    with doing(f"Learning from the records of {day}"):
        run_walks(settings, "identity_train", [day], fresh=fresh)
    with connect(warehouse_url(settings)) as connection:
        status.show(connection, day, out=wide_console(), dag_id="identity_train")


@identity_app.command()
def unmerge(
    person_id: Annotated[str, typer.Argument(metavar="PERSON_ID")],
    by: By,
    because: Because,
    apart: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE:ID", help="A record to set apart; may be given repeatedly."),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Take a wrongly merged person apart and list all that the merge touched.

    Without --apart the person is cut at its weakest probabilistic link.
    """
    from ml.identity.unmerge import parse_record
    from ml.identity.unmerge import unmerge as take_apart
    from warehouse.walk import context_for

    settings = load_settings()
    with connect(warehouse_url(settings)) as connection:
        day = _day(connection, as_of)
    with doing(f"Taking {person_id} apart"):
        done = take_apart(
            context_for(settings, day, "local__unmerge"), person_id=person_id, by=by,
            because=because, apart=[parse_record(text) for text in apart or ()],
        )  # fmt: skip
    out = wide_console()
    persons = Table("person", "records")
    for person, records in sorted(done.persons.items()):
        persons.add_row(person, ", ".join(map(":".join, records)))
    out.print(persons)
    recalls = Table(
        "kind", "day", "name", "detail",
        title=f"Touched since {done.since}, when it became one person", title_justify="left",
    )  # fmt: skip
    for recall in done.recalls:
        recalls.add_row(recall.kind, str(recall.on_date or ""), recall.name, recall.detail)
    out.print(recalls)
    out.print(f"Also in {done.file} and identity.recalls.", soft_wrap=True)
    out.print("The marts and lists follow at the next run.")


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


def _day(connection: psycopg.Connection, as_of: str | None) -> date:
    return parse_day(as_of) if as_of else status.last_day(connection)

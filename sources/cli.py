"""`living-crm source ...`: looks at a source before a night does."""

from typing import Annotated, Literal

import typer

from warehouse.errors import SourceError
from warehouse.progress import console
from warehouse.settings import load_settings

source_app = typer.Typer(help="The source systems and their catalog.", no_args_is_help=True)


@source_app.command()
def check(name: Annotated[str, typer.Argument(help="A source of the catalog.")]) -> None:
    """Hold a source's catalog entry against the live source and explain every fault."""
    from sources.check import check_source

    findings = check_source(load_settings(), name)
    faults = [finding for finding in findings if finding.severity == "fault"]
    for finding in findings:
        console.print(f"{finding.severity}: {finding.what} {finding.remedy}", soft_wrap=True)
    if faults:
        raise SourceError(
            f"Source {name} cannot be loaded as catalogued.", f"Faults listed above: {len(faults)}."
        )
    console.print(f"{name}: nothing stands against loading it.")


@source_app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the source shall be called.")],
    url: Annotated[
        str, typer.Argument(envvar="SOURCE_URL", help="Where it is: a database, folder or service.")
    ],
    reader: Annotated[Literal["sql", "files", "rest"], typer.Option(help="How it is read.")],
    db_schema: Annotated[
        str | None, typer.Option(help="Of a database: where its tables stand.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="SOURCE_TOKEN", help="Of a service: what it asks for.")
    ] = None,
    endpoint: Annotated[
        list[str] | None, typer.Option(help="Of a service: what to look at; can be repeated.")
    ] = None,
) -> None:
    """Write a first catalog entry and first staging models from what the source holds."""
    from sources.add import add_source

    written = add_source(
        load_settings(), name, url,
        reader=reader, db_schema=db_schema, token=token, endpoints=endpoint or [],
    )  # fmt: skip
    for path in written:
        console.print(f"Wrote {path}", soft_wrap=True)
    console.print(
        f"Next: set SOURCE_{name.upper()}_URL in .env, go over the files, then living-crm source"
        f" check {name}.",
        soft_wrap=True,
    )

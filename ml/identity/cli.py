"""The commands `living-crm identity ...`."""

import typer

identity_app = typer.Typer(help="Who is who: links between records.", no_args_is_help=True)


@identity_app.callback()
def _identity() -> None:
    """Who is who: links between records."""

"""`living-crm demo ...`: the demo's source systems, and the walk on them."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import typer

from demo.demos import require_demo
from warehouse.days import past_day
from warehouse.errors import SettingsError
from warehouse.policy import load_policy
from warehouse.progress import console, doing, wide_console
from warehouse.settings import Settings, load_settings

demo_app = typer.Typer(
    help="Lay down the demo's source systems and run the walk on them in Airflow.",
    invoke_without_command=True,
)


@demo_app.callback()
def demo(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="The night to show, YYYY-MM-DD.")
    ] = None,
    customers: Annotated[
        int | None,
        typer.Option(min=1, help="Found the demo company with so many customers; 10,000 at first."),
    ] = None,
) -> None:
    """Lay down the demo's source systems and run the walk on them in Airflow."""
    if context.invoked_subcommand:
        return
    from demo.show import show

    settings = load_settings()
    demo = require_demo(settings)
    if customers is not None:
        from demo.company.lay_down import lay_down

        _company()
        demo = replace(demo, lay_down=partial(lay_down, customers=customers))
    tz = load_policy(settings.policy_file).tz
    day = past_day(as_of, datetime.now(tz).date()) if as_of else demo.shown_day
    show(settings, demo, day, watch=doing, say=console.print, out=wide_console())


@demo_app.command()
def describe() -> None:
    """Write a page about what is planted in the demo company, beside what its systems show."""
    from demo.company.describe import describe as write_page

    settings = _company()
    page = write_page(settings, settings.docs_dir / "demo_company.html")
    console.print(f"Wrote {page}", soft_wrap=True)


@demo_app.command(name="break")
def break_(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="What shall break; left out, all are listed.")
    ] = None,
) -> None:
    """Live one more day, then break systems of the demo company, to see the next night."""
    from demo.company.faults import SCENARIOS, break_source, refuse_scenarios

    if not scenarios:
        for name, known in SCENARIOS.items():
            console.print(f"{name:15} {known.text}", soft_wrap=True)
        return
    settings = _company()
    demo = require_demo(settings)
    day = demo.wound_to(settings)
    refuse_scenarios(settings, scenarios)
    if day is not None:
        day += timedelta(days=1)
        with doing(f"Living on to {day}"):
            demo.lay_down(settings, load_policy(settings.policy_file), day)
    console.print(break_source(settings, *scenarios), soft_wrap=True)
    console.print(f"Next: living-crm run --as-of {day}; living-crm demo mend.", soft_wrap=True)


@demo_app.command()
def mend() -> None:
    """Make what was broken on purpose as it was."""
    from demo.company.faults import mend as mend_source

    console.print(mend_source(_company()), soft_wrap=True)


def _company() -> Settings:
    settings = load_settings()
    if settings.data != "company":
        raise SettingsError(
            f"The data set {settings.data} is not the demo company.", "Set DATA=company."
        )
    return settings

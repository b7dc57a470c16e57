"""The command line `living-crm`: every command calls the function that a DAG task calls."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated

import typer

from demo.cli import demo_app
from ml.identity.cli import identity_app
from ml.purchase_log.cli import evaluate
from ml.uplift.cli import evaluate_uplift
from sources.cli import source_app
from warehouse import embedded, status
from warehouse.connections import connect, warehouse_url
from warehouse.days import past_day
from warehouse.errors import LivingCrmError, SettingsError
from warehouse.policy import load_policy
from warehouse.progress import configure_logging, console, doing, wide_console
from warehouse.settings import Settings, load_settings
from warehouse.walk import Step

app = typer.Typer(
    name="living-crm",
    help="A customer warehouse that stays alive.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
warehouse_app = typer.Typer(help="The warehouse server and ways into it.", no_args_is_help=True)
customer_app = typer.Typer(help="One customer at a time.", no_args_is_help=True)
models_app = typer.Typer(help="The registry of trained models.", no_args_is_help=True)
app.add_typer(demo_app, name="demo")
app.add_typer(source_app, name="source")
app.add_typer(identity_app, name="identity")
app.add_typer(warehouse_app, name="warehouse")
app.add_typer(customer_app, name="customer")
app.add_typer(models_app, name="models")
app.command()(evaluate)
app.command()(evaluate_uplift)

AsOf = Annotated[
    str, typer.Option("--as-of", metavar="DAY", help="The business day, written YYYY-MM-DD.")
]


@app.callback()
def _settle(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log lines.")] = False,
) -> None:
    configure_logging(verbose=verbose)


@app.command()
def run(
    as_of: AsOf,
    through: Annotated[
        str | None, typer.Option(help="Run every day up to this one.", metavar="DAY")
    ] = None,
    fresh: Annotated[
        bool, typer.Option(help="Begin anew instead of taking up an unfinished run.")
    ] = False,
) -> None:
    """Run one night, or one after another, in this process, without Airflow."""
    settings, first = load_settings(), _day(as_of)
    last = _day(through) if through else first
    if last < first:
        raise SettingsError(f"{last} lies before {first}.", "Give the first day as --as-of.")

    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    _walk(settings, "customer_nightly", days, fresh=fresh, prepare=partial(_advance_demo, settings))


@app.command()
def train(
    as_of: AsOf,
    fresh: Annotated[
        bool, typer.Option(help="Begin anew instead of taking up an unfinished run.")
    ] = False,
    report: Annotated[
        bool, typer.Option(help="Write the evaluation of the models as an HTML page.")
    ] = False,
) -> None:
    """Train the models as of a day; the next night's scores use those that pass the gate."""
    settings, day = load_settings(), _day(as_of)
    _walk(settings, "models_train", [day], fresh=fresh)
    if report:
        from ml.report.write import write
        from warehouse.walk import context_for

        page = write(context_for(settings, day, "local__report"))
        wide_console().print(f"Evaluation: {page}", soft_wrap=True)


@app.command()
def publish(
    as_of: AsOf,
    replace: Annotated[
        bool, typer.Option(help="Put today's contents in the place of what was published.")
    ] = False,
) -> None:
    """Publish a day's lists again, for instance after a channel was down."""
    from publishing.publish import publish as publish_lists
    from warehouse.walk import context_for

    report = publish_lists(
        context_for(load_settings(), _day(as_of), "local__publish"), replace=replace
    )
    console.print(f"{report.rows} rows stand published for {as_of}.")


@app.command(name="status")
def status_command(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="A day's last run instead.")
    ] = None,
) -> None:
    """Show the last run room by room: rows, times, sources' ages, failed checks, lists."""
    with connect(warehouse_url(load_settings())) as connection:
        status.show(connection, _day(as_of) if as_of else None, out=wide_console())


@app.command()
def up() -> None:
    """Start Airflow on the warehouse's server and print its address and login."""
    from demo.demos import find_demo
    from warehouse import airflow

    settings = load_settings()
    demo = find_demo(settings)
    with doing("Starting Airflow"):
        if demo:
            demo.start(settings)
        services = airflow.up(settings)
    wide_console().print(
        f"Airflow: {services.url}   user {services.user}   password {services.password}",
        soft_wrap=True,
    )


@app.command()
def down() -> None:
    """Stop Airflow, the demo's systems and the embedded server: only what was started for DATA."""
    from demo.demos import find_demo
    from warehouse import airflow

    settings = load_settings()
    airflow.down(settings)
    demo = find_demo(settings)
    if demo:
        demo.stop(settings)
    if settings.warehouse_url is None:
        embedded.stop(settings)
    console.print(f"Stopped what runs for DATA={settings.data}; other data sets are left alone.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(
    context: typer.Context,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="The business day; the last run's otherwise."),
    ] = None,
) -> None:
    """Run a dbt command with the warehouse, the policy and the day filled in."""
    from warehouse import dbt as dbt_room

    settings = load_settings()
    url = warehouse_url(settings)
    with connect(url) as connection:
        day = _day(as_of) if as_of else status.last_day(connection)
    dbt_room.passthrough(settings, load_policy(settings.policy_file), url, context.args, as_of=day)


@warehouse_app.command()
def url(
    owner: Annotated[
        bool, typer.Option(help="The owner's address, which may change everything.")
    ] = False,
) -> None:
    """Print the address for a BI tool: it reads the marts and no contact details."""
    from warehouse.schemas import bi_url

    settings = load_settings()
    address = warehouse_url(settings) if owner else bi_url(settings, warehouse_url(settings))
    sys.stdout.write(address + "\n")


@warehouse_app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the warehouse; what follows is passed on to psql."""
    program = embedded.binaries() / "psql"
    environment = {**os.environ, **_libpq_environment(warehouse_url(load_settings()))}
    os.execve(program, [str(program), *context.args], environment)  # noqa: S606


@warehouse_app.command()
def start() -> None:
    """Start the embedded server unless it runs."""
    warehouse_url(load_settings())
    console.print("The warehouse runs.")


@warehouse_app.command()
def stop() -> None:
    """Stop the embedded server."""
    stopped = embedded.stop(load_settings())
    console.print("Stopped." if stopped else "It was not running.")


@customer_app.command()
def card(person_id: Annotated[str, typer.Argument(help="As written in a list.")]) -> None:
    """Show what the warehouse knows of one person."""
    settings = load_settings()
    language = load_policy(settings.policy_file).language
    with connect(warehouse_url(settings)) as connection:
        status.show_card(connection, person_id, language, out=wide_console())


@models_app.command(name="list")
def list_models() -> None:
    """Show every trained version, its verdict and what is in force."""
    with connect(warehouse_url(load_settings())) as connection:
        status.show_models(connection, out=wide_console())


ModelName = Annotated[str, typer.Argument(help="As shown by models list.")]


@models_app.command()
def promote(
    model_name: ModelName,
    version: Annotated[str, typer.Argument(help="As shown by models list.")],
    as_of: AsOf,
) -> None:
    """Put a named version in force from a day on, whatever the gate said of it."""
    from ml import registry

    settings = load_settings()
    with connect(warehouse_url(settings)) as connection:
        registry.appoint(connection, settings.models_dir, model_name, version, _day(as_of))
    console.print(f"{model_name}: {version} is in force from {as_of} on.")


@models_app.command()
def retire(model_name: ModelName, as_of: AsOf) -> None:
    """Take the model out of force from a day on, until one is promoted."""
    from ml import registry

    with connect(warehouse_url(load_settings())) as connection:
        registry.retire(connection, model_name, _day(as_of))
    console.print(f"{model_name}: none is in force from {as_of} on.")


@models_app.command()
def rollback(model_name: ModelName, as_of: AsOf) -> None:
    """Put the previous champion in force again, from a day on."""
    from ml import registry

    with connect(warehouse_url(load_settings())) as connection:
        version = registry.rollback(connection, model_name, _day(as_of))
    console.print(f"{model_name}: {version} is in force from {as_of} on.")


def _day(text: str) -> date:
    return past_day(text, datetime.now(load_policy(load_settings().policy_file).tz).date())


def _walk(
    settings: Settings,
    dag_id: str,
    days: Sequence[date],
    *,
    fresh: bool,
    prepare: Callable[[date], None] = lambda _day: None,
) -> None:
    from warehouse.local import run_walks

    @contextmanager
    def watch(step: Step, number: int, of: int) -> Iterator[None]:
        if not console.is_terminal:  # the log lines say it
            yield
            return
        with doing(f"[{number:2}/{of}] {step.name}"):
            yield

    for report in run_walks(settings, dag_id, days, prepare=prepare, fresh=fresh, watch=watch):
        if report.taken_over:
            console.print(f"Taken over from the interrupted run: {', '.join(report.taken_over)}.")
    with connect(warehouse_url(settings)) as connection:
        status.show(connection, days[-1], out=wide_console(), dag_id=dag_id)


def _advance_demo(settings: Settings, as_of: date) -> None:
    """Winds the demo's sources on to the day, when it is the demo's sources we run on."""
    from demo.demos import find_demo

    demo = find_demo(settings)
    laid_down = demo.wound_to(settings) if demo else None
    if demo is None or laid_down is None:
        return
    demo.start(settings)
    if laid_down < as_of:
        with doing(f"Winding the demo's sources on from {laid_down} to {as_of}"):
            demo.lay_down(settings, load_policy(settings.policy_file), as_of)


def _libpq_environment(address: str) -> dict[str, str]:
    from warehouse.connections import dbt_environment

    parts = dbt_environment(address)
    return {
        "PGHOST": parts["LIVING_CRM_DBT_HOST"],
        "PGPORT": parts["LIVING_CRM_DBT_PORT"],
        "PGUSER": parts["LIVING_CRM_DBT_USER"],
        "PGDATABASE": parts["LIVING_CRM_DBT_DATABASE"],
        "PGPASSWORD": parts["DBT_ENV_SECRET_LIVING_CRM_PASSWORD"],
    }


def main(call: Callable[[], None] = app) -> None:
    """Runs the command line; an error that has a remedy is one line and an exit code."""
    try:
        call()
    except LivingCrmError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the same command takes up where this stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()

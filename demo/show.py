"""`living-crm demo`: two nights and a training in Airflow, then the lists they made.

The night before comes first, so that models can be trained on data that a night has judged; the
models then score the night that is shown. What an earlier demo has done is not done again, but the
night that is shown always is: its lists must come out the same.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta

from rich.console import Console
from rich.table import Table

from demo.demos import Demo
from warehouse import airflow
from warehouse.connections import connect, warehouse_url
from warehouse.policy import load_policy
from warehouse.settings import Settings

Watch = Callable[[str], AbstractContextManager[None]]


def show(
    settings: Settings,
    demo: Demo,
    as_of: date,
    *,
    watch: Watch,
    say: Callable[[str], None],
    out: Console,
) -> None:
    """Lays the sources down, runs the walk for `as_of` in Airflow and prints the lists.

    Args:
        watch: a context manager that shows what is going on.
        say: shows one line of progress.
        out: where the lists are printed.

    Raises:
        SettingsError: the demo does not cover `as_of`.
        LivingCrmError: a run failed.
    """
    demo.check_day(as_of)
    policy = load_policy(settings.policy_file)
    warehouse_url(settings)
    day_before = as_of - timedelta(days=1)
    rehearse = day_before >= demo.first_day and not _has_run(settings, "models_train", day_before)
    first = day_before if rehearse else as_of
    airflow_ran = airflow.is_up(settings)
    with (
        watch(f"Laying down the source systems as of {first}; starting Airflow"),
        ThreadPoolExecutor() as pool,
    ):
        starting = pool.submit(airflow.up, settings)
        demo.lay_down(settings, policy, first)
        services = starting.result()
    try:
        if rehearse:
            _run(settings, "customer_nightly", day_before, watch, say)
            with watch("Judging the drawn pairs of records"):
                demo.review(settings, day_before)
            _run(settings, "models_train", day_before, watch, say)
        if demo.wound_to(settings) != as_of:
            with watch(f"Winding the sources to {as_of}"):
                demo.lay_down(settings, policy, as_of)
        _run(settings, "customer_nightly", as_of, watch, say)
    finally:
        if not airflow_ran:
            with watch("Stopping Airflow"):
                airflow.down(settings)
    _print_lists(settings, as_of, out)
    out.print(
        f"Pages: {settings.docs_dir / 'briefings' / f'{as_of}.html'} (the morning briefing),"
        f" {settings.docs_dir / 'data_docs'} (the guards).",
        soft_wrap=True,
    )
    out.print(next_commands(settings.data, as_of, services.url), soft_wrap=True)


def next_commands(data: str, as_of: date, airflow_url: str) -> str:
    """Returns what to type next; the data set is named where it is not the default."""
    is_default = data == Settings.model_fields["data"].default
    make, ours = ("", "") if is_default else (f" DATA={data}", f"DATA={data} ")
    return (
        f"Next: make status{make}; make up{make} (Airflow's page, at {airflow_url});"
        f" {ours}.venv/bin/living-crm run --as-of {as_of + timedelta(days=1)};"
        f" {ours}.venv/bin/living-crm warehouse url (for a BI tool); make down{make}."
    )


def _run(
    settings: Settings, dag_id: str, as_of: date, watch: Watch, say: Callable[[str], None]
) -> None:
    """Runs one DAG and shows each task's end."""

    def progress(task: airflow.TaskProgress) -> None:
        if task.seconds is not None:
            say(f"  {task.done:2}/{task.total} {task.task} {task.state}, {task.seconds:.1f} s")

    with watch(f"Airflow runs {dag_id} for {as_of}"):
        airflow.run_dag(settings, dag_id, as_of, progress)


def _has_run(settings: Settings, dag_id: str, as_of: date) -> bool:
    with connect(warehouse_url(settings)) as connection:
        row = connection.execute("select to_regclass('ops.runs') is not null").fetchone()
        if not (row and row[0]):
            return False
        row = connection.execute(
            """
            select count(*) > 0 from ops.runs
            where dag_id = %s and as_of_date = %s and status = 'success'
            """,
            (dag_id, as_of),
        ).fetchone()
    return bool(row and row[0])


def _print_lists(settings: Settings, as_of: date, out: Console) -> None:
    """Prints the head of each list of the day and where it lies."""
    with connect(warehouse_url(settings)) as connection:
        lists = connection.execute(
            """
            select list_name, row_count, target from activation.publications
            where as_of_date = %s and state = 'published' order by list_name, target
            """,
            (as_of,),
        ).fetchall()
        for name, rows, target in lists:
            place = target.replace("{home}", str(settings.living_crm_home)).removeprefix("file://")
            table = Table(
                "rank", "person", "score", "expected value", "why",
                title=f"{name}: {rows} rows in {place}/{as_of}/{name}.csv",
                title_justify="left",
            )  # fmt: skip
            head = connection.execute(
                """
                select
                    rank, person_id, round(score::numeric, 3),
                    round(expected_value::numeric, 2), reason_1
                from activation.target_list_entries
                where as_of_date = %s and list_name = %s and treatment_group = 'contact'
                order by rank limit 5
                """,
                (as_of, name),
            ).fetchall()
            for row in head:
                table.add_row(*(str(value) for value in row))
            out.print(table)

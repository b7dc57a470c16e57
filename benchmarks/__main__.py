"""`make bench`: runs every benchmark, prints the results and writes `benchmarks/results.json`."""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.result import Result
from benchmarks.stage import Stage
from warehouse.progress import console, doing

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Runs the benchmarks named on the command line, or all of them."""
    # Imported late: each reads the environment of the stage it is given.
    from benchmarks import (
        company_size,
        identity,
        links,
        load,
        night,
        planted_churn,
        planted_uplift,
        planted_value,
        score,
        training,
    )

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all where none is named")
    parser.add_argument("--customers", type=int, help="of size, links, churn, uplift, value, score")
    arguments = parser.parse_args()
    sized = {"customers": arguments.customers} if arguments.customers else {}
    benchmarks: dict[str, Callable[[Stage], list[Result]]] = {
        "load": load.measure,
        "next": night.measure_next,
        "night": night.measure,
        "company": night.measure_company,
        "score": partial(score.measure, **sized),
        "training": training.measure,
        "size": partial(company_size.measure, **sized),
        "churn": partial(planted_churn.measure, **sized),
        "uplift": partial(planted_uplift.measure, **sized),
        "value": partial(planted_value.measure, **sized),
        "identity": identity.measure,
        "links": partial(links.measure, **sized),
    }
    names = arguments.names or list(benchmarks)
    unknown = sorted(set(names) - set(benchmarks))
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]}; there are {', '.join(benchmarks)}")
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="living-crm-bench-"))
    stage = Stage.set_up(folder)
    try:
        measured: list[Result] = []
        for name in names:
            with doing(f"benchmark {name}"):
                of_one = benchmarks[name](stage)
            write(of_one)  # at once: a benchmark that fails later takes nothing back
            measured += of_one
    finally:
        stage.tear_down()
        shutil.rmtree(folder, ignore_errors=True)
    for result in measured:
        target = "" if result.target is None else f"   target {result.target:g}"
        met = "" if result.met is None else ("   met" if result.met else "   NOT MET")
        sys.stdout.write(f"{result.name:42} {result.value:12.4g} {result.unit:8}{target}{met}\n")
    console.print(
        f"Written to {RESULTS.relative_to(RESULTS.parent.parent)} on {os.cpu_count()} cores."
    )


def write(measured: list[Result]) -> None:
    """Puts results into the file, each in the place of an earlier one of its name."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    by_name = {entry["name"]: entry for entry in kept}
    by_name.update({result.name: asdict(result) for result in measured})
    text = json.dumps([by_name[name] for name in sorted(by_name)], indent=2)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

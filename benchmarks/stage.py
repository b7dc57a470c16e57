"""Where benchmarks run: installations of their own, with the demo's sources laid down."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from demo.company.lay_down import lay_down
from demo.demos import require_demo
from warehouse import airflow, embedded
from warehouse.connections import warehouse_url
from warehouse.context import RunContext
from warehouse.local import run_walks
from warehouse.policy import load_policy
from warehouse.settings import REPOSITORY, Settings, load_settings
from warehouse.walk import context_for

DAY = date(2017, 11, 30)
COMPANY_DAY = date(2026, 6, 30)


@dataclass
class Stage:
    """A folder that holds the installations of one benchmark run."""

    folder: Path
    made: list[Settings] = field(default_factory=list)
    companies: dict[int, RunContext] = field(default_factory=dict)

    @classmethod
    def set_up(cls, folder: Path) -> "Stage":
        """Takes the caller's own installation out of the environment."""
        for name in list(os.environ):
            if name.startswith(("SOURCE_", "LIVING_CRM_", "AIRFLOW", "WAREHOUSE_")):
                del os.environ[name]
        return cls(folder)

    def installation(
        self, name: str, as_of: date = DAY, data: str = "complete_journey"
    ) -> Settings:
        """Returns a new installation whose sources are wound to `as_of`; the process uses it."""
        settings = self.empty_installation(name, data)
        require_demo(settings).lay_down(settings, load_policy(settings.policy_file), as_of)
        return settings

    def company(self, customers: int) -> RunContext:
        """Returns the demo company after the night of its day; the process uses it.

        It is laid down once: benchmarks that ask for as many customers share it. The web's log is
        whole, as a warehouse would hold that has read it for two years: the days that a model
        learns from know of visits as those do that it is used on.
        """
        name = f"company-{customers}"
        if customers in self.companies:
            self._use(name, "company")
            return self.companies[customers]
        settings = self.empty_installation(name, "company")
        lay_down(
            settings, load_policy(settings.policy_file), COMPANY_DAY, customers, whole_log=True
        )
        run_walks(settings, "customer_nightly", [COMPANY_DAY])
        self.companies[customers] = context_for(settings, COMPANY_DAY, "bench")
        return self.companies[customers]

    def empty_installation(self, name: str, data: str = "complete_journey") -> Settings:
        """Returns a new installation without sources; the process uses it."""
        settings = self._use(name, data)
        self.made.append(settings)
        warehouse_url(settings)
        return settings

    def _use(self, name: str, data: str) -> Settings:
        os.environ.update(
            DATA=data,
            LIVING_CRM_HOME=str(self.folder / name),
            WAREHOUSE_PORT="0",
            AIRFLOW_PORT=str(_free_port()),
        )
        load_settings.cache_clear()
        return load_settings()

    def tear_down(self) -> None:
        """Stops every server that was started."""
        for settings in self.made:
            airflow.down(settings)
            require_demo(settings).stop(settings)
            embedded.stop(settings)


def timed_process(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Runs Python with `arguments` to its end and returns the seconds it took."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

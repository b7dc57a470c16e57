"""A source made for a test: its catalog entry, its address, loads of it and what they brought."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import yaml

from sources.load import load_source
from warehouse.context import RunContext

Rows = list[tuple[Any, ...]]


class Source:
    """A source named stock.

    Attributes:
        entry: its catalog entry; written anew at every load.
    """

    def __init__(self, context: RunContext, folder: Path, entry: dict[str, Any]) -> None:
        self.settings = context.settings.model_copy(update={"catalog_dir": folder})
        self.context, self.entry = context, entry

    def write(self) -> None:
        file = self.settings.catalog_dir / "stock.yml"
        file.write_text(yaml.safe_dump(self.entry, allow_unicode=True))

    def load(self, as_of: date = date(2024, 1, 31)) -> int:
        self.write()
        context = self.context
        return load_source(
            RunContext(self.settings, context.policy, as_of, "test", context.url), "stock"
        ).rows

    def query(self, statement: str) -> Rows:
        with psycopg.connect(self.context.url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def stock(
    context_for: Callable[[date], RunContext], tmp_path: Path
) -> Callable[[dict[str, Any]], Source]:
    """Makes the source of a catalog entry's table."""
    folder = tmp_path / "catalog"
    folder.mkdir()

    def make(entry: dict[str, Any]) -> Source:
        return Source(context_for(date(2024, 1, 31)), folder, entry)

    return make


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running MariaDB's empty database."""
    if not shutil.which("mariadbd"):
        pytest.skip("no MariaDB server is installed")
    folder = tmp_path_factory.mktemp("mariadb")
    data = ("--no-defaults", f"--datadir={folder / 'data'}", "--user=root")
    subprocess.run(
        ["mariadb-install-db", *data, "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            "mariadbd", *data, f"--socket={folder / 'socket'}", f"--port={port}",
            "--bind-address=127.0.0.1", "--default-time-zone=+00:00",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with _connected(port, server) as connection:
            for statement in (
                "create database stock character set utf8mb4",
                "create user reader@'127.0.0.1' identified by 'p:w@1'",
                "grant all on stock.* to reader@'127.0.0.1'",
            ):
                connection.exec_driver_sql(statement)
        yield f"mysql://reader:p%3Aw%401@127.0.0.1:{port}/stock"
    finally:
        server.terminate()
        server.wait()


def _connected(port: int, server: subprocess.Popen[bytes]) -> sa.Connection:
    engine = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{port}")
    for _ in range(300):
        try:
            return engine.connect()
        except sa.exc.OperationalError:
            assert server.poll() is None
            time.sleep(0.1)
    raise AssertionError("MariaDB does not come up")

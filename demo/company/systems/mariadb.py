"""A MariaDB server of the demo's own: made, started and stopped in one folder.

It listens on loopback alone, under a password made at first start, and needs the programs
`mariadbd` and `mariadb-install-db` on the machine. It runs as whoever runs the demo, root included:
the only folder its file functions may touch is `inbox`.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from demo.company.systems import process
from warehouse.errors import SourceError
from warehouse.files import write_whole

USER = "company"
DATABASE = "company_pos"
_SEARCHED = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/libexec"))


@dataclass(frozen=True)
class MariaDB:
    """A running server. `url` holds its password: never log it."""

    port: int
    password: str

    @property
    def url(self) -> str:
        """The address of the tills' database."""
        return f"mysql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self) -> "Connection[Cursor]":
        """Opens a connection; its changes wait for a commit."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            database=DATABASE,
            charset="utf8mb4",
            connect_timeout=10,
            ssl_disabled=True,  # it never leaves the machine
        )


def is_installed() -> bool:
    """Tells whether this machine has the server's programs."""
    return bool(_program("mariadbd") and _program("mariadb-install-db"))


def is_up(folder: Path) -> bool:
    """Tells whether the server of this folder runs."""
    return process.pid(folder) is not None


def start(folder: Path) -> MariaDB:
    """Starts the server of this folder unless it runs; makes it when there is none.

    Raises:
        SourceError: the programs are missing, or the server does not come up.
    """
    if not is_up(folder):
        if not is_installed():
            raise SourceError(
                "The company's tills are on a MariaDB server, and mariadbd is missing.",
                "Install the package mariadb-server.",
            )
        if not (folder / "data").exists():
            _init(folder)
        _launch(folder)
    return _server(folder)


def stop(folder: Path) -> bool:
    """Stops the server of this folder; returns whether it ran."""
    return process.stop(folder)


def inbox(folder: Path) -> Path:
    """Returns the folder whose files the server may load."""
    return folder / "inbox"


def _server(folder: Path) -> MariaDB:
    return MariaDB(process.port(folder), (folder / "password").read_text())


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_SEARCHED)


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _init(folder: Path) -> None:
    half_made = folder / "data.new"  # a killed installation must not be taken for a database
    shutil.rmtree(half_made, ignore_errors=True)
    inbox(folder).mkdir(parents=True, exist_ok=True)
    password = secrets.token_hex(16)
    write_whole(folder / "password", password.encode(), private=True)
    # The installation's own accounts are reached by a Unix socket only, and there is none.
    statements = (
        f"create database if not exists {DATABASE} character set utf8mb4;\n"
        f"create user if not exists {USER}@'127.0.0.1' identified by '{password}';\n"
        f"grant all on *.* to {USER}@'127.0.0.1';\n"
    )
    write_whole(folder / "init.sql", statements.encode(), private=True)
    # A path from the folder itself: the program is a script that takes a space for an end.
    command = [
        str(_program("mariadb-install-db")), "--no-defaults", f"--datadir=./{half_made.name}",
        f"--user={_user()}", "--skip-test-db",
    ]  # fmt: skip
    made = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    if made.returncode:
        said = (made.stderr or made.stdout).strip().splitlines()
        raise SourceError(
            f"mariadb-install-db failed: {said[-1] if said else 'no output'}",
            f"See that {folder} may be written.",
        )
    half_made.rename(folder / "data")


def _launch(folder: Path) -> None:
    port = process.choose_port(folder)
    command = [
        str(_program("mariadbd")), "--no-defaults", f"--datadir={folder / 'data'}",
        f"--user={_user()}", "--bind-address=127.0.0.1", f"--port={port}", "--socket=",
        "--skip-name-resolve", "--skip-log-bin", f"--init-file={folder / 'init.sql'}",
        f"--secure-file-priv={inbox(folder)}", "--default-time-zone=+00:00",
        "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M",
        # Its rows can be made again: a crash of the machine may take the last second back.
        "--innodb-flush-log-at-trx-commit=2",
    ]  # fmt: skip

    def is_ready() -> bool:
        try:
            _server(folder).connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    process.launch(folder, command, is_ready)

"""Where the demo company's systems stand in an installation, and how they are started and stopped.

Everything is in one folder: the drops, the servers' data, the saved company. Only the PostgreSQL
databases are on the warehouse's server.
"""

from datetime import date
from pathlib import Path

from demo.addresses import write_addresses
from demo.company import world
from demo.company.systems import callcentre, mariadb
from demo.company.systems.callcentre import CallCentre
from demo.company.systems.drops import Crm, Mailer, Survey, Web
from demo.company.systems.pos import open_pos
from demo.company.systems.postgres import PostgresSystem
from demo.company.systems.system import System
from demo.company.tables import SHOP
from warehouse.settings import Settings

SHOP_DATABASE = "company_shop"


def company_folder(settings: Settings) -> Path:
    """Returns the folder of the company."""
    return settings.sources_dir / "company"


def saved_company(settings: Settings) -> Path:
    """Returns the file of the saved company; no system is behind it."""
    return company_folder(settings) / "company.state"


def wound_to(settings: Settings) -> date | None:
    """Returns the last day of the saved company; None where nothing is laid down."""
    file = saved_company(settings)
    return world.saved_day(file) if file.exists() else None


def open_systems(settings: Settings) -> list[System]:
    """Returns the seven systems, their database servers running.

    Raises:
        SourceError: the tills' server cannot be started.
        WarehouseError: the warehouse's server cannot be used.
    """
    folder = company_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        PostgresSystem(settings, "shop", SHOP_DATABASE, SHOP),
        open_pos(settings, folder / "pos"),
        Crm(folder),
        Web(folder),
        CallCentre(folder / "callcentre"),
        Survey(folder),
        Mailer(folder),
    ]


def publish_addresses(settings: Settings, systems: list[System]) -> None:
    """Starts what is not running and writes where the systems are reached to `sources.env`."""
    addresses: dict[str, str] = {}
    for system in systems:
        addresses |= system.address()
    write_addresses(settings, addresses)


def start(settings: Settings) -> None:
    """Starts the systems' servers, after a restart of the machine for example."""
    publish_addresses(settings, open_systems(settings))


def stop(settings: Settings) -> list[str]:
    """Stops the systems' own servers, not PostgreSQL; returns the names of those that ran."""
    folder = company_folder(settings)
    servers = {"pos": mariadb.stop, "callcentre": callcentre.stop}
    return [name for name, stop_server in servers.items() if stop_server(folder / name)]

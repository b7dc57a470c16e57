"""What a company is at the end of a day."""

from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from demo.company.accounts import Accounts
from demo.company.catalogue import Catalogue
from demo.company.contacts import Contacts
from demo.company.contracts import Contracts
from demo.company.draws import Array, Draw, generator
from demo.company.people import People
from demo.company.seasons import day_of
from demo.company.staffing import Staffing


class Queue:
    """Things that are due on a later day, kept by column."""

    def __init__(self, columns: dict[str, Array] | None = None) -> None:
        self.columns = columns or {}

    def put(self, **columns: Array) -> None:
        """Adds entries; `due` says their days, and the columns are the same at every call."""
        if not self.columns:
            self.columns = columns
            return
        self.columns = {
            name: np.concatenate([old, columns[name]]) for name, old in self.columns.items()
        }

    def take(self, day: int) -> dict[str, Array]:
        """Returns the entries due by the day and forgets them; an empty dict where none is."""
        if not self.columns:
            return {}
        due = self.columns["due"] <= day
        if not due.any():
            return {}
        taken = {name: column[due] for name, column in self.columns.items()}
        self.columns = {name: column[~due] for name, column in self.columns.items()}
        return taken


class Log:
    """A growing column."""

    def __init__(self, start: Array | None = None) -> None:
        self._chunks = [] if start is None else [start]

    def add(self, more: Array) -> None:
        """Adds to its end."""
        self._chunks.append(more)

    def whole(self) -> Array:
        """Returns the whole column."""
        if len(self._chunks) > 1:
            self._chunks = [np.concatenate(self._chunks)]
        return self._chunks[0] if self._chunks else np.zeros(0, dtype=np.int32)


@dataclass
class World:
    """The state of a company. `day` is the last day lived; 0 before the first."""

    seed: int
    customers: int
    recent_from: int
    log_from: int
    people: People
    accounts: Accounts
    catalogue: Catalogue
    contacts: Contacts
    contracts: Contracts
    staffing: Staffing
    day: int = 0
    next_ids: dict[str, int] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    logs: dict[str, Log] = field(default_factory=dict)

    def draw(self, topic: str) -> Draw:
        """Returns the generator of a topic for today."""
        return generator(self.seed, self.day, topic)

    def ids(self, kind: str, size: int) -> Array:
        """Returns the next numbers of a kind, the first of all being 1."""
        start = self.next_ids.get(kind, 1)
        self.next_ids[kind] = start + size
        return np.arange(start, start + size)

    def queue(self, name: str) -> Queue:
        """Returns the queue of that name."""
        return self.queues.setdefault(name, Queue())

    def log(self, name: str) -> Log:
        """Returns the log of that name."""
        return self.logs.setdefault(name, Log())


_PARTS: dict[str, type[Any]] = {
    "people": People,
    "accounts": Accounts,
    "catalogue": Catalogue,
    "contacts": Contacts,
    "contracts": Contracts,
    "staffing": Staffing,
}


def save(world: World, path: Path) -> None:
    """Writes a world as one uncompressed `.npz` file, visible only when it is whole."""
    arrays: dict[str, Array] = {
        "numbers": np.array(
            [world.seed, world.customers, world.recent_from, world.log_from, world.day]
        ),
        "id_kinds": np.array(list(world.next_ids), dtype=np.str_),
        "ids": np.array(list(world.next_ids.values()), dtype=np.int64),
    }
    for name, kind in _PARTS.items():
        for column in fields(kind):
            arrays[f"part/{name}/{column.name}"] = getattr(getattr(world, name), column.name)
    for name, queue in world.queues.items():
        for column_name, values in queue.columns.items():
            arrays[f"queue/{name}/{column_name}"] = values
    for name, log in world.logs.items():
        arrays[f"log/{name}"] = log.whole()
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    part.replace(path)


def saved_day(path: Path) -> date | None:
    """Returns the last day of a world that `save` wrote, without reading all of it."""
    with np.load(path, allow_pickle=False) as saved:
        day = int(saved["numbers"][-1])
    return day_of(day) if day else None


def load(path: Path) -> World:
    """Reads a world that `save` wrote."""
    parts: dict[str, dict[str, Array]] = {name: {} for name in _PARTS}
    queues: dict[str, Queue] = {}
    logs: dict[str, Log] = {}
    with np.load(path, allow_pickle=False) as saved:
        for key in saved.files:
            kind, _, rest = key.partition("/")
            name, _, column = rest.partition("/")
            if kind == "part":
                parts[name][column] = saved[key]
            elif kind == "queue":
                queues.setdefault(name, Queue()).columns[column] = saved[key]
            elif kind == "log":
                logs[name] = Log(saved[key])
        seed, customers, recent_from, log_from, day = (int(number) for number in saved["numbers"])
        ids = zip(saved["id_kinds"].tolist(), saved["ids"].tolist(), strict=True)
        return World(
            seed,
            customers,
            recent_from,
            log_from,
            day=day,
            next_ids=dict(ids),
            queues=queues,
            logs=logs,
            **{name: kind(**parts[name]) for name, kind in _PARTS.items()},
        )

"""The executor that warms its workers up."""

import importlib.util
import sys
from typing import Any

import pytest

from warehouse.airflow.environment import EXECUTOR


@pytest.fixture(scope="module")
def executor(airflow_variables: dict[str, str]) -> Any:  # noqa: ARG001
    module, _, name = EXECUTOR.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_the_workers_start_after_the_libraries_are_there(
    executor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules[executor.__module__]
    there: list[bool] = []
    local = executor.__bases__[0]
    monkeypatch.setattr(local, "start", lambda _: there.append("colorsys" in sys.modules))
    monkeypatch.setattr(module, "LIBRARIES", ("no_such_library", "colorsys"))
    executor().start()
    assert there == [True]


def test_every_library_it_warms_up_is_installed(executor: Any) -> None:
    for library in sys.modules[executor.__module__].LIBRARIES:
        assert importlib.util.find_spec(library.partition(".")[0]), library

import sys

import pytest

from warehouse.lazy import import_on_use


def test_a_module_is_imported_when_something_of_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    import_on_use("colorsys")
    placeholder = sys.modules["colorsys"]
    assert not hasattr(placeholder, "__file__")
    assert placeholder.rgb_to_hsv(1, 1, 1) == (0.0, 0.0, 1)
    assert sys.modules["colorsys"] is not placeholder


def test_a_module_that_is_there_stays() -> None:
    import_on_use("json")
    assert sys.modules["json"].loads("1") == 1

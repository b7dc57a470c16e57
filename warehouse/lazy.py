"""Modules that are imported when something of them is first used.

Great Expectations imports SciPy's statistics and Altair for expectations and plots that no suite
here asks for: half of the time its import takes.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

UNUSED_BY_GUARDS = ("altair", "scipy.stats")


def import_on_use(*names: str) -> None:
    """Puts a placeholder for each module that is not imported yet; it becomes the module on use."""
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = _placeholder(name)


def _placeholder(name: str) -> ModuleType:
    placeholder = ModuleType(name)

    def load(attribute: str) -> Any:
        # Who goes through all modules, as `inspect` does, asks each for its file: that is no use.
        if attribute.startswith("__") and attribute != "__path__":
            raise AttributeError(attribute)
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    placeholder.__getattr__ = load  # type: ignore[method-assign]
    return placeholder

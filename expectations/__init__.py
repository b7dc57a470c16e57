"""The three guards of the walk."""

from warehouse.lazy import UNUSED_BY_GUARDS, import_on_use

import_on_use(*UNUSED_BY_GUARDS)

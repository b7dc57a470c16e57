"""What stands in for dbt's context when sqlfluff lints: no dbt, no database.

Every macro of the project becomes a word, or a query where it renders one; the policy is real,
because models loop over its lists.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[1]
_QUERIES = {
    "alternates", "consent_grants", "days_settled", "fact_from_feed", "feature_dates",
    "feed_sources", "keys_so_far", "list_candidates", "loads_read", "relinked", "rows_so_far",
    "union_feed", "versions_from_feed",
}  # fmt: skip
_POLICY = yaml.safe_load((_PROJECT.parent / "policy.yml").read_text(encoding="utf-8"))


def _stand_in(name: str) -> Callable[..., str]:
    text = "select placeholder.* from placeholder" if name in _QUERIES else f"{name}_rendered"
    return lambda *_, **__: text


for _file in sorted((_PROJECT / "macros").glob("*.sql")):
    for _name in re.findall(r"{%-? macro (\w+)\(", _file.read_text(encoding="utf-8")):
        globals()[_name] = _stand_in(_name)


def split_values(column: str, alias: str) -> str:
    """Renders a join, as the macro does."""
    return f"cross join lateral unnest({column}) as {alias} (value)"


def elements(column: str, alias: str) -> str:
    """Renders a join, as the macro does."""
    return split_values(column, alias)


def list_channels() -> list[str]:
    """Returns channels, as the macro does."""
    return ["one_channel", "another_channel"]


def staging_models() -> list[str]:
    """Returns staging models, as the macro does."""
    return ["stg_shop__baskets", "stg_crm__demographics"]


def raw_tables() -> list[Any]:
    """Returns no tables, as the macro does while dbt parses."""
    return []


def var(name: str) -> Any:
    """Returns a variable; outside of macros only the policy is read."""
    return {"policy": _POLICY}[name]

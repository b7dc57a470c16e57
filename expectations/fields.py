"""What a field's value is worth, as SQL: whether it is filled in, a placeholder, like another."""

from collections.abc import Mapping

from phonenumbers import country_code_for_region
from psycopg import sql

from warehouse.catalog import FieldKind
from warehouse.policy import Policy

# Two values are alike if these are equal. A phone loses what people write differently: marks, the
# country's number and leading zeros; a date its marks, with two digits for day and month. What
# translate can do is not left to regular expressions: they would be most of the cost.
_DIGITS = "translate({0}, translate({0}, '0123456789', ''), '')"
_NORMAL: Mapping[FieldKind, str] = {
    "phone": f"ltrim(regexp_replace(ltrim({_DIGITS}, '0'), {{country}}, ''), '0')",
    "birth_date": _DIGITS.format("regexp_replace({0}, '(?<!\\d)(\\d)(?!\\d)', '0\\1', 'g')"),
}
_WITHOUT_SPACES = "lower(translate({0}, E' \\t\\r\\n\\u00a0\\u3000', ''))"


def value_of(column: str, kind: str) -> str:
    """Returns the SQL of a column's value, null where nothing is filled in.

    The catalog allows letters, digits and underscores in a column's name, so quotes suffice.
    """
    return f"nullif(btrim(\"{column}\"), '')" if kind == "text" else f'"{column}"'


def normal(value: sql.Composable, kind: FieldKind, policy: Policy) -> sql.Composable:
    """Returns the form in which values of a kind are compared, null where nothing is left of it."""
    country = country_code_for_region(policy.identity.country)
    form = sql.SQL(_NORMAL.get(kind, _WITHOUT_SPACES)).format(
        sql.SQL("cast({} as text)").format(value), country=sql.Literal(f"^{country}")
    )
    return sql.SQL("nullif({}, '')").format(form)


def placeholders(kind: FieldKind, policy: Policy) -> list[sql.Composable]:
    """Returns the values, in normal form, that people type for want of one of a kind.

    A birth date written with a year of two digits is never among them: its century is not known.
    """
    known = policy.placeholders
    typed: Mapping[FieldKind, tuple[object, ...]] = {
        "person_name": known.names,
        "phone": known.phones,
        "email": known.emails,
        "birth_date": known.birth_dates,
    }
    return [normal(sql.Literal(str(value)), kind, policy) for value in typed.get(kind, ())]


def is_placeholder(
    value: sql.Composable, kind: FieldKind | None, policy: Policy
) -> sql.Composable | None:
    """Returns the condition that a value is a placeholder; None: there are none of its kind."""
    known = placeholders(kind, policy) if kind else []
    if kind is None or not known:
        return None
    return sql.SQL("{} in ({})").format(normal(value, kind, policy), sql.SQL(", ").join(known))

"""How two records are compared: Splink's settings, made of the levels here and trained weights.

A comparison has levels, the most alike first. Fellegi and Sunter (1969) weigh a level by m, how
often two records of one person fall into it, and u, how often those of two strangers do. But most
pairs that look alike and are not one person are no strangers: they live together, share a phone and
a name, and twins share a birth date. Against strangers alone each of these would count in full. So
there is a third weight h, how often the records of two people of one household fall into the level,
and a pair is one person only when that explains it better than both others.

The weights come from `train.py`, or from `builtin_weights.json` until something was trained.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log2
from typing import Any, Literal

_BOTH_HANGUL = "(is_hangul_l and is_hangul_r)"
_LETTERS_ALIKE = (
    "greatest(jaro_winkler_similarity(name_flat_l, name_flat_r),"
    " jaro_winkler_similarity(name_flat_l, name_turned_r),"
    " jaro_winkler_similarity(name_turned_l, name_flat_r))"
)
# Of one family, by given names without a syllable in common. Brothers and sisters often share one.
_GIVEN_APART = (
    "name_written_l[1] = name_written_r[1] and len(list_intersect("
    "string_split(name_written_l[2:], ''), string_split(name_written_r[2:], ''))) = 0"
)
_BOTH_LATIN = "(not is_hangul_l and not is_hangul_r)"
# The same, or with one slip. The first test is there to save most pairs the edit distance.
_SAME_DISTRICT = (
    "jaro_winkler_similarity(postcode_l, postcode_r) >= 0.8"
    " and damerau_levenshtein(postcode_l, postcode_r) <= 1"
)
_WORDS_SHARED = (
    "len(list_intersect(address_parts_l, address_parts_r))"
    " / least(len(address_parts_l), len(address_parts_r))"
)
# One address, of which the part behind the @ was mistyped once.
_MISTYPED_DOMAIN = "mail_name_l = mail_name_r and damerau_levenshtein(email_l, email_r) <= 1"
_ADDRESS_ALIKE = "jaro_winkler_similarity(address_words_l, address_words_r)"

# The share of records whose phone, mail or home is also a stranger's: handed on, or mistyped. What
# households are and how often strangers meet cannot be told apart by the pairs alone, as either
# explains one equal value; so this, and what households share (their h), is taken as known, and how
# many households there are is fitted.
HANDED_ON = 0.02


@dataclass(frozen=True)
class Level:
    """One way two records may agree in a field.

    Attributes:
        name: how the weights call it.
        condition: SQL over the columns of `standard` with `_l` and `_r`.
        agreement: True where the field speaks for one person, False against, None neither.
        is_coincidence: two strangers agree in it only where a value was handed on.
    """

    name: str
    condition: str
    agreement: bool | None
    is_coincidence: bool = False


@dataclass(frozen=True)
class Comparison:
    """A field, when it is unknown, and the levels of its likeness; the last one is all else."""

    field: str
    is_unknown: str
    levels: Sequence[Level]


COMPARISONS: Sequence[Comparison] = (
    Comparison(
        "name",
        "name_written_l is null or name_written_r is null",
        (
            Level("equal", "name_written_l = name_written_r", True),
            # Two names in Hangul that only sound alike are two names.
            Level(
                "same_sound",
                "list_has_any(name_sounds_l, name_sounds_r)"
                f" and (not {_BOTH_HANGUL} or name_sound_l != name_sound_r)",
                True,
            ),
            Level(
                "close",
                f"({_BOTH_LATIN} and {_LETTERS_ALIKE} >= 0.92) or (not {_BOTH_HANGUL}"
                " and levenshtein(name_sound_l, name_sound_r) <= 1 and len(name_sound_l) >= 6)",
                True,
            ),
            Level("family_name", f"{_BOTH_HANGUL} and {_GIVEN_APART}", False),
            Level(
                "part",
                f"list_has_any(name_parts_l, name_parts_r)"
                f" or ({_BOTH_LATIN} and {_LETTERS_ALIKE} >= 0.8)",
                None,
            ),
            Level("different", "ELSE", False),
        ),
    ),
    Comparison(
        "phone",
        "phones_l is null or phones_r is null",
        (
            Level("equal", "list_has_any(phones_l, phones_r)", True, is_coincidence=True),
            Level("one_digit", "jaro_winkler_similarity(phone_l, phone_r) >= 0.95", None),
            Level("different", "ELSE", False),
        ),
    ),
    Comparison(
        "email",
        "mail_names_l is null or mail_names_r is null",
        (
            Level(
                "equal",
                f"list_has_any(emails_l, emails_r) or ({_MISTYPED_DOMAIN})",
                True,
                is_coincidence=True,
            ),
            Level("same_name", "list_has_any(mail_names_l, mail_names_r)", True),
            Level("close", "jaro_winkler_similarity(mail_name_l, mail_name_r) >= 0.95", None),
            Level("different", "ELSE", False),
        ),
    ),
    Comparison(
        "birth_date",
        "birth_l is null or birth_r is null",
        (
            Level("equal", "birth_l = birth_r", True),
            Level(
                "slip",
                "hamming(birth_l, birth_r) <= 1"
                " or birth_l = birth_r[:4] || birth_r[7:] || birth_r[5:6]",
                True,
            ),
            Level("two_digits", "hamming(birth_l, birth_r) <= 2", None),
            Level("different", "ELSE", False),
        ),
    ),
    Comparison(
        "address",
        "(address_words_l is null and postcode_l is null)"
        " or (address_words_r is null and postcode_r is null)",
        (
            Level("equal", f"address_words_l = address_words_r and {_SAME_DISTRICT}", True),
            Level("most", f"{_ADDRESS_ALIKE} >= 0.9 and {_SAME_DISTRICT}", True),
            Level("words", f"{_ADDRESS_ALIKE} >= 0.9", True),
            Level("half", f"{_SAME_DISTRICT} and {_WORDS_SHARED} >= 0.6", True),
            Level("some", f"{_SAME_DISTRICT} and {_WORDS_SHARED} >= 0.3", None),
            Level("postcode", _SAME_DISTRICT, None),
            Level("few", f"{_WORDS_SHARED} >= 0.4", None),
            Level("different", "ELSE", False),
        ),
    ),
    Comparison(
        "house_number",
        "house_numbers_l is null or house_numbers_r is null",
        (
            Level("equal", "house_numbers_l = house_numbers_r", True),
            Level(
                "contained",
                "list_has_all(house_numbers_l, house_numbers_r)"
                " or list_has_all(house_numbers_r, house_numbers_l)",
                True,
            ),
            Level("one", "list_has_any(house_numbers_l, house_numbers_r)", None),
            Level("different", "ELSE", False),
        ),
    ),
)

# The columns of `standard` that a comparison reads beside the lists.
COMPARED_COLUMNS = (
    "name_written", "name_flat", "name_turned", "name_sound", "name_parts", "is_hangul",
    "name_sounds", "phone", "phones", "email", "mail_name", "emails", "mail_names", "birth",
    "postcode", "address_parts", "address_words", "house_numbers",
)  # fmt: skip


@dataclass(frozen=True)
class Weight:
    """How often two records fall into a level: of one person, of two strangers, of a household."""

    m: float
    u: float
    h: float


@dataclass(frozen=True)
class Weights:
    """What was learned.

    Attributes:
        levels: by field and name of the level.
        matches_per_record: pairs of one person, for each record.
        housemates_per_record: pairs of two people of one household, for each record.
        name_frequencies: the share of the records that have a name, by its sound.
        rare_name: the share taken for a name that is not among them.
    """

    levels: Mapping[str, Mapping[str, Weight]]
    matches_per_record: float
    housemates_per_record: float
    name_frequencies: Mapping[str, float]
    rare_name: float

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Weights":
        """Returns the weights of a document that `to_json` made."""
        levels = {
            field: {name: Weight(**weight) for name, weight in levels.items()}
            for field, levels in document["levels"].items()
        }
        return cls(**{**document, "levels": levels})

    @property
    def are_of_these_levels(self) -> bool:
        """Whether they were learned of the levels that are compared now."""
        return {field: set(levels) for field, levels in self.levels.items()} == {
            comparison.field: {level.name for level in comparison.levels}
            for comparison in COMPARISONS
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the weights in JSON's own types."""
        return asdict(self)


def partners(records: int) -> float:
    """Returns how many pairs there are for each record, roughly: the number is a power of two.

    The chance that two records taken at random are one person falls with it. Rounded, it stays the
    same from night to night, so what was weighed earlier need not be weighed again.
    """
    return 2.0 ** (round(log2(max(records, 2))) - 1)


def chance(per_record: float, partners: float) -> float:
    """Returns the share of all pairs of which each record has `per_record`."""
    return min(per_record / partners, 0.5)


def settings(weights: Weights, partners: float) -> dict[str, Any]:
    """Returns Splink's settings to weigh pairs, of which each record has so many."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record",
        "probability_two_random_records_match": chance(weights.matches_per_record, partners),
        "blocking_rules_to_generate_predictions": [],
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
        "comparisons": [
            {
                "output_column_name": comparison.field,
                "comparison_levels": [
                    {
                        "sql_condition": comparison.is_unknown,
                        "label_for_charts": "unknown",
                        "is_null_level": True,
                    },
                    *(
                        _level(comparison.field, level, weights.levels[comparison.field], partners)
                        for level in comparison.levels
                    ),
                ],
            }
            for comparison in COMPARISONS
        ],
    }


def likeness(pairs: str) -> str:
    """SQL for the levels of pairs: record_l, record_r and the name of the level by field.

    Args:
        pairs: a table with record_l and record_r.
    """
    columns = ", ".join(
        f"one.{name} as {name}_l, other.{name} as {name}_r" for name in COMPARED_COLUMNS
    )
    levels = []
    for comparison in COMPARISONS:
        *tried, rest = comparison.levels
        cases = " ".join(f"when {level.condition} then '{level.name}'" for level in tried)
        levels.append(
            f"case when {comparison.is_unknown} then 'unknown' {cases} else '{rest.name}' end"
            f" as {comparison.field}"
        )
    return f"""
        select record_l, record_r, {", ".join(levels)}
        from (
            select pairs.record_l, pairs.record_r, {columns}
            from {pairs} as pairs
            inner join standard as one on pairs.record_l = one.record
            inner join standard as other on pairs.record_r = other.record
        ) as compared
    """


def weight_against(
    weights: Weights, others: Literal["strangers", "household"], partners: float
) -> str:
    """SQL, over a row of `likeness`: log2 of how much likelier one person is than the others."""
    matches = chance(weights.matches_per_record, partners)
    if others == "strangers":
        terms = [f"{log2(matches / (1 - matches))}"]
    else:
        terms = [f"{log2(matches / chance(weights.housemates_per_record, partners))}"]
    for comparison in COMPARISONS:
        known = weights.levels[comparison.field]
        cases = " ".join(
            f"when '{level.name}' then {log2(known[level.name].m / rate)}"
            for level in comparison.levels
            for rate in (
                strangers_rate(level, known[level.name], partners)
                if others == "strangers"
                else known[level.name].h,
            )
        )
        terms.append(f"case {comparison.field} {cases} else 0.0 end")
    return " + ".join(terms)


def strangers_rate(level: Level, weight: Weight, partners: float) -> float:
    """Returns how often two strangers fall into a level."""
    return HANDED_ON / (2 * partners) if level.is_coincidence else weight.u


def _level(
    field: str, level: Level, weights: Mapping[str, Weight], partners: float
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "sql_condition": level.condition,
        "label_for_charts": level.name,
        "m_probability": weights[level.name].m,
        "u_probability": strangers_rate(level, weights[level.name], partners),
    }
    if level.name == "equal" and field == "name":
        # A name that many have says less.
        made["tf_adjustment_column"] = "name_sound"
        made["disable_tf_exact_match_detection"] = True
    return made

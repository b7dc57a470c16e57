"""`policy.yml`: every business number, validated on load.

The rooms get the validated object, dbt gets the same numbers as the variable `policy`.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import PolicyError
from warehouse.files import read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1, le=3650)]
Count = Annotated[int, Field(ge=1)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("an IANA time zone such as Asia/Seoul")
    return name


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OwnRhythm(_Section):
    """A window as long as `factor` of the person's own average gaps, within bounds."""

    factor: Annotated[float, Field(ge=1, le=20)]
    min_days: Days
    max_days: Days

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "OwnRhythm":
        if self.min_days > self.max_days:
            raise ValueError("min_days not above max_days")
        return self


class Populations(_Section):
    """Who is live, lapsed or too new; prospects are those who never bought.

    Whose service contract ends within `contract_ends_within_days` is in none of them, but in the
    population `contract`; without the key there is no such population.
    """

    window: Literal["fixed", "own_rhythm"] = "fixed"
    live_within_days: Days
    own_rhythm: OwnRhythm | None = None
    min_orders: Count
    contract_ends_within_days: Days | None = None

    @model_validator(mode="after")
    def _says_how_to_follow_the_rhythm(self) -> "Populations":
        if self.window == "own_rhythm" and self.own_rhythm is None:
            raise ValueError("own_rhythm with factor, min_days and max_days for this window")
        return self


class LeavingReasons(_Section):
    """What counts as evidence of why somebody left, around the last purchase."""

    before_days: Days
    after_days: Days
    min_price_rise: Share
    min_discounted_line_share: Share
    max_satisfaction: Annotated[int, Field(ge=1, le=5)]
    max_switching_discount_percent: Annotated[int, Field(ge=0, le=100)]


class Training(_Section):
    """How models learn and what they must show; counts are rows of (person, as_of_date)."""

    snapshot_count: Annotated[int, Field(ge=8, le=200)]
    snapshot_every_days: Days
    # Of contracts few end at once, and what comes of them is known late: more days, longer back.
    contract_snapshot_count: Annotated[int, Field(ge=8, le=200)] = 16
    test_snapshot_count: Annotated[int, Field(ge=1, le=50)]
    min_train_rows: Count
    min_class_rows: Count
    min_test_class_rows: Count
    max_calibration_error: Share
    experiment_days: Days
    search_trials: Annotated[int, Field(ge=1, le=200)]
    seed: int

    @model_validator(mode="after")
    def _leaves_something_to_learn_from(self) -> "Training":
        if self.test_snapshot_count >= self.snapshot_count:
            raise ValueError("test_snapshot_count smaller than snapshot_count")
        return self


class Abstention(_Section):
    """When a customer gets no score."""

    max_source_age_days: Days
    max_unknown_share: Share


class Watch(_Section):
    """When the watch over the scores raises its hand."""

    max_feature_psi: Annotated[float, Field(gt=0)]
    max_score_psi: Annotated[float, Field(gt=0)]
    max_outcome_gap: Share
    min_rows: Count


def _divide_all(classes: dict[str, float]) -> dict[str, float]:
    if abs(sum(classes.values()) - 1) > 1e-9:
        raise ValueError("shares that sum to 1")
    return classes


class ConsentGrant(_Section):
    """Consent declared by policy where a source holds none; the reason is shown with every list."""

    source: Slug
    channel: Slug
    reason: Annotated[str, Field(min_length=10)]


class Contact(_Section):
    """Who may be contacted, and who stands in the control group."""

    consent_grants: tuple[ConsentGrant, ...]
    min_days_between_contacts: Annotated[int, Field(ge=0, le=3650)]
    holdout_share: Annotated[float, Field(ge=0, le=0.5)]
    holdout_salt: Annotated[str, Field(min_length=1)]
    effect_days: Days
    withdrawal_days: Days
    do_not_wake_above: Share


class TargetList(_Section):
    """One list: whom it draws from, how it ranks, how long it is, what it offers."""

    population: Literal["live", "lapsed"]
    score: Literal["churn", "winback"]
    min_probability: Share
    max_rows: Count
    channel: Slug
    offer: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    offer_cost: Annotated[float, Field(ge=0)]
    rank_by: Literal["probability", "probability_times_value", "effect_times_value"]


class Checks(_Section):
    """Thresholds of the three guards."""

    max_rejected_share: Share
    min_volume_share: Share
    max_completeness_drop: Share
    min_judged_rows: Count
    max_person_drop_share: Share
    old_value_days: Days
    max_score_age_days: Annotated[int, Field(ge=0)]


class Placeholders(_Section):
    """Values people type where they know none. They are no evidence and count as not filled in."""

    names: tuple[str, ...]
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    birth_dates: tuple[date, ...]


class Identity(_Section):
    """When two records are one person, when somebody must look, and what is too much."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    link_probability: Annotated[float, Field(gt=0.5, lt=1)]
    review_probability: Annotated[float, Field(gt=0, lt=1)]
    max_cluster_records: Annotated[int, Field(ge=2)]
    max_value_records: Annotated[int, Field(ge=2)]
    sampled_pairs: Count

    @model_validator(mode="after")
    def _reviews_below_links(self) -> "Identity":
        if self.review_probability >= self.link_probability:
            raise ValueError("review_probability smaller than link_probability")
        return self


class Survivor(_Section):
    """Which record of a person a group of attributes is taken from, whole."""

    rule: Literal["source_priority", "most_recent", "most_complete"]
    sources: tuple[Slug, ...] = ()

    @model_validator(mode="after")
    def _names_sources(self) -> "Survivor":
        if self.rule == "source_priority" and not self.sources:
            raise ValueError("sources, the most trusted first, where the rule is source_priority")
        return self


class Survivorship(_Section):
    """The rule of each group. Consent has none: the strictest wins, always."""

    name: Survivor
    phone: Survivor
    email: Survivor
    address: Survivor
    birth_date: Survivor


class Publishing(_Section):
    """Where lists go: fsspec URLs; `{home}` stands for the installation's own folder."""

    targets: Annotated[tuple[str, ...], Field(min_length=1)]


class Policy(_Section):
    """The whole of `policy.yml`."""

    version: Literal[1]
    company: str
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    language: Literal["en", "ko"]
    populations: Populations
    leaving_reasons: LeavingReasons
    horizon_days: Days
    training: Training
    abstention: Abstention
    watch: Watch
    # Names, the most valuable class first, with their shares of the customers.
    value_classes: Annotated[dict[Slug, Share], Field(min_length=2), AfterValidator(_divide_all)]
    contact: Contact
    lists: Annotated[dict[Slug, TargetList], Field(min_length=1)]
    placeholders: Placeholders
    identity: Identity
    survivorship: Survivorship
    checks: Checks
    publishing: Publishing

    @property
    def tz(self) -> ZoneInfo:
        """The business time zone."""
        return ZoneInfo(self.time_zone)


def load_policy(path: Path) -> Policy:
    """Returns the validated policy.

    Raises:
        PolicyError: names the key, the value found and what is allowed.
    """
    try:
        document: Any = read_yaml(path)
    except FileNotFoundError:
        raise PolicyError(
            f"Policy file {path} is missing.", "Restore it, or point POLICY_FILE to yours."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise PolicyError(f"{path.name}{place} is not YAML.", "Correct the line.") from None
    if not isinstance(document, dict):
        raise PolicyError(f"{path.name} holds no keys.", "Restore it from the repository.")
    try:
        # JSON mode lets YAML's lists become tuples while `strict` still refuses "7" for 7.
        return Policy.model_validate_json(_to_json(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]") or "policy"
        if first["type"] == "extra_forbidden":
            section = _section_at(first["loc"][:-1])
            allowed = ", ".join(sorted(section.model_fields)) if section else "the documented keys"
            raise PolicyError(
                f"{path.name}: unknown key {key}.", f"Allowed here: {allowed}."
            ) from None
        if first["type"] == "missing":
            raise PolicyError(f"{path.name}: key {key} is missing.", f"Add {key}.") from None
        raise PolicyError(
            f"{path.name}: {key} is {_shown(first['input'])}.",
            f"Allowed: {_allowed(first['msg'])}.",
        ) from None


def _to_json(document: dict[str, Any]) -> str:
    import json

    return json.dumps(document, default=str)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _allowed(message: str) -> str:
    for lead in ("Value error, ", "Input should be ", "String should "):
        message = message.removeprefix(lead)
    return message


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Returns the section model that the keys of `location` lead to, to name its fields."""
    sections: dict[str, type[BaseModel]] = {
        "populations": Populations,
        "own_rhythm": OwnRhythm,
        "leaving_reasons": LeavingReasons,
        "training": Training,
        "abstention": Abstention,
        "watch": Watch,
        "contact": Contact,
        "lists": TargetList,
        "placeholders": Placeholders,
        "identity": Identity,
        "survivorship": Survivorship,
        "checks": Checks,
        "publishing": Publishing,
        "consent_grants": ConsentGrant,
    }
    names = [part for part in location if isinstance(part, str) and part in sections]
    return sections[names[-1]] if names else (None if location else Policy)

"""Errors a person can act on: what was found, where, and what to do, in one line.

Every error that is somebody's to mend derives from `LivingCrmError`. The command line prints it as
one line and exits with its `exit_code`; an Airflow task fails with the same line.
"""


class LivingCrmError(Exception):
    """A fault with a remedy.

    Args:
        what: what was found, naming the thing and its value; never a secret or a personal field.
        remedy: what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str) -> None:
        self.what = " ".join(what.split())
        self.remedy = " ".join(remedy.split())
        super().__init__(f"{self.what} Remedy: {self.remedy}")

    def __reduce__(self) -> tuple[type["LivingCrmError"], tuple[str, str]]:
        """Lets the error travel between processes."""
        return type(self), (self.what, self.remedy)


class SettingsError(LivingCrmError):
    """A setting, argument or environment variable is wrong."""

    exit_code = 2


class PolicyError(LivingCrmError):
    """`policy.yml` does not validate."""

    exit_code = 2


class WarehouseError(LivingCrmError):
    """The warehouse server cannot be started, reached or used."""


class SourceError(LivingCrmError):
    """A source system cannot be reached, is missing something, or changed its shape."""


class BuildError(LivingCrmError):
    """A dbt build failed."""


class GuardBlocked(LivingCrmError):
    """A guard found data that must not go on."""

    exit_code = 3


class TooLittleData(LivingCrmError):
    """A model cannot be trained honestly; says what is missing and how much would do.

    Raised by the feasibility check only; the walk goes on with the rule.
    """


class UnsoundData(LivingCrmError):
    """What a model would learn from is not what it seems: leaked, constant or unknown.

    As with too little data, training is refused and the walk goes on with what is in force.
    """


class ModelError(LivingCrmError):
    """A model artefact is missing, corrupt or does not fit the features."""


class PublishError(LivingCrmError):
    """A list could not be published, or was already published with other contents."""

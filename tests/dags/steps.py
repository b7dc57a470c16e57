"""Steps of a walk too small to be wrong: what a test makes them do is said in their arguments."""

from warehouse.context import RunContext, StepReport
from warehouse.errors import GuardBlocked, SourceError


def succeed(context: RunContext) -> StepReport:
    return StepReport(rows=context.as_of.day)


def block(context: RunContext) -> StepReport:
    raise GuardBlocked(f"1 of 1 checks failed on {context.as_of}.", "Look at the checks.")


def miss_source(context: RunContext) -> StepReport:
    raise SourceError(f"Nothing came for {context.as_of}.", "Ask the source's owner.")

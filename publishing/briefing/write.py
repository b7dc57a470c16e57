"""Writes the morning's briefing: one self-contained HTML page a night, good or bad."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from publishing.briefing.facts import Facts, gather
from publishing.briefing.words import WORDS
from warehouse.context import RunContext, StepReport
from warehouse.policy import Policy

_DATA_DOCS = ("raw", "customers", "lists", "vitality")


def write(context: RunContext) -> StepReport:
    """Writes the page of the day in the place of an earlier one.

    Works whatever happened: what the night did not reach is said to be missing.

    Returns:
        The number of people to contact in the lists made today.
    """
    facts = gather(context)
    docs = context.settings.docs_dir
    doors = [door for door in _DATA_DOCS if (docs / "data_docs" / door / "index.html").exists()]
    path = page_path(context)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(render(facts, context.policy, doors), encoding="utf-8")
    unfinished.replace(path)
    return StepReport(
        rows=sum(item.today["contacts"] for item in facts.lists if item.today),
        facts={
            "verdict": facts.verdict,
            "failed_checks": len(facts.failed_checks),
            "page": path.relative_to(context.settings.living_crm_home).as_posix(),
        },
    )


def page_path(context: RunContext) -> Path:
    """Returns where the page of the day stands."""
    return context.settings.docs_dir / "briefings" / f"{context.as_of}.html"


def render(facts: Facts, policy: Policy, doors: list[str]) -> str:
    """Returns the page; everything that comes from data is escaped.

    Args:
        doors: the guards whose Data Docs are there to link to.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2").render(
        facts=facts,
        words=WORDS[policy.language],
        language=policy.language,
        company=policy.company,
        currency=policy.currency,
        doors=doors,
    )

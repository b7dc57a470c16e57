"""The briefing tells what happened, on a good night and above all on a bad one."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import psycopg
import pytest

from publishing.briefing.words import WORDS
from publishing.briefing.write import page_path, write
from publishing.publish import publish
from tests.expectations import night
from warehouse import ledger
from warehouse.context import RunContext
from warehouse.policy import ConsentGrant

RAN = (
    "load_campaigns", "load_crm", "load_shop", "check_raw", "standardise", "identify", "model",
    "check_customers", "score", "choose", "check_lists", "publish",
)  # fmt: skip


def record_steps(context: RunContext, steps: tuple[str, ...], failed: str | None = None) -> None:
    with psycopg.connect(context.url) as connection:
        ledger.begin_run(connection, context.run_id, context.as_of, "customer_nightly")
        for step in steps:
            room = "load" if step.startswith("load_") else step
            ledger.begin_step(connection, context.run_id, step, room)
            ledger.end_step(
                connection,
                context.run_id,
                step,
                "failed" if step == failed else "success",
                row_count=1234,
                message="Guard raw: too old. Remedy: see <docs>." if step == failed else None,
            )


def page(context: RunContext) -> str:
    """Returns the page's text as a reader sees it."""
    body = page_path(context).read_text(encoding="utf-8").partition("<main>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def published_night(checked_night: RunContext) -> RunContext:
    with psycopg.connect(checked_night.url) as connection:
        connection.execute(
            """
            insert into ops.source_status
                (as_of_date, source, table_name, age_hours, promised_within_hours, rows_loaded,
                rows_rejected, rows_of_day, usual_rows_of_day, status)
            values
            ('2017-11-30', 'shop', 'baskets', 0.36, 24, 366, 0, 366, 381, 'fresh'),
            ('2017-11-30', 'crm', 'demographics', 96, 168, 0, 0, 0, 0, 'fresh');
            insert into ml.training_runs values
            ('winback', '2017-11-26', 'refused', null,
                'only 41 lapsed persons came back, 100 are needed', '{}'),
            ('contact_effect', '2017-11-26', 'refused', null,
                'The history holds no experiment.', '{}');
            insert into ml.contact_effects
                (as_of_date, person_id, harm_version, harm, is_do_not_wake)
            values
            ('2017-11-30', 'P0001', 'v1', 0.3, true), ('2017-11-30', 'P0002', 'v1', 0, false);
            """
        )
    record_steps(checked_night, RAN)
    publish(checked_night)
    return checked_night


def test_a_good_night_is_told_whole(published_night: RunContext) -> None:
    report = write(published_night)
    told = page(published_night)
    assert (report.rows, report.facts["verdict"]) == (135, "good")
    for sentence in (
        WORDS["en"]["good"],
        "today's list, 90 rows, revision 1",
        "To contact 90 Held out as control group 10",
        "no consent (90): granted by the policy, not given by the customers",
        "rhythm_broken 100",
        "Ranked by propensity",
        "known of 0 persons. It drives 1 away: they are on no list.",
        "contact_effect, 2017-11-26: Refused. The history holds no experiment.",
        "churn 28 model 20171116-1: probabilities checked against what happened 120 0 none yet",
        "winback 28 a simple rule (rule-1): ranks, not probabilities 60 0"
        " 2017-11-26: Refused. only 41",
        "shop.baskets fresh 0.4 24 366 0 366 381",
        "Checks run: 1, none failed.",
        "live 120 +0",
        "(by exact_key) Source Records shop crm 40 100.0%",
        "200 persons, 3 of them known from name lists alone.",
        "By 200 drawn pairs that were judged, with 95 % intervals:"
        " 99.5% of the links are right (96.4% to 99.9%)"
        " 97.0% of the true links are found (91.0% to 100.0%)",
        "check_lists done 1,234",
    ):
        assert sentence in told


def test_who_is_small_today_and_large_tomorrow_is_counted(published_night: RunContext) -> None:
    with psycopg.connect(published_night.url) as connection:
        connection.execute(
            """
            insert into ml.customer_values
            select '2017-11-30', 'P' || number, 'rule-1', 'rule', 365, 9, 1, 20, 9, 2,
                case when number <= 3 then 'prime' else 'standard' end, 'standard', number <= 3
            from generate_series(1, 40) as number
            """
        )
    write(published_night)
    assert "Small today, large tomorrow: 3 of 40 customers" in page(published_night)


def test_the_page_holds_no_person_and_needs_nothing_from_outside(
    published_night: RunContext,
) -> None:
    write(published_night)
    source = page_path(published_night).read_text(encoding="utf-8")
    assert "household 0" not in source
    assert not re.search(r"\bP0\d{3}\b", source)
    assert not re.search(r"https?://|<script|<img|url\(|@import", source)


def test_a_stopped_night_names_the_failure_and_the_lists_still_in_force(
    published_night: RunContext,
) -> None:
    tomorrow = replace(published_night, as_of=date(2017, 12, 1), run_id="next")
    record_steps(tomorrow, RAN[:4], failed="check_raw")
    with psycopg.connect(tomorrow.url) as connection:
        connection.execute(
            """
            insert into ops.check_results values
            ('2017-12-01', 'raw', 'raw.shop.baskets.freshness', 'raw.sources', 'raw_shop.baskets',
                'shop_baskets_age_hours', 'block', false, '24.4', 'at most 24 h')
            """
        )
    assert write(tomorrow).facts["verdict"] == "stopped"
    told = page(tomorrow)
    for sentence in (
        f"{WORDS['en']['stopped']} check_raw FAILED : Guard raw: too old. Remedy: see <docs>.",
        f"the list of {night.AS_OF}, 90 rows, revision 1",
        "No list was made for this day.",
        "Nobody was scored on this day.",
        "raw.shop.baskets.freshness stops the walk 24.4 at most 24 h docs/runbooks/raw_fresh",
        "check_raw FAILED 1,234 0.0 Guard raw: too old. Remedy: see <docs>.",
        "publish not reached",
    ):
        assert sentence in told


def test_a_first_night_that_broke_at_once_still_has_its_page(
    context_for: Callable[[date], RunContext], tmp_path: Path
) -> None:
    context = context_for(night.AS_OF)
    context = replace(
        context, settings=context.settings.model_copy(update={"living_crm_home": tmp_path})
    )
    record_steps(context, ("load_shop",), failed="load_shop")
    write(context)
    told = page(context)
    assert "no list has been published yet" in told
    assert "The sources were not judged." in told
    assert "No check has run." in told


def test_where_nobody_judged_a_pair_no_share_of_right_links_is_claimed(
    published_night: RunContext,
) -> None:
    with psycopg.connect(published_night.url) as connection:
        connection.execute(
            "update identity.link_quality set labelled_pairs = 0, precision_estimate = null,"
            " recall_estimate = null"
        )
    write(published_night)
    told = page(published_night)
    assert WORDS["en"]["links_unjudged"] in told
    assert "of the links are right" not in told


def test_a_failed_load_alone_marks_the_night(published_night: RunContext) -> None:
    record_steps(published_night, RAN, failed="load_crm")
    assert write(published_night).facts["verdict"] == "marked"


def test_what_comes_from_data_or_policy_is_escaped(published_night: RunContext) -> None:
    attack = "<script>alert(1)</script>"
    with psycopg.connect(published_night.url) as connection:
        connection.execute(
            "update activation.target_list_entries set reason_1 = %(it)s, consent_basis = %(it)s",
            {"it": attack},
        )
    contact = published_night.policy.contact.model_copy(
        update={
            "consent_grants": (ConsentGrant(source="shop", channel="direct_mail", reason=attack),)
        }
    )
    policy = published_night.policy.model_copy(update={"contact": contact, "company": attack})
    write(replace(published_night, policy=policy))
    source = page_path(published_night).read_text(encoding="utf-8")
    assert attack not in source
    assert source.count("&lt;script&gt;") >= 4


def test_the_page_speaks_korean_when_the_policy_does(published_night: RunContext) -> None:
    policy = published_night.policy.model_copy(update={"language": "ko"})
    write(replace(published_night, policy=policy))
    source = page_path(published_night).read_text(encoding="utf-8")
    assert '<html lang="ko">' in source
    assert WORDS["ko"]["good"] in source


def test_both_languages_have_the_same_words() -> None:
    def places(text: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", text))

    assert WORDS["en"].keys() == WORDS["ko"].keys()
    for key, text in WORDS["en"].items():
        assert places(text) == places(WORDS["ko"][key])

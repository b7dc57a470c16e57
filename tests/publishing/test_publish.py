"""A list is published once, whole and to contacts only; all else leaves what is in force alone."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from publishing import ledger
from publishing.channels.files import UNFINISHED, Target
from publishing.publish import publish
from tests.expectations import night
from warehouse.context import RunContext
from warehouse.errors import PublishError

CHURN = f"{night.AS_OF}/churn_prevention.csv"
MANIFEST = f"{night.AS_OF}/churn_prevention.manifest.json"


def folder(context: RunContext) -> Path:
    return context.settings.lists_dir


def execute(context: RunContext, script: str) -> None:
    with psycopg.connect(context.url) as connection:
        connection.execute(script)


def entries(context: RunContext) -> list[tuple[Any, ...]]:
    with psycopg.connect(context.url) as connection:
        return connection.execute(
            "select list_name, revision, state, row_count from activation.publications"
            " order by as_of_date, list_name"
        ).fetchall()


def snapshot(context: RunContext) -> dict[str, tuple[bytes, int]]:
    """Returns every file's bytes and the time it was written."""
    root = folder(context)
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def rows(context: RunContext, path: str = CHURN) -> list[dict[str, str]]:
    text = (folder(context) / path).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def another_day(context: RunContext, day: date) -> RunContext:
    """Lays a copy of the night's lists on another day."""
    execute(
        context,
        f"""
        insert into activation.target_list_entries
        select date '{day}', list_name, person_id, rank, score, score_name, model_version,
            model_kind, is_calibrated, expected_value, ranked_by, reason_1, reason_2, reason_3,
            offer, channel, consent_basis, treatment_group, source_age_hours, trust
        from activation.target_list_entries where as_of_date = '2017-11-30';
        insert into ops.check_results
        select date '{day}', door, check_id, suite, table_name, column_name, severity, success,
            observed, expected
        from ops.check_results where as_of_date = '2017-11-30'
        """,
    )
    return replace(context, as_of=day)


def test_a_published_list_holds_the_contacts_in_rank_order_and_nobody_held_out(
    checked_night: RunContext,
) -> None:
    report = publish(checked_night)
    listed = rows(checked_night)
    assert report.rows == 135
    assert [int(row["rank"]) for row in listed] == [n for n in range(1, 101) if n % 10]
    assert listed[0]["contact_value"] == "household 0001"
    assert {row["consent_basis"] for row in listed} == {
        "demo grant, the published data holds no consent"
    }
    assert sorted(path.name for path in folder(checked_night).rglob("*") if path.is_file()) == [
        "churn_prevention.csv", "churn_prevention.manifest.json", "latest.json", "win_back.csv",
        "win_back.manifest.json",
    ]  # fmt: skip


def test_the_manifest_says_what_the_list_rests_on_and_no_clock_time(
    checked_night: RunContext,
) -> None:
    execute(
        checked_night,
        """
        insert into ops.source_status
            (as_of_date, source, table_name, age_hours, promised_within_hours, rows_loaded,
            rows_rejected, status)
        values ('2017-11-30', 'crm', 'demographics', 200.04, 168, 0, 0, 'stale')
        """,
    )
    publish(checked_night)
    content = (folder(checked_night) / CHURN).read_bytes()
    manifest = json.loads((folder(checked_night) / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["rows"], manifest["held_out"], manifest["horizon_days"]) == (90, 10, 28)
    assert manifest["models"] == [
        {"version": "20171116-1", "kind": "xgboost", "is_calibrated": True, "rows": 90}
    ]
    assert manifest["consent"]["granted_by_policy"] == [
        {"source": "shop", "reason": "demo grant, the published data holds no consent"}
    ]
    assert manifest["trust"] == {"ok": 90}
    assert manifest["sources"] == [
        {"source": "crm", "table": "demographics", "status": "stale", "age_hours": 200.0}
    ]


def test_publishing_again_writes_nothing(checked_night: RunContext) -> None:
    publish(checked_night)
    before = snapshot(checked_night)
    report = publish(replace(checked_night, run_id="another"))
    assert snapshot(checked_night) == before
    assert (report.facts["published"], report.facts["already_published"]) == (0, 2)


def test_a_list_from_nothing_comes_out_in_the_same_bytes(checked_night: RunContext) -> None:
    publish(checked_night)
    before = {path: content for path, (content, _) in snapshot(checked_night).items()}
    execute(checked_night, "delete from activation.publications")
    elsewhere = checked_night.settings.living_crm_home / "moved"
    settings = checked_night.settings.model_copy(update={"living_crm_home": elsewhere})
    again = replace(checked_night, settings=settings, run_id="another")
    publish(again)
    assert {path: content for path, (content, _) in snapshot(again).items()} == before


def test_other_contents_are_refused_and_the_published_list_stays(
    checked_night: RunContext,
) -> None:
    publish(checked_night)
    before = snapshot(checked_night)
    execute(checked_night, "update activation.target_list_entries set score = 0.5 where rank = 1")
    with pytest.raises(PublishError, match=f"living-crm publish --as-of {night.AS_OF} --replace"):
        publish(checked_night)
    assert snapshot(checked_night) == before
    assert entries(checked_night) == [
        ("churn_prevention", 1, "published", 90), ("win_back", 1, "published", 45),
    ]  # fmt: skip


def test_a_replacement_is_a_new_revision_of_the_changed_list_only(
    checked_night: RunContext,
) -> None:
    publish(checked_night)
    execute(
        checked_night,
        "delete from activation.target_list_entries"
        " where list_name = 'churn_prevention' and rank = 100;"
        "update activation.target_list_entries set treatment_group = 'holdout'"
        " where list_name = 'churn_prevention' and rank = 99",
    )
    publish(checked_night, replace=True)
    assert entries(checked_night) == [
        ("churn_prevention", 2, "published", 89), ("win_back", 1, "published", 45),
    ]  # fmt: skip
    latest = json.loads((folder(checked_night) / "latest.json").read_text(encoding="utf-8"))
    assert latest["lists_in_force"]["churn_prevention"]["revision"] == 2
    assert len(rows(checked_night)) == 89


@pytest.mark.parametrize("files_before_the_crash", [0, 1, 2, 3])
def test_a_publication_that_was_killed_is_finished_by_the_next_run(
    checked_night: RunContext, monkeypatch: pytest.MonkeyPatch, files_before_the_crash: int
) -> None:
    class Killed(BaseException):
        pass

    put = Target.put
    written: list[str] = []

    def put_until_killed(target: Target, path: str, content: bytes) -> None:
        if len(written) == files_before_the_crash:
            raise Killed
        written.append(path)
        put(target, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Target, "put", put_until_killed)
        with pytest.raises(Killed):
            publish(checked_night)
    assert "writing" in {state for _, _, state, _ in entries(checked_night)}
    publish(checked_night)
    assert {state for _, _, state, _ in entries(checked_night)} == {"published"}
    assert {revision for _, revision, _, _ in entries(checked_night)} == {1}
    assert len(rows(checked_night)) == 90


def test_contents_that_became_visible_before_a_crash_count_as_published(
    checked_night: RunContext,
) -> None:
    publish(checked_night)
    execute(
        checked_night,
        "update activation.publications set state = 'writing';"
        "update activation.target_list_entries set score = 0.5 where rank = 1",
    )
    with pytest.raises(PublishError, match="other contents"):
        publish(checked_night)


def test_a_lost_file_is_restored_and_an_edited_one_is_not_overwritten(
    checked_night: RunContext,
) -> None:
    publish(checked_night)
    path = folder(checked_night) / CHURN
    whole = path.read_bytes()
    path.unlink()
    assert publish(checked_night).facts["restored"] == 1
    assert path.read_bytes() == whole
    path.write_bytes(whole + b"called, no answer")
    with pytest.raises(PublishError, match="was changed after it was published"):
        publish(checked_night)
    assert path.read_bytes() == whole + b"called, no answer"


def test_the_lists_in_force_never_go_back_when_a_past_day_is_published(
    checked_night: RunContext,
) -> None:
    publish(checked_night)
    latest = folder(checked_night) / "latest.json"
    before = latest.read_bytes()
    publish(another_day(checked_night, date(2017, 11, 27)))
    assert latest.read_bytes() == before
    publish(another_day(checked_night, date(2017, 12, 1)))
    in_force = json.loads(latest.read_text(encoding="utf-8"))["lists_in_force"]
    assert {entry["as_of_date"] for entry in in_force.values()} == {"2017-12-01"}


def test_a_list_that_was_only_begun_is_not_in_force(checked_night: RunContext) -> None:
    publish(checked_night)
    latest = folder(checked_night) / "latest.json"
    before = latest.read_bytes()
    execute(
        checked_night,
        """
        insert into activation.publications
            (as_of_date, list_name, target, revision, checksum, row_count, state, run_id)
        select '2017-12-02', list_name, target, 1, 'none', 0, 'writing', 'killed'
        from activation.publications
        """,
    )
    publish(checked_night)
    assert latest.read_bytes() == before


def test_a_cell_never_begins_as_a_formula(checked_night: RunContext) -> None:
    starts = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]  # noqa: RUF001
    with psycopg.connect(checked_night.url) as connection:
        connection.execute(
            """
            update activation.target_list_entries
            set reason_1 = (%s::text[])[1 + rank %% 11] || 'cmd|'' /C calc''!A0'
            """,
            (starts,),
        )
    publish(checked_night)
    listed = rows(checked_night)
    assert {row["reason_1"] for row in listed} == {f"'{s}cmd|' /C calc'!A0" for s in starts}
    assert not any(cell.startswith(tuple(starts)) for row in listed for cell in row.values())


def test_korean_text_opens_in_excel_by_its_byte_order_mark(checked_night: RunContext) -> None:
    execute(
        checked_night,
        "update activation.target_list_entries set reason_1 = '마지막 구매 후 30일, \"평소\" 7일'",
    )
    publish(checked_night)
    assert (folder(checked_night) / CHURN).read_bytes().startswith(b"\xef\xbb\xbf")
    assert rows(checked_night)[0]["reason_1"] == '마지막 구매 후 30일, "평소" 7일'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("delete from ops.check_results", "were never checked"),
        (
            "update ops.check_results set severity = 'block', success = false",
            "failed 1 blocking checks",
        ),
        (
            "update pii.customer_contacts set consent_status = 'denied' where person_id < 'P0003'",
            "2 persons who refused contact",
        ),
    ],
)
def test_lists_that_may_not_go_out_are_not_written(
    checked_night: RunContext, script: str, said: str
) -> None:
    execute(checked_night, script)
    with pytest.raises(PublishError, match=said):
        publish(checked_night)
    assert not folder(checked_night).exists()
    assert entries(checked_night) == []


def to(context: RunContext, *targets: str) -> RunContext:
    publishing = context.policy.publishing.model_copy(update={"targets": targets})
    return replace(context, policy=context.policy.model_copy(update={"publishing": publishing}))


def test_every_target_gets_the_same_list_and_its_own_ledger_entry(
    checked_night: RunContext,
) -> None:
    context = to(checked_night, "file://{home}/lists", "memory://team")
    assert publish(context).facts["published"] == 4
    import fsspec

    filesystem = fsspec.filesystem("memory")
    content = filesystem.cat_file(f"/team/{CHURN}")
    assert content == (folder(context) / CHURN).read_bytes()
    assert not [path for path in filesystem.find("/team") if path.endswith(UNFINISHED)]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("carrier-pigeon://loft/lists", "No channel speaks carrier-pigeon://"),
        ("file://{home}/occupied/lists", "cannot write"),
    ],
)
def test_a_target_that_cannot_be_used_is_named_without_its_secret(
    checked_night: RunContext, target: str, said: str
) -> None:
    home = checked_night.settings.living_crm_home
    home.mkdir()
    (home / "occupied").write_text("a file where a folder should be")
    with pytest.raises(PublishError, match=said):
        publish(to(checked_night, target))
    assert {state for _, _, state, _ in entries(checked_night)} <= {"writing"}


def test_the_ledger_holds_no_password_of_a_target(checked_night: RunContext) -> None:
    publish(to(checked_night, "memory://someone:sesame@team/lists"))
    with psycopg.connect(checked_night.url) as connection:
        names = connection.execute("select distinct target from activation.publications").fetchall()
        in_force = ledger.in_force(connection, "memory://team/lists")
    assert names == [("memory://team/lists",)]
    assert set(in_force) == {"churn_prevention", "win_back"}


def test_contact_details_are_read_as_the_publisher_and_not_as_the_owner(
    checked_night: RunContext,
) -> None:
    execute(checked_night, "revoke select on pii.customer_contacts from living_crm_publisher")
    with pytest.raises(PublishError, match="living_crm_publisher may not read"):
        publish(checked_night)

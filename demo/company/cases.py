"""Calls: complaints and questions, answered by departments as fast as their staffing allows."""

from datetime import date

import numpy as np
import pyarrow as pa

from demo.company import assumptions, names, staffing
from demo.company.contracts import VALID
from demo.company.draws import Array, some, weighted, words
from demo.company.people import named
from demo.company.rows import Rows
from demo.company.seasons import times
from demo.company.world import World

TOPICS = ("delivery", "quality", "refund", "price", "service", "contract", "membership")
_DEPARTMENT_OF = np.array([0, 1, 2, 2, 3, 3, 2])  # the topic's index into DEPARTMENTS
SERVICE, CONTRACT = 4, 5
_WORDS = (
    ("배송이 늦었습니다.", "배송 상자가 파손되어 왔습니다.", "배송 상태를 알고 싶습니다."),
    ("제품에 흠집이 있습니다.", "며칠 쓰지 않았는데 고장 났습니다.", "원산지가 궁금합니다."),
    ("환불이 아직 들어오지 않았습니다.", "반품 처리가 늦습니다.", "환불 방법을 문의합니다."),
    ("가격이 너무 올랐습니다.", "행사 가격이 적용되지 않았습니다.", "할인 조건을 문의합니다."),
    ("기사님이 오지 않았습니다.", "수리 후에도 같은 증상입니다.", "방문 일정을 바꾸고 싶습니다."),
    ("요금이 계약과 다릅니다.", "계약 해지가 되지 않습니다.", "계약 만기일을 확인하고 싶습니다."),
    ("포인트가 사라졌습니다.", "등급이 잘못되었습니다.", "회원 정보 변경을 문의합니다."),
)  # fmt: skip
_NAME_STYLES = (0.9, 0.0, 0.0, 0.0, 0.03, 0.0, 0.05, 0.02)
_PHONE_STYLES = (0.55, 0.3, 0.0, 0.05, 0.03, 0.05, 0.02)


def live(world: World, day: date, rows: Rows) -> None:
    """Opens today's cases and answers those waiting, the oldest first."""
    if day.day == 1:
        staffing.plan(world.staffing, day, rows)
    _answer(world, day, rows)
    _call_about_contracts(world)
    _open(world, rows)


def _call_about_contracts(world: World) -> None:
    """Has some holders of contracts call about the service or the contract."""
    draw, signed = world.draw("contract calls"), world.contracts
    valid = np.flatnonzero((signed.state == VALID) & world.people.active[signed.person])
    who = signed.person[some(draw, valid, assumptions.CALLS_PER_CONTRACT_DAY)]
    size = len(who)
    world.queue("calls").put(
        due=np.full(size, world.day),
        who=who,
        account=world.accounts.main[who],
        order=np.zeros(size, dtype=np.int64),
        complaint=draw.random(size) < assumptions.CONTRACT_COMPLAINT_SHARE,
        topic=np.where(draw.random(size) < 0.75, SERVICE, CONTRACT),
    )


def _open(world: World, rows: Rows) -> None:
    draw, due = world.draw("calls"), world.queue("calls").take(world.day)
    if not due:
        return
    size, who = len(due["who"]), due["who"]
    about_purchase = ~due["complaint"] & (due["topic"] < SERVICE)
    topic = np.where(about_purchase, draw.integers(0, len(TOPICS), size), due["topic"])
    promised = draw.random(size) < assumptions.PROMISED_SHARE
    promised_days = draw.integers(*assumptions.PROMISED_DAYS, size)
    opened_at = times(draw, world.day, size, 9, 19.9)
    unknown = draw.random(size) < assumptions.CALLER_PLACEHOLDER_PHONE
    case = {
        "case": world.ids("case", size),
        "who": who,
        "account": np.where(draw.random(size) < 0.75, due["account"], -1),
        "order": np.where(draw.random(size) < 0.8, due["order"], 0),
        "complaint": due["complaint"],
        "topic": topic,
        "channel": weighted(draw, (0.55, 0.3, 0.15), size),
        "opened_at": opened_at,
        "promised_at": np.where(promised, opened_at + promised_days * 86_400_000_000, 0),
        "name_style": weighted(draw, _NAME_STYLES, size),
        "phone": np.where(unknown, names.PLACEHOLDER_PHONE, world.people.phone[who]),
        "phone_style": weighted(draw, _PHONE_STYLES, size),
        "wording": np.where(due["complaint"], draw.integers(0, 2, size), 2),
    }
    world.log("cases").add(who.astype(np.int32))
    _hand_over(world, case, None, None, rows)
    world.queue("waiting").put(due=np.full(size, world.day + 1), **case)
    department = np.bincount(_DEPARTMENT_OF[topic], minlength=len(assumptions.DEPARTMENTS))
    world.staffing.opened[0] += department


def _answer(world: World, day: date, rows: Rows) -> None:
    """Answers as many cases as the departments get done; the rest waits on."""
    draw, queue = world.draw("answers"), world.queue("waiting")
    waiting = queue.take(world.day)
    department = _DEPARTMENT_OF[waiting["topic"]] if waiting else np.zeros(0, dtype=int)
    count = np.bincount(department, minlength=len(assumptions.DEPARTMENTS))
    able = staffing.answers_today(world.staffing, count, day)
    if not waiting:
        return
    by_age = np.lexsort((waiting["case"], department))
    rank = np.empty(len(department), dtype=int)
    rank[by_age] = np.arange(len(department)) - np.repeat(np.cumsum(count) - count, count)
    done = rank < able[department]
    rest = {name: column[~done] for name, column in waiting.items()}
    queue.put(**(rest | {"due": np.full(len(rest["case"]), world.day + 1)}))
    case = {name: column[done] for name, column in waiting.items() if name != "due"}
    size = len(case["case"])
    resolved_at = times(draw, world.day, size, 9, 20)
    patience = assumptions.LATE_WITHOUT_PROMISE_DAYS * 86_400_000_000
    limit = np.where(case["promised_at"] > 0, case["promised_at"], case["opened_at"] + patience)
    late = resolved_at > limit
    outcome = np.where(
        late,
        weighted(draw, assumptions.OUTCOMES_LATE, size),
        weighted(draw, assumptions.OUTCOMES_IN_TIME, size),
    )
    outcome = np.where(case["complaint"], outcome, 0)
    _feel(world, case, late, outcome)
    _hand_over(world, case, resolved_at, outcome, rows)
    asked = np.flatnonzero(draw.random(size) < assumptions.SURVEY_AFTER_CASE)
    well = np.where(outcome < 2, assumptions.MOOD_SOLVED, assumptions.MOOD_REFUSED)
    well += assumptions.MOOD_LATE * late
    world.queue("surveys").put(
        due=world.day + draw.integers(*assumptions.SURVEY_DAYS, len(asked)),
        who=case["who"][asked],
        account=world.accounts.main[case["who"][asked]],
        service=np.ones(len(asked), dtype=bool),
        well=well[asked],
    )


def _feel(world: World, case: dict[str, Array], late: Array, outcome: Array) -> None:
    """Has complaints answered badly or late rankle, and complaints answered well bind."""
    people, refused = world.people, outcome == 2
    grievance = assumptions.GRIEVANCE_REFUSED * refused + assumptions.GRIEVANCE_LATE * late
    grievance = np.where(case["complaint"], grievance, assumptions.GRIEVANCE_QUESTION_LATE * late)
    bond = np.where(case["complaint"] & ~late & (outcome < 2), assumptions.BOND_SOLVED, 0)
    np.add.at(people.grievance, case["who"], grievance.astype(np.float32))
    np.add.at(people.bond, case["who"], bond.astype(np.float32))


def _hand_over(
    world: World, case: dict[str, Array], resolved_at: Array | None, outcome: Array | None,
    rows: Rows,
) -> None:  # fmt: skip
    people, who = world.people, case["who"]
    person = named(people, who)
    wordings = [wording for three in _WORDS for wording in three]
    rows.add(
        "callcentre.cases",
        case_id=case["case"],
        caller_name=names.names(*person, people.latin[who], case["name_style"]),
        phone=names.phones(case["phone"], case["phone_style"]),
        member_id=pa.array(case["account"] + 1, mask=case["account"] < 0),
        channel=words(("phone", "chat", "mail"), case["channel"]),
        kind=words(("question", "complaint"), case["complaint"].astype(int)),
        topic=words(TOPICS, case["topic"]),
        department=words(assumptions.DEPARTMENTS, _DEPARTMENT_OF[case["topic"]]),
        order_id=pa.array(case["order"], mask=case["order"] == 0),
        opened_at=case["opened_at"],
        promised_at=pa.array(case["promised_at"], mask=case["promised_at"] == 0),
        resolved_at=resolved_at,
        outcome=None if outcome is None else words(assumptions.OUTCOMES, outcome),
        description=words(wordings, case["topic"] * 3 + case["wording"]),
        updated_at=case["opened_at"] if resolved_at is None else resolved_at,
    )

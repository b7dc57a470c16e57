"""What the sales team's tool exports: the name list and contracts whole on Mondays, and notes."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa

from demo.company import accounts, assumptions, names, places
from demo.company.draws import Array, blank, digits, fixed, joined, some, words, written
from demo.company.people import named
from demo.company.rows import Rows
from demo.company.seasons import day_of
from demo.company.tables import CRM
from demo.company.world import World

_GRADES = ("VIP", "골드", "실버", "일반")
_NOTES = (
    ("상담", "신제품 안내 요청함. 다음 주 다시 연락."),
    ("상담", "가격이 비싸다고 함. 할인 때 연락 바람."),
    ("방문", "매장 방문, 선물세트 문의."),
    ("불만", "지난번 배송이 늦어 기분이 상했다고 함."),
    ("계약", "계약 갱신 고민 중. 만기 전에 전화하기로 함."),
    ("계약", "서비스에 만족, 갱신 의사 있음."),
    ("부재", "전화 안 받음. 문자 남김."),
    ("기타", "이사 예정이라고 함."),
)
_NOTES_PER_DAY = 0.001
_WEEK = 7
_FIRST_BIRTH = date(1915, 1, 1)


class NameList:
    """The name list as last exported; only what was entered or edited since is written anew."""

    def __init__(self) -> None:
        self._table = CRM["name_list"].empty_table()
        self._exported_on = -1

    def export(self, world: World) -> pa.Table:
        """Returns the whole list as of today."""
        known = world.contacts
        size = int(np.searchsorted(known.entered, world.day, side="right"))
        kept = self._table.num_rows
        edited = np.flatnonzero(known.edited[:kept] >= self._exported_on)
        fresh = np.concatenate([edited, np.arange(kept, size)])
        place = np.arange(size)
        place[fresh] = kept + np.arange(len(fresh))
        both = pa.concat_tables([self._table, name_list_rows(world, fresh)]).combine_chunks()
        self._table = both.take(pa.array(place))
        self._exported_on = world.day
        return self._table


def live(world: World, exported: NameList, day: date, rows: Rows) -> None:
    """Hands over the day's notes, and on Mondays the whole lists: of old months on the first."""
    _write_notes(world, rows)
    is_kept = world.day >= world.recent_from or day.day <= _WEEK
    if day.weekday() == 0 and is_kept:
        rows.add_table("crm.name_list", exported.export(world))
        _export_contracts(world, rows)


def _contact_ids(which: Array) -> pa.Array:
    return joined("K", digits(which + 1, 7))


def days_as_text(days: Array, style: Array) -> pa.Array:
    """Returns days as people type them; styles as in `assumptions.CRM_DATE_STYLES`."""
    distinct, place = np.unique(days, return_inverse=True)

    def typed(form: Callable[[date], str]) -> Callable[[Array], pa.Array]:
        return lambda rows: pa.array([form(day_of(int(day))) for day in distinct]).take(
            pa.array(place[rows])
        )

    return written(
        style,
        [
            typed(date.isoformat),
            typed(lambda day: f"{day:%y}.{day.month}.{day.day}"),
            typed(lambda day: f"{day:%Y%m%d}"),
            typed(lambda day: f"{day.year}년 {day.month}월 {day.day}일"),
            fixed(None),
        ],
    )


def name_list_rows(world: World, which: Array) -> pa.Table:
    """Returns the list's rows of some contacts, as entered or last edited."""
    known, people = world.contacts, world.people
    who = known.person[which]
    person = named(people, who)
    main = world.accounts.main[who]
    card = (main >= 0) & known.knows_card[which] & world.accounts.card[main]
    phone = np.where(known.phone[which] == 0, names.PLACEHOLDER_PHONE, known.phone[which])
    home, iso = known.home[which], np.zeros(len(which), dtype=int)
    columns = {
        "contact_id": _contact_ids(which),
        "name": names.names(*person, known.latin[which], known.name_style[which]),
        "mobile": names.phones(phone, known.phone_style[which]),
        "email": names.mails(
            who, person.first, person.second, person.gender, known.mail[which],
            known.mail_error[which],
        ),
        "birth_date": days_as_text(people.birth[who], known.date_style[which]),
        "postcode": blank(places.postcodes(home), known.address_style[which] == 2),
        "address": places.addresses(home, known.address_style[which]),
        "membership_number": blank(accounts.cards(np.maximum(main, 0)), ~card),
        "grade": words(_GRADES, known.grade[which]),
        "sales_region": words(places.REGIONS, places.region_of(home)),
        "entered_on": days_as_text(known.entered[which], iso),
        "last_edited_on": days_as_text(known.edited[which], iso),
    }  # fmt: skip
    return pa.table(columns, schema=CRM["name_list"])


def _export_contracts(world: World, rows: Rows) -> None:
    signed = world.contracts
    size = len(signed)
    iso = np.zeros(size, dtype=int)
    rows.add(
        "crm.contracts",
        contract_id=_contract_ids(np.arange(size)),
        contact_id=_contact_ids(signed.contact),
        service_plan=words([name for name, _ in assumptions.SERVICE_PLANS], signed.plan),
        started_on=days_as_text(signed.starts, iso),
        ends_on=days_as_text(signed.ends, iso),
        monthly_fee=words([f"{fee:,}" for _, fee in assumptions.SERVICE_PLANS], signed.plan),
        state=words(("유효", "만료", "해지"), signed.state),
        renewed_from=blank(_contract_ids(signed.renewed_from), signed.renewed_from < 0),
    )


def _contract_ids(which: Array) -> pa.Array:
    return joined("SC-", digits(which + 1, 7))


def _write_notes(world: World, rows: Rows) -> None:
    draw = world.draw("notes")
    size = np.searchsorted(world.contacts.entered, world.day, side="right")
    about = draw.permutation(some(draw, np.arange(size), _NOTES_PER_DAY))
    which = draw.integers(0, len(_NOTES), len(about))
    rows.add(
        "crm.notes",
        note_id=joined("N", digits(world.ids("note", len(about)), 8)),
        contact_id=_contact_ids(about),
        written_on=pa.repeat(pa.scalar(day_of(world.day).isoformat()), len(about)),
        topic=words([topic for topic, _ in _NOTES], which),
        note=words([note for _, note in _NOTES], which),
    )

"""Campaigns with random control groups, what they do to people, reactions, and consent."""

from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from demo.company import accounts, assumptions, leaving, loyalty
from demo.company.accounts import CONSENT_CHANNELS
from demo.company.contracts import ending_within
from demo.company.draws import Array, scattered, some, words
from demo.company.leaving import DO_NOT_WAKE, PERSUADABLE
from demo.company.rows import Rows
from demo.company.seasons import DAY, at, times
from demo.company.world import World

EMAIL, SMS = 0, 1
_SENT_AT = 9 * 3600.0
_LABELS = {
    "newsletter": "소식지",
    "offer": "할인 안내",
    "win_back": "다시 만나요",
    "renewal": "계약 갱신",
}
_REACTIONS = ("open", "click", "unsubscribe", "bounce")


class Campaign(NamedTuple):
    """A campaign that starts today."""

    number: int
    name: str
    goal: str
    channel: int
    discount_percent: int


def live(world: World, day: date, rows: Rows) -> None:
    """Starts today's campaigns, hands over the reactions due, and lets consent change."""
    for goal, channel, percent in _calendar(day):
        number = int(world.ids("campaign", 1)[0])
        campaign = Campaign(number, f"{day:%Y-%m} {_LABELS[goal]}", goal, channel, percent)
        _start(world, campaign, day, rows)
    _react(world, rows)
    if day.day == 15:
        _change_consent(world, rows)


def _calendar(day: date) -> list[tuple[str, int, int]]:
    """The goals, channels and discounts of the campaigns that start on a day."""
    week, weekday, odd = (day.day - 1) // 7, day.weekday(), day.month % 2
    if week == 0 and weekday == 2:
        return [("newsletter", EMAIL, 0)]
    if week == 1 and weekday == 1:
        return [("win_back", EMAIL if odd else SMS, assumptions.WIN_BACK_DISCOUNT)]
    if week == 1 and weekday == 3:
        return [("renewal", SMS, 0)]
    if week == 2 and weekday == 3:
        discounts = assumptions.OFFER_DISCOUNTS
        return [("offer", SMS if odd else EMAIL, discounts[day.month % len(discounts)])]
    return []


def _chosen(world: World, campaign: Campaign) -> Array:
    """The accounts a campaign is meant for: who may be contacted, by what the company can see."""
    known, people, draw = world.accounts, world.people, world.draw(f"choice {campaign.goal}")
    reachable = known.consent[:, campaign.channel] & known.opened & ~known.closed
    reachable &= known.opens < world.day
    if campaign.channel == SMS:
        reachable &= known.phone_style != 6
    silent = world.day - people.last_bought[known.person]
    lively = reachable & (silent < assumptions.ACTIVE_WITHIN_DAYS)
    if campaign.goal == "newsletter":
        return np.flatnonzero(lively)
    if campaign.goal == "offer":
        return some(draw, np.flatnonzero(lively), assumptions.OFFER_REACH)
    if campaign.goal == "win_back":
        since, until = assumptions.WIN_BACK_DAYS
        lapsed = reachable & (silent >= since) & (silent < until)
        return some(draw, np.flatnonzero(lapsed), assumptions.WIN_BACK_REACH)
    soon = world.day + assumptions.RENEWAL_AHEAD_DAYS
    main = known.main[ending_within(world.contracts, soon - 30, soon)]
    main = main[main >= 0]
    return main[reachable[main]]


def _start(world: World, campaign: Campaign, day: date, rows: Rows) -> None:
    draw, known = world.draw(f"campaign {campaign.goal}"), world.accounts
    share = assumptions.CONTROL_SHARES[campaign.goal]
    rows.add(
        "mailer.campaigns",
        campaign_id=np.array([campaign.number]),
        name=campaign.name,
        goal=campaign.goal,
        channel=CONSENT_CHANNELS[campaign.channel],
        discount_percent=campaign.discount_percent,
        starts_on=pa.array([day]),
        control_share=np.array([share]),
    )
    account = _chosen(world, campaign)
    size = len(account)
    control = draw.random(size) < share
    send_id = world.ids("send", size)
    world.log("sends").add(known.person[account])
    by_mail = campaign.channel == EMAIL
    assigned_at = at(world.day, _SENT_AT + np.arange(size) * 0.01)
    rows.add(
        "mailer.sends",
        send_id=send_id,
        campaign_id=np.full(size, campaign.number),
        email=accounts.mails(known, world.people, account) if by_mail else None,
        phone=None if by_mail else accounts.phones(known, account),
        assigned_group=words(("contact", "control"), control.astype(int)),
        assigned_at=assigned_at,
    )
    bounced = known.mail_error[account] > 0 if by_mail else known.phone[account] == 0
    reached = account[~control & ~bounced]
    strength = assumptions.GOAL_STRENGTH[campaign.goal]
    _plan_reactions(world, campaign, account, send_id, assigned_at, ~control, bounced)
    touch(world, known.person[reached], campaign.goal, strength)
    if campaign.discount_percent:
        loyalty.issue_coupons(
            world, account[~control], campaign.number, campaign.discount_percent, _SENT_AT, rows
        )


def touch(world: World, who: Array, goal: str, strength: float) -> None:
    """Has a contact work on people, each in their own way."""
    people, day, draw = world.people, world.day, world.draw(f"effect {goal}")
    weaker = (people.contact_until[who] < day) | (people.contact_strength[who] <= strength)
    people.contact_strength[who[weaker]] = strength
    people.contact_until[who[weaker]] = day + assumptions.CONTACT_WORKS_DAYS
    persuadable = np.unique(who[people.effect[who] == PERSUADABLE])
    fading = persuadable[people.fading_until[persuadable] > 0]
    people.fading_until[some(draw, fading, assumptions.PERSUADABLE_STAYS * strength)] = 0
    if goal == "win_back":
        gone = persuadable[people.left[persuadable] > 0]
        leaving.come_back(world, some(draw, gone, assumptions.PERSUADABLE_RETURNS))


def _plan_reactions(
    world: World, campaign: Campaign, account: Array, send_id: Array, assigned_at: Array,
    contacted: Array, bounced: Array,
) -> None:  # fmt: skip
    draw, people = world.draw(f"reactions {campaign.goal}"), world.people
    who, size = world.accounts.person[account], len(account)
    strength = assumptions.GOAL_STRENGTH[campaign.goal]
    arrived = contacted & ~bounced
    effect, interest = people.effect[who], _interest(world, who)
    opens = arrived & (draw.random(size) < np.array(assumptions.OPENS)[effect] * interest)
    seen = opens if campaign.channel == EMAIL else arrived
    clicks = seen & (draw.random(size) < np.array(assumptions.CLICKS)[effect] * interest)
    woken = assumptions.WOKEN_UNSUBSCRIBES * strength * (effect == DO_NOT_WAKE)
    leaves = arrived & (draw.random(size) < assumptions.UNSUBSCRIBES + woken)
    opens = (opens | clicks | leaves) & (campaign.channel == EMAIL)
    opened_after = draw.exponential(6 * 3600, size) + 60
    for kind, which, after in (
        (0, opens, opened_after),
        (1, clicks, opened_after + 40),
        (2, leaves, opened_after + 90),
        (3, contacted & bounced, np.full(size, 30.0)),
    ):
        chosen = np.flatnonzero(which)
        occurred_at = (assigned_at[chosen] + after[chosen] * 1e6).astype(np.int64)
        world.queue("reactions").put(
            due=(occurred_at - at(0, 0)) // DAY,
            send=send_id[chosen],
            account=account[chosen],
            channel=np.full(len(chosen), campaign.channel),
            kind=np.full(len(chosen), kind),
            occurred_at=occurred_at,
        )


def _interest(world: World, who: Array) -> Array:
    """Returns how much each person reads of what comes, beside what their kind reads."""
    least, most = assumptions.ATTENTION
    attention = least + (most - least) * scattered(who, 53 + world.seed, 1 << 20) / (1 << 20)
    is_active, fades = world.people.active[who], world.people.fading_until[who] > 0
    return np.asarray(attention * np.where(is_active, 1.0, 0.25) * np.where(fades, 0.5, 1.0))


def _react(world: World, rows: Rows) -> None:
    """Hands over the reactions due today; who unsubscribes takes consent back."""
    due = world.queue("reactions").take(world.day)
    if not due:
        return
    order = np.lexsort((due["kind"], due["occurred_at"]))
    due = {name: column[order] for name, column in due.items()}
    rows.add(
        "mailer.reactions",
        reaction_id=world.ids("reaction", len(order)),
        send_id=due["send"],
        kind=words(_REACTIONS, due["kind"]),
        occurred_at=due["occurred_at"],
    )
    leaving_list = due["kind"] == 2
    account, channel = due["account"][leaving_list], due["channel"][leaving_list]
    _write_consent(world, account, channel, False, due["occurred_at"][leaving_list], rows)


def register(world: World, account: Array, registered_at: Array, rows: Rows) -> None:
    """Hands over what accounts consent to, under the mail address and phone they give today."""
    given, channel = np.nonzero(world.accounts.consent[account])
    _write_consent(world, account[given], channel, True, registered_at[given], rows)


def _change_consent(world: World, rows: Rows) -> None:
    known, draw = world.accounts, world.draw("consent")
    living = np.flatnonzero(known.opened & ~known.closed)
    changing = some(draw, living, assumptions.CONSENT_CHANGES_PER_MONTH)
    channel = draw.integers(0, len(CONSENT_CHANNELS), len(changing))
    changed_at = times(draw, world.day, len(changing), 12, 23)  # after the day's campaign
    gives = ~known.consent[changing, channel]
    for consent in (True, False):
        some_of = gives == consent
        _write_consent(
            world, changing[some_of], channel[some_of], consent, changed_at[some_of], rows
        )


def _write_consent(
    world: World, account: Array, channel: Array, granted: bool, changed_at: Array, rows: Rows
) -> None:
    if not len(account):
        return
    known = world.accounts
    known.consent[account, channel] = granted
    rows.add(
        "mailer.consent_changes",
        change_id=world.ids("consent_change", len(account)),
        email=accounts.mails(known, world.people, account),
        phone=accounts.phones(known, account),
        channel=words(CONSENT_CHANNELS, channel),
        consent="granted" if granted else "withdrawn",
        changed_at=changed_at,
    )

"""Points, coupons and rewards."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from demo.company import assumptions
from demo.company.draws import Array, Draw, some, words
from demo.company.rows import Rows
from demo.company.seasons import DAY, at, times
from demo.company.world import World

_REWARDS = (
    ("커피 교환권", 5_000),
    ("텀블러", 7_000),
    ("장바구니", 5_000),
    ("상품권 1만원", 10_000),
)


class Coupons(NamedTuple):
    """The coupon of each order: its number, 0 where there is none, and what it takes off."""

    number: Array
    percent: Array

    @property
    def id_or_null(self) -> pa.Array:
        """The numbers, null where there is no coupon."""
        return pa.array(self.number, mask=self.number == 0)


def issue_coupons(
    world: World, account: Array, campaign: int, percent: int, second: float, rows: Rows
) -> None:
    """Gives each account a coupon of a campaign, in place of one it has not used."""
    known, size = world.accounts, len(account)
    coupon = world.ids("coupon", size)
    known.coupon[account] = coupon
    known.coupon_expires[account] = world.day + assumptions.COUPON_VALID_DAYS
    known.coupon_percent[account] = percent
    issued_at = at(world.day, second + np.arange(size) * 0.001)
    world.log("coupon_campaigns").add(np.full(size, campaign, dtype=np.int32))
    world.log("coupon_accounts").add(account.astype(np.int32))
    world.log("coupon_issued_at").add(issued_at)
    _hand_over_coupons(
        world, coupon, percent_of=np.full(size, percent), redeemed_at=None, rows=rows
    )


def _hand_over_coupons(
    world: World, coupon: Array, percent_of: Array, redeemed_at: Array | None, rows: Rows
) -> None:
    place = coupon - 1
    issued_at = world.log("coupon_issued_at").whole()[place]
    expires_on = (issued_at - at(0, 0)) // DAY + assumptions.COUPON_VALID_DAYS
    rows.add(
        "shop.coupons",
        coupon_id=coupon,
        member_id=world.log("coupon_accounts").whole()[place].astype(np.int64) + 1,
        campaign_id=world.log("coupon_campaigns").whole()[place],
        discount_percent=percent_of,
        issued_at=issued_at,
        expires_on=pa.array(expires_on, pa.int32()).cast(pa.date32()),
        redeemed_at=redeemed_at,
        updated_at=issued_at if redeemed_at is None else redeemed_at,
    )


def redeem_coupons(
    world: World, draw: Draw, account: Array, ordered_at: Array, rows: Rows
) -> Coupons:
    """Uses the valid coupons of today's web orders, mostly."""
    known = world.accounts
    valid = (known.coupon[account] > 0) & (known.coupon_expires[account] >= world.day)
    effect = world.people.effect[known.person[account]]
    chance = np.array(assumptions.COUPON_USED)[effect]
    used = np.flatnonzero(valid & (draw.random(len(account)) < chance))
    coupon, percent = np.zeros(len(account), dtype=np.int64), np.zeros(len(account), dtype=np.int64)
    coupon[used] = known.coupon[account[used]]
    percent[used] = known.coupon_percent[account[used]]
    known.coupon[account[used]] = 0
    _hand_over_coupons(world, coupon[used], percent[used], ordered_at[used], rows)
    return Coupons(coupon, percent)


def earn(
    world: World, draw: Draw, account: Array, total: Array, sold_at: Array, order: Array | None,
    rows: Rows,
) -> None:  # fmt: skip
    """Books the points of today's sales to the accounts with a card; some pay with points."""
    known = world.accounts
    with_card = np.flatnonzero((account >= 0) & known.card[account] & (total >= 100))
    points = (total[with_card] * assumptions.POINTS_SHARE).astype(np.int64)
    payers = with_card[known.points[account[with_card]] >= assumptions.POINTS_SPENT_FROM]
    payers = some(draw, payers, assumptions.POINTS_SPEND_CHANCE)
    spent = known.points[account[payers]] // 1000 * 1000
    place = np.concatenate([payers, with_card])
    orders = None if order is None else order[place]
    kind = np.repeat([1, 0], [len(payers), len(with_card)])
    _book(
        world, account[place], np.concatenate([-spent, points]), kind, sold_at[place], orders, rows
    )


def carry_over(world: World, account: Array, rows: Rows) -> None:
    """Books the points that accounts opened before the first day bring with them."""
    draw = world.draw("carried over")
    with_card = account[world.accounts.card[account]]
    points = draw.gamma(*assumptions.POINTS_CARRIED_OVER, len(with_card)).astype(np.int64) + 1
    when = at(world.day, 3 * 3600 + np.arange(len(with_card)) * 0.005)
    _book(world, with_card, points, np.zeros(len(with_card), dtype=int), when, None, rows)


def take_back(world: World, account: Array, total: Array, order: Array, rows: Rows) -> None:
    """Takes the points of cancelled orders back, as far as they are still there."""
    known = world.accounts
    taken = np.minimum((total * assumptions.POINTS_SHARE).astype(np.int64), known.points[account])
    some_left = np.flatnonzero((taken > 0) & known.card[account])
    when = times(world.draw("corrections"), world.day, len(some_left), 0.1, 0.2)
    kind = np.full(len(some_left), 3)
    _book(world, account[some_left], -taken[some_left], kind, when, order[some_left], rows)


def live(world: World, rows: Rows) -> None:
    """Lets members choose rewards, and points expire on the first of a month."""
    known, draw = world.accounts, world.draw("loyalty")
    quiet = known.points_moved < world.day
    able = np.flatnonzero((known.points >= assumptions.REWARDS_FROM) & quiet & ~known.closed)
    choosing = some(draw, able, assumptions.REWARD_CHANCE_PER_DAY)
    reward = draw.integers(0, len(_REWARDS), len(choosing))
    cost = np.array([points for _, points in _REWARDS])[reward]
    enough = known.points[choosing] >= cost
    choosing, reward, cost = choosing[enough], reward[enough], cost[enough]
    chosen_at = times(draw, world.day, len(choosing), 8, 23)
    rows.add(
        "shop.rewards",
        reward_id=world.ids("reward", len(choosing)),
        member_id=choosing + 1,
        reward=words([name for name, _ in _REWARDS], reward),
        points_spent=cost,
        chosen_at=chosen_at,
        updated_at=chosen_at,
    )
    _book(world, choosing, -cost, np.full(len(choosing), 1), chosen_at, None, rows)
    old = world.day - assumptions.POINTS_EXPIRE_DAYS
    if world.day % 30 == 0:
        dead = np.flatnonzero((known.points > 0) & (known.points_moved < old))
        when = times(draw, world.day, len(dead), 23.91, 23.99)
        _book(world, dead, -known.points[dead], np.full(len(dead), 2), when, None, rows)


def _book(
    world: World, account: Array, points: Array, kind: Array, when: Array, order: Array | None,
    rows: Rows,
) -> None:  # fmt: skip
    np.add.at(world.accounts.points, account, points.astype(np.int32))
    world.accounts.points_moved[account] = world.day
    rows.add(
        "shop.points_entries",
        entry_id=world.ids("points_entry", len(account)),
        member_id=account + 1,
        order_id=order,
        kind=words(("earned", "spent", "expired", "corrected"), kind),
        points=points,
        entered_at=when,
        updated_at=when,
    )

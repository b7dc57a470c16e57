"""A day's purchases: web orders and store receipts with their lines."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from demo.company import accounts, assumptions, loyalty, names
from demo.company.catalogue import DEPARTMENTS, PRODUCTS_OF_DEPARTMENT, STORES_OF_REGION
from demo.company.draws import Array, Draw, blank, joined, scattered, weighted, words
from demo.company.rows import Rows
from demo.company.seasons import times
from demo.company.world import World


class Basket(NamedTuple):
    """Lines of several purchases, one entry a line."""

    trip: Array  # place of the purchase
    line_number: Array
    product: Array
    quantity: Array
    unit_price: Array
    discount: Array  # of the whole line

    def totals(self, trips: int) -> Array:
        """Returns what each purchase costs."""
        amounts = self.quantity * self.unit_price - self.discount
        return np.bincount(self.trip, weights=amounts, minlength=trips).astype(np.int64)


class Orders(NamedTuple):
    """A day's web orders, one entry an order."""

    who: Array
    account: Array
    device: pa.Array
    is_app: Array
    ordered_at: Array
    first_product: Array


def _basket(world: World, draw: Draw, who: Array, extra_percent: Array) -> Basket:
    people = world.people
    fading = people.fading_until[who] > 0
    appetite = np.where(fading, assumptions.FADING_LINES, 1.0)
    lines = 1 + draw.poisson(appetite * assumptions.MORE_LINES)
    trip = np.repeat(np.arange(len(who)), lines)
    line_number = np.arange(len(trip)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    buyer, is_fading = who[trip], fading[trip]
    first = people.favourite[buyer].astype(np.int64)
    second = (first + 3) % len(DEPARTMENTS)
    favourite = np.where((draw.random(len(trip)) < 0.6) | is_fading, first, second)
    any_department = draw.integers(0, len(DEPARTMENTS), len(trip))
    is_favourite = is_fading | (draw.random(len(trip)) < assumptions.FAVOURITE_SHARE)
    department = np.where(is_favourite, favourite, any_department)
    place = (PRODUCTS_OF_DEPARTMENT * draw.random(len(trip)) ** 1.8).astype(np.int64)
    product = department * PRODUCTS_OF_DEPARTMENT + place
    quantity = 1 + weighted(draw, (0.78, 0.16, 0.06), len(trip))
    price = world.catalogue.price[product]
    chance = (
        assumptions.LINE_DISCOUNT_BASE
        + assumptions.LINE_DISCOUNT_BY_SENSITIVITY * people.sensitivity[buyer]
    )
    chance = np.where(is_fading, assumptions.FADING_DISCOUNT, chance)
    percent = np.array([10, 15, 20, 30])[weighted(draw, (0.5, 0.2, 0.2, 0.1), len(trip))]
    percent = np.where(draw.random(len(trip)) < chance, percent, 0) + extra_percent[trip]
    discount = quantity * price * percent // 1000 * 10
    return Basket(trip, line_number, product, quantity, price, discount)


def _lines(basket: Basket, ids: Array, sold_at: Array) -> dict[str, Array]:
    return {
        "line_number": basket.line_number,
        "product_id": basket.product + 1,
        "quantity": basket.quantity,
        "unit_price": basket.unit_price,
        "discount_amount": basket.discount,
        "updated_at": sold_at[basket.trip],
    } | {"_id": ids[basket.trip]}


def devices(world: World, draw: Draw, who: Array) -> pa.Array:
    """Returns the device each session runs on: mostly the own, sometimes the household's."""
    shared = draw.random(len(who)) < assumptions.HOUSEHOLD_DEVICE_SHARE
    key = np.where(
        shared, world.people.household[who].astype(np.int64) + (1 << 40), who.astype(np.int64)
    )
    number = scattered(key, 31 + world.seed, 1 << 36)
    return joined("d-", pa.array([f"{value:09x}" for value in number.tolist()], pa.string()))


def live(world: World, buyers: Array, rows: Rows) -> Orders:
    """Sells to the day's buyers, on the web or in a store; returns the web orders."""
    draw = world.draw("buying")
    account = accounts.of_buyers(draw, world.accounts, buyers, world.day)
    on_web = (draw.random(len(buyers)) < world.people.web[buyers]) & (account >= 0)
    orders = _sell_on_web(world, draw, buyers[on_web], account[on_web], rows)
    _sell_in_stores(world, draw, buyers[~on_web], rows)
    return orders


def _sell_on_web(world: World, draw: Draw, who: Array, account: Array, rows: Rows) -> Orders:
    size = len(who)
    order_id = world.ids("order", size)
    ordered_at = times(draw, world.day, size, 0.2, 23.9)
    coupon = loyalty.redeem_coupons(world, draw, account, ordered_at, rows)
    basket = _basket(world, draw, who, coupon.percent)
    total = basket.totals(size)
    is_app = draw.random(size) < assumptions.APP_SHARE
    device = devices(world, draw, who)
    fee = np.where(total >= assumptions.FREE_DELIVERY_FROM, 0, assumptions.DELIVERY_FEE)
    row = {
        "order_id": order_id,
        "member_id": account + 1,
        "channel": words(("web", "app"), is_app.astype(int)),
        "device_id": device,
        "ordered_at": ordered_at,
        "delivery_fee": fee,
        "coupon_id": coupon.id_or_null,
    }
    rows.add("shop.orders", **row, status="paid", updated_at=ordered_at)
    lines = _lines(basket, order_id, ordered_at)
    rows.add("shop.order_lines", order_id=lines.pop("_id"), **lines)
    loyalty.earn(world, draw, account, total, ordered_at, order_id, rows)
    cancelled = draw.random(size) < assumptions.CANCELLED_SHARE
    world.queue("deliveries").put(
        due=np.full(size, world.day + 1),
        order=order_id,
        account=account,
        is_app=is_app,
        device_of=np.array(device.to_pylist(), dtype="U11"),
        ordered_at=ordered_at,
        fee=fee,
        coupon=coupon.number,
        total=total,
        cancelled=cancelled,
        shipped=np.zeros(size, dtype=bool),
    )
    back = np.flatnonzero(
        (draw.random(len(basket.trip)) < assumptions.RETURNED_LINE_SHARE) & ~cancelled[basket.trip]
    )
    price = basket.unit_price[back] - basket.discount[back] // basket.quantity[back]
    world.queue("returns").put(
        due=world.day + draw.integers(6, 15, len(back)),
        order=order_id[basket.trip[back]],
        line=basket.line_number[back],
        amount=price,
    )
    _follow_up(world, draw, who, account, order_id)
    first_line = np.flatnonzero(basket.line_number == 1)
    return Orders(who, account, device, is_app, ordered_at, basket.product[first_line])


def _sell_in_stores(world: World, draw: Draw, who: Array, rows: Rows) -> None:
    size, people = len(who), world.people
    main = world.accounts.main[who]
    has_card = (main >= 0) & world.accounts.opened[main] & world.accounts.card[main]
    shown = has_card & (draw.random(size) < assumptions.CARD_SHOWN)
    phoned = ~shown & (draw.random(size) < assumptions.PHONE_GIVEN)
    near = people.region[who].astype(np.int64) * STORES_OF_REGION + who % STORES_OF_REGION
    anywhere = draw.integers(0, 8 * STORES_OF_REGION, size)
    store = np.where(draw.random(size) < 0.9, near, anywhere)
    sold_at = times(draw, world.day, size, 10, 21.5)
    receipt_id = world.ids("receipt", size)
    world.log("receipts").add(who.astype(np.int32))
    style = weighted(draw, (0.4, 0.5, 0.0, 0.05, 0.0, 0.05, 0.0), size)
    rows.add(
        "pos.receipts",
        receipt_id=receipt_id,
        store_id=store + 1,
        till=1 + draw.integers(0, 5, size),
        membership_number=blank(accounts.cards(np.maximum(main, 0)), ~shown),
        phone=blank(names.phones(people.phone[who], style), ~phoned),
        sold_at=sold_at,
        kind="sale",
        updated_at=sold_at,
    )
    basket = _basket(world, draw, who, np.zeros(size, dtype=np.int64))
    lines = _lines(basket, receipt_id, sold_at)
    rows.add("pos.receipt_lines", receipt_id=lines.pop("_id"), **lines)
    account = np.where(shown, main, -1)
    loyalty.earn(world, draw, account, basket.totals(size), sold_at, None, rows)
    first = np.flatnonzero(basket.line_number == 1)
    back = np.flatnonzero(draw.random(size) < assumptions.STORE_REFUND_SHARE)
    of = first[back]
    world.queue("refunds").put(
        due=world.day + draw.integers(1, 11, len(back)),
        who=who[back],
        store=store[back],
        account=account[back],
        product=basket.product[of],
        quantity=basket.quantity[of],
        price=basket.unit_price[of],
        discount=basket.discount[of],
    )
    _follow_up(world, draw, who, account, np.zeros(size, dtype=np.int64))


def _follow_up(world: World, draw: Draw, who: Array, account: Array, order: Array) -> None:
    """Has some buyers complain, ask or answer a survey in the days after."""
    chance = draw.random(len(who))
    complaints, cases = (
        assumptions.COMPLAINTS_PER_PURCHASE,
        assumptions.COMPLAINTS_PER_PURCHASE + assumptions.QUESTIONS_PER_PURCHASE,
    )
    calling = np.flatnonzero(chance < cases)
    world.queue("calls").put(
        due=world.day + draw.integers(1, 7, len(calling)),
        who=who[calling],
        account=account[calling],
        order=order[calling],
        complaint=chance[calling] < complaints,
        topic=np.where(
            order[calling] > 0,
            weighted(draw, assumptions.COMPLAINT_TOPICS_WEB, len(calling)),
            weighted(draw, assumptions.COMPLAINT_TOPICS_STORE, len(calling)),
        ),
    )
    asked = np.flatnonzero(
        (draw.random(len(who)) < assumptions.SURVEY_AFTER_PURCHASE) & (account >= 0)
    )
    world.queue("surveys").put(
        due=world.day + draw.integers(*assumptions.SURVEY_DAYS, len(asked)),
        who=who[asked],
        account=account[asked],
        service=np.zeros(len(asked), dtype=bool),
        well=np.zeros(len(asked)),
    )

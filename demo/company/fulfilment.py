"""What becomes of orders and receipts: shipped, delivered, cancelled, returned, refunded."""

import numpy as np
import pyarrow as pa

from demo.company import accounts, loyalty
from demo.company.draws import blank, words
from demo.company.rows import Rows
from demo.company.seasons import times
from demo.company.world import World

_REASONS = ("단순 변심", "사이즈 불일치", "파손", "오배송", "품질 불만")


def live(world: World, rows: Rows) -> None:
    """Moves the orders, returns and refunds that are due today."""
    _deliver(world, rows)
    _return(world, rows)
    _refund(world, rows)


def _deliver(world: World, rows: Rows) -> None:
    draw, queue = world.draw("fulfilment"), world.queue("deliveries")
    due = queue.take(world.day)
    if not due:
        return
    size = len(due["order"])
    status = np.where(due["cancelled"], 2, due["shipped"].astype(int))
    rows.add(
        "shop.orders",
        order_id=due["order"],
        member_id=due["account"] + 1,
        channel=words(("web", "app"), due["is_app"].astype(int)),
        device_id=pa.array(due["device_of"]),
        ordered_at=due["ordered_at"],
        status=words(("shipped", "delivered", "cancelled"), status),
        delivery_fee=due["fee"],
        coupon_id=pa.array(due["coupon"], mask=due["coupon"] == 0),
        updated_at=times(draw, world.day, size, 6, 22),
    )
    void = due["cancelled"]
    loyalty.take_back(world, due["account"][void], due["total"][void], due["order"][void], rows)
    on_the_way = ~void & ~due["shipped"]
    further = {name: column[on_the_way] for name, column in due.items()}
    further["due"] = world.day + draw.integers(1, 4, int(on_the_way.sum()))
    further["shipped"] = np.ones(int(on_the_way.sum()), dtype=bool)
    queue.put(**further)


def _return(world: World, rows: Rows) -> None:
    draw, due = world.draw("returns"), world.queue("returns").take(world.day)
    if not due:
        return
    returned_at = times(draw, world.day, len(due["order"]), 8, 22)
    rows.add(
        "shop.returns",
        return_id=world.ids("return", len(due["order"])),
        order_id=due["order"],
        line_number=due["line"],
        quantity=np.ones(len(due["order"]), dtype=np.int64),
        refund_amount=due["amount"],
        reason=words(_REASONS, draw.integers(0, len(_REASONS), len(due["order"]))),
        returned_at=returned_at,
        updated_at=returned_at,
    )


def _refund(world: World, rows: Rows) -> None:
    """Refunds at a till: a receipt of its own whose one line takes back what came back."""
    draw, due = world.draw("refunds"), world.queue("refunds").take(world.day)
    if not due:
        return
    size = len(due["who"])
    sold_at = times(draw, world.day, size, 10, 21.5)
    receipt_id = world.ids("receipt", size)
    world.log("receipts").add(due["who"].astype(np.int32))
    rows.add(
        "pos.receipts",
        receipt_id=receipt_id,
        store_id=due["store"] + 1,
        till=np.ones(size, dtype=np.int64),
        membership_number=blank(accounts.cards(np.maximum(due["account"], 0)), due["account"] < 0),
        phone=None,
        sold_at=sold_at,
        kind="refund",
        updated_at=sold_at,
    )
    rows.add(
        "pos.receipt_lines",
        receipt_id=receipt_id,
        line_number=np.ones(size, dtype=np.int64),
        product_id=due["product"] + 1,
        quantity=-due["quantity"],
        unit_price=due["price"],
        discount_amount=-due["discount"],
        updated_at=sold_at,
    )

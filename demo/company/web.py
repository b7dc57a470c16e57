"""The log of the web shop and the app: sessions that end in an order, and those that do not."""

import numpy as np
import pyarrow as pa

from demo.company import accounts, assumptions, buying
from demo.company.catalogue import DEPARTMENTS, PRODUCTS_OF_DEPARTMENT
from demo.company.draws import Array, blank, digits, joined, weighted, words
from demo.company.rows import Rows
from demo.company.seasons import at, day_of, times
from demo.company.world import World

_EVENTS = ("visit", "login", "search", "product_view", "cart_add", "checkout", "app_open")
_VISIT, _LOGIN, _SEARCH, _VIEW, _CART, _CHECKOUT, _APP = range(7)
# sequences of events of a session; the first is an app_open in the app
_ORDERING = (
    (_VISIT, _LOGIN, _VIEW, _CART, _CHECKOUT),
    (_VISIT, _SEARCH, _VIEW, _CART, _LOGIN, _CHECKOUT),
    (_VISIT, _LOGIN, _CART, _CHECKOUT),
    (_VISIT, _LOGIN, _SEARCH, _VIEW, _CART, _CHECKOUT),
)
_LOOKING = (
    (_VISIT,),
    (_VISIT, _VIEW),
    (_VISIT, _LOGIN),
    (_VISIT, _LOGIN, _VIEW),
    (_VISIT, _SEARCH, _VIEW),
    (_VISIT, _SEARCH, _VIEW, _CART),
    (_VISIT, _LOGIN, _VIEW, _CART),
)
_LOOKING_SHARES = (0.28, 0.22, 0.1, 0.14, 0.14, 0.06, 0.06)
_SEARCHES = tuple(category for _, _, five in DEPARTMENTS for category in five)


def live(world: World, orders: buying.Orders, demand: float, rows: Rows) -> None:
    """Hands over the day's events, in the order of their sessions."""
    draw = world.draw("web")
    who = _lookers(world, demand)
    account = accounts.of_buyers(draw, world.accounts, who, world.day)
    size = len(who)
    patterns = _ORDERING + _LOOKING
    ordering = weighted(draw, (0.4, 0.25, 0.2, 0.15), len(orders.who))
    pattern = np.concatenate([ordering, len(_ORDERING) + weighted(draw, _LOOKING_SHARES, size)])
    lengths = np.array([len(events) for events in patterns])[pattern]
    ends_at = np.concatenate([orders.ordered_at, times(draw, world.day, size, 0.3, 23.9)])
    favourite = world.people.favourite[who].astype(np.int64) * PRODUCTS_OF_DEPARTMENT
    product = favourite + draw.integers(0, PRODUCTS_OF_DEPARTMENT, size)
    session = np.repeat(np.arange(len(pattern)), lengths)
    step = np.arange(len(session)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table = np.full((len(patterns), 6), -1)
    for place, events in enumerate(patterns):
        table[place, : len(events)] = events
    kind = table[pattern[session], step]
    is_app = np.concatenate([orders.is_app, draw.random(size) < assumptions.APP_SHARE])
    login_step = np.where(table == _LOGIN, np.arange(6), 99).min(axis=1)
    # The app keeps its user logged in; on the web most come without.
    logged_in = is_app[session] | (step >= login_step[pattern[session]])
    member = np.concatenate([orders.account, account])[session] + 1
    about = np.concatenate([orders.first_product, product])[session]
    seconds_before = (lengths[session] - 1 - step) * draw.uniform(20, 140, len(pattern))[session]
    occurred_at = np.maximum(
        ends_at[session] - (seconds_before * 1e6).astype(np.int64), at(world.day, step + 1.0)
    )
    device = pa.concat_arrays([orders.device, buying.devices(world, draw, who)])
    prefix = f"{day_of(world.day):%Y%m%d}-"
    rows.add(
        "web.events",
        event_id=joined("e", prefix, digits(np.arange(len(session)), 8)),
        event_type=words(_EVENTS, np.where((kind == _VISIT) & is_app[session], _APP, kind)),
        occurred_at=occurred_at,
        device_id=device.take(pa.array(session)),
        session_id=joined("s", prefix, digits(session, 7)),
        channel=words(("web", "app"), is_app[session].astype(int)),
        member_id=pa.array(member, mask=~logged_in | (member <= 0)),
        product_id=pa.array(about + 1, mask=(kind != _VIEW) & (kind != _CART)),
        search_text=blank(words(_SEARCHES, _category(about)), kind != _SEARCH),
    )


def _category(product: Array) -> Array:
    department, place = np.divmod(product, PRODUCTS_OF_DEPARTMENT)
    return np.asarray(department * 5 + place % 5)


def _lookers(world: World, demand: float) -> Array:
    """Who visits today without buying: as their rhythm and liking of the web have it."""
    people, draw = world.people, world.draw("visits")
    interest = np.where(people.active, people.rhythm * people.web / people.gap, 0)
    interest[people.fading_until > 0] *= assumptions.FADING_VISITS
    edges = np.cumsum(interest, dtype=float)
    count = draw.poisson(edges[-1] * assumptions.VISITS_PER_PURCHASE * demand)
    return np.asarray(np.searchsorted(edges, draw.random(count) * edges[-1], side="right"))

"""Products with their prices, and the stores."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from demo.company import assumptions, places
from demo.company.draws import Array, Draw, joined, some, words
from demo.company.rows import Rows
from demo.company.seasons import at, number

# department, its median price, its categories
DEPARTMENTS = (
    ("식품", 9_000, ("쌀·잡곡", "과일", "정육", "간식", "커피·차")),
    ("생활", 12_000, ("세제", "욕실", "수납", "침구", "조명")),
    ("주방", 21_000, ("냄비", "식기", "보관용기", "조리도구", "소형가전")),
    ("뷰티", 18_000, ("스킨케어", "헤어", "바디", "메이크업", "향수")),
    ("패션", 32_000, ("티셔츠", "바지", "아우터", "양말", "가방")),
    ("가전", 68_000, ("청소기", "선풍기", "가습기", "공기청정기", "이어폰")),
    ("스포츠", 28_000, ("등산", "캠핑", "요가", "러닝", "수영")),
    ("유아", 19_000, ("기저귀", "장난감", "그림책", "아기옷", "이유식")),
)
_BRANDS = ("한울", "도담", "새봄", "미르", "아람", "다온", "라온", "늘봄", "해솔", "가온", "나래")
_OWN_BRAND = "온살림"
_KINDS = (
    "기본",
    "프리미엄",
    "실속",
    "대용량",
    "미니",
    "시즌",
    "클래식",
    "에코",
    "라이트",
    "플러스",
)
PRODUCTS_OF_DEPARTMENT = 75
STORES_OF_REGION = 3


@dataclass
class Catalogue:
    """One entry a product; `product_id` is its place plus one."""

    price: Array
    cost: Array
    brand: Array
    kind: Array
    own: Array
    pressure: Array  # one number: how much the price rises still press


def drawn(draw: Draw) -> Catalogue:
    """Returns the products at their first prices."""
    size = len(DEPARTMENTS) * PRODUCTS_OF_DEPARTMENT
    median = np.repeat([price for _, price, _ in DEPARTMENTS], PRODUCTS_OF_DEPARTMENT)
    own = draw.random(size) < 0.22
    price = median * np.exp(draw.normal(0, 0.55, size)) * np.where(own, 0.8, 1.0)
    price = np.maximum(price // 100 * 100, 1000).astype(np.int64)
    return Catalogue(
        price=price,
        cost=(price * draw.uniform(0.5, 0.75, size)).astype(np.int64) // 10 * 10,
        brand=draw.integers(0, len(_BRANDS), size),
        kind=draw.integers(0, len(_KINDS), size),
        own=own,
        pressure=np.zeros(1),
    )


def _hand_over(catalogue: Catalogue, which: Array, day: int, rows: Rows) -> None:
    department, place = np.divmod(which, PRODUCTS_OF_DEPARTMENT)
    categories = [category for _, _, five in DEPARTMENTS for category in five]
    category = words(categories, department * 5 + place % 5)
    brand = words(
        (*_BRANDS, _OWN_BRAND), np.where(catalogue.own, len(_BRANDS), catalogue.brand)[which]
    )
    rows.add(
        "shop.products",
        product_id=which + 1,
        name=joined(
            brand, " ", words(_KINDS, catalogue.kind[which]), " ", category, " ",
            pa.array(1 + place // 5).cast(pa.string()), "호",
        ),
        department=words([name for name, _, _ in DEPARTMENTS], department),
        category=category,
        brand=brand,
        is_private_brand=catalogue.own[which],
        list_price=catalogue.price[which],
        unit_cost=catalogue.cost[which],
        updated_at=at(day, 5 * 3600 + which * 0.01),
    )  # fmt: skip


def live(catalogue: Catalogue, draw: Draw, day: date, rows: Rows) -> None:
    """Lets prices change, and presses on the price-sensitive after a rise."""
    today = number(day)
    everything = np.arange(len(catalogue.price))
    catalogue.pressure *= 0.5 ** (1 / assumptions.PRICE_PRESSURE_HALF_LIFE_DAYS)
    if day == assumptions.FIRST_DAY:
        _hand_over(catalogue, everything, today, rows)
        _open_stores(today, rows)
        return
    _note_competitors(day, rows)
    changed = np.zeros(len(everything), dtype=bool)
    for rise_day, departments, rise in assumptions.PRICE_RISES:
        if day == rise_day:
            named = [name in departments or not departments for name, _, _ in DEPARTMENTS]
            risen = np.repeat(named, PRODUCTS_OF_DEPARTMENT)
            catalogue.price[risen] = (catalogue.price[risen] * (1 + rise)) // 100 * 100 + 100
            catalogue.pressure += 1.0
            changed |= risen
    if day.day == 10:
        few = some(draw, everything, assumptions.SMALL_CHANGES_PER_MONTH)
        change = 1 + draw.normal(0, assumptions.SMALL_CHANGE_SPREAD, len(few))
        catalogue.price[few] = np.maximum(catalogue.price[few] * change // 100 * 100, 1000)
        changed[few] = True
    if changed.any():
        _hand_over(catalogue, np.flatnonzero(changed), today, rows)


def _open_stores(today: int, rows: Rows) -> None:
    store = np.arange(len(places.REGIONS) * STORES_OF_REGION)
    region, place = np.divmod(store, STORES_OF_REGION)
    rows.add(
        "pos.stores",
        store_id=store + 1,
        name=joined(words(places.REGIONS, region), words(("본점", "역점", "신도시점"), place)),
        region=words(places.REGIONS, region),
        opened_on=pa.array(14_000 + (store * 173) % 4_000, pa.int32()).cast(pa.date32()),
        updated_at=at(today, 5 * 3600 + store),
    )


def _note_competitors(day: date, rows: Rows) -> None:
    """Has store operations write down who opens today in its regions, felt or not."""
    openings = sorted(assumptions.COMPETITOR_OPENINGS + assumptions.UNFELT_OPENINGS)
    for number_of, (opened, region) in enumerate(openings, start=1):
        if opened == day:
            rows.add(
                "pos.competitor_stores",
                competitor_store_id=np.array([number_of]),
                region=pa.array([region]),
                opened_on=pa.array([day]),
                updated_at=at(number(day), np.array([5.5 * 3600])),
            )

"""Homes: an address is written from the number of the home, so a household shares it."""

import numpy as np
import pyarrow as pa

from demo.company.draws import Array, digits, joined, scattered, words, written

# district, first three digits of its postcodes, region (an index into REGIONS)
REGIONS = ("서울", "경기", "인천", "부산", "대구", "대전", "광주", "강원")
_DISTRICTS = (
    ("서울특별시 강남구", "061", 0), ("서울특별시 마포구", "040", 0),
    ("서울특별시 송파구", "055", 0), ("서울특별시 노원구", "017", 0),
    ("서울특별시 관악구", "087", 0), ("서울특별시 은평구", "033", 0),
    ("경기도 성남시 분당구", "135", 1), ("경기도 수원시 영통구", "165", 1),
    ("경기도 고양시 일산동구", "104", 1), ("경기도 용인시 수지구", "168", 1),
    ("경기도 부천시", "145", 1), ("경기도 안양시 동안구", "140", 1),
    ("인천광역시 연수구", "219", 2), ("인천광역시 부평구", "213", 2),
    ("부산광역시 해운대구", "480", 3), ("부산광역시 부산진구", "472", 3),
    ("대구광역시 수성구", "421", 4), ("대구광역시 달서구", "426", 4),
    ("대전광역시 유성구", "341", 5), ("광주광역시 북구", "612", 6),
    ("강원특별자치도 원주시", "264", 7), ("강원특별자치도 춘천시", "243", 7),
)  # fmt: skip
_STREETS = (
    "중앙로", "역전로", "공원로", "문화로", "시청로", "대학로", "동산로", "새마을로", "한빛로",
    "푸른길", "은행나무길", "벚꽃로", "호수로", "강변로", "정자로", "학동로", "충무로", "세종로",
    "번영로", "신흥로", "장미로", "느티나무길", "솔밭로", "햇살길",
)  # fmt: skip
_DISTRICT_REGION = np.array([region for _, _, region in _DISTRICTS], dtype=np.uint8)


def _district(home: Array) -> Array:
    return scattered(home, 1, len(_DISTRICTS))


def region_of(home: Array) -> Array:
    """Returns the index into `REGIONS` of each home."""
    return _DISTRICT_REGION[_district(home)]


def postcodes(home: Array) -> pa.Array:
    """Returns five digits each; homes of one street share them."""
    street = scattered(home, 2, len(_STREETS))
    return joined(words([code for _, code, _ in _DISTRICTS], _district(home)), digits(street, 2))


def addresses(home: Array, style: Array) -> pa.Array:
    """Returns addresses: style 0 as registered, 1 with a bare flat, 2 without the flat."""

    def road(rows: Array) -> pa.Array:
        of = home[rows]
        return joined(
            words([name for name, _, _ in _DISTRICTS], _district(of)), " ",
            words(_STREETS, scattered(of, 2, len(_STREETS))), " ",
            pa.array(1 + scattered(of, 3, 240)).cast(pa.string()),
        )  # fmt: skip

    def building(rows: Array) -> pa.Array:
        return pa.array(101 + scattered(home[rows], 4, 24)).cast(pa.string())

    def flat(rows: Array) -> pa.Array:
        floor = 1 + scattered(home[rows], 5, 25)
        return pa.array(floor * 100 + 1 + scattered(home[rows], 6, 6)).cast(pa.string())

    return written(
        style,
        [
            lambda rows: joined(road(rows), ", ", building(rows), "동 ", flat(rows), "호"),
            lambda rows: joined(road(rows), " ", building(rows), "-", flat(rows)),
            road,
        ],
    )

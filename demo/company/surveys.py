"""What customers answer after a purchase or a case."""

import numpy as np
import pyarrow as pa

from demo.company import accounts, assumptions
from demo.company.draws import Array, blank, weighted, words
from demo.company.rows import Rows
from demo.company.seasons import times
from demo.company.world import World

_COMMENTS = (
    ("다시는 이용하지 않겠습니다.", "답변이 너무 늦어요.", "실망했습니다."),
    ("기대에 못 미칩니다.", "배송이 아쉽습니다.", "가격에 비해 별로예요."),
    ("보통입니다.", "무난해요.", "그럭저럭 괜찮습니다."),
    ("만족합니다.", "잘 쓰고 있어요.", "직원분이 친절했습니다."),
    ("아주 좋아요!", "주변에도 추천했습니다.", "항상 믿고 삽니다."),
)
# as typed: right, with each error, a placeholder, none; names.MAIL_ERRORS
_MAIL_ERRORS = (0.85, 0.03, 0.01, 0.01, 0.03, 0.07)


def live(world: World, rows: Rows) -> None:
    """Hands over today's answers."""
    draw, due = world.draw("surveys"), world.queue("surveys").take(world.day)
    if not due:
        return
    people, who, size = world.people, due["who"], len(due["who"])
    mood = (
        assumptions.MOOD
        + due["well"]
        + assumptions.MOOD_BY_GRIEVANCE * people.grievance[who]
        + assumptions.MOOD_BY_BOND * people.bond[who]
        + assumptions.MOOD_FADING * (people.fading_until[who] > 0)
    )
    answer = mood + draw.normal(0, assumptions.MOOD_SPREAD, size)
    satisfaction = np.clip(np.rint(answer), 1, 5).astype(np.int64)
    recommendation = np.clip(np.rint(mood * 2.1 - 0.6 + draw.normal(0, 1.4, size)), 0, 10)
    needed = (
        assumptions.SWITCHING
        + assumptions.SWITCHING_BY_SENSITIVITY * people.sensitivity[who]
        + assumptions.SWITCHING_BY_MOOD * (mood - assumptions.MOOD)
        + draw.normal(0, assumptions.SWITCHING_SPREAD, size)
    )
    discount = np.clip(np.rint(needed / 5) * 5, 0, 50).astype(np.int64)
    account = due["account"]
    error = weighted(draw, _MAIL_ERRORS, size)
    error = np.where(account < 0, 5, error)
    logged_in = (account >= 0) & (draw.random(size) < 0.6)
    texts = [comment for three in _COMMENTS for comment in three]
    comment = words(texts, (satisfaction - 1) * 3 + draw.integers(0, 3, size))
    world.log("responses").add(who.astype(np.int32))
    rows.add(
        "survey.responses",
        response_id=world.ids("response", size),
        email=accounts.mails(world.accounts, people, np.maximum(account, 0), error),
        member_id=pa.array(account + 1, mask=~logged_in),
        occasion=words(("purchase", "service"), due["service"].astype(int)),
        answered_at=times(draw, world.day, size, 7, 23.5),
        satisfaction=satisfaction,
        recommendation=recommendation.astype(np.int64),
        switching_discount_percent=_nulls(discount, draw.random(size) < 0.2),
        comment=blank(comment, draw.random(size) < 0.5),
    )


def _nulls(values: Array, gone: Array) -> pa.Array:
    return pa.array(values, mask=gone)

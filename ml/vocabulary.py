"""The reasons that churn and win-back share: which features tell which story, and in which words.

The groups are also the list of features: what no group can put into words, no model may use.
Contacts that we sent are left out on purpose: whom we wrote to says nothing of who would have come
anyway. Facts about the household are used but never written out.
"""

from dataclasses import replace

from ml.reasons import Phrase, ReasonGroup, Tier
from ml.service_vocabulary import (
    ACCOUNT,
    BOND,
    COMPETITION,
    COMPLAINT,
    CONTRACT,
    DETAILS,
    RETURNS,
    SATISFACTION,
    VISITS,
)

RHYTHM = ReasonGroup(
    "rhythm",
    (
        "recency_days",
        "average_gap_days",
        "gap_deviation_days",
        "recency_over_gap",
        "longest_gap_days",
        "recency_over_longest_gap",
        "last_gap_days",
        "recent_gap_days",
        "gap_trend",
    ),
    (
        Phrase(
            "rhythm_broken",
            "{recency_days:.0f} days since the last purchase, usually every {average_gap_days:.0f}",
            "마지막 구매 후 {recency_days:.0f}일 경과, 평소 {average_gap_days:.0f}일 간격",
            when=lambda row: row["recency_over_gap"] >= 1.5,
        ),
        Phrase(
            "rhythm_slows",
            "the last purchases came every {recent_gap_days:.0f} days, usually every"
            " {average_gap_days:.0f}",
            "최근 구매 간격 {recent_gap_days:.0f}일, 평소 {average_gap_days:.0f}일",
            when=lambda row: row["gap_trend"] >= 1.5,
        ),
        Phrase(
            "rhythm",
            "days since the last purchase: {recency_days:.0f}, usually {average_gap_days:.0f}",
            "마지막 구매 후 {recency_days:.0f}일, 평소 간격 {average_gap_days:.0f}일",
        ),
        Phrase("rhythm_unknown", "too few purchases for a rhythm", "구매가 적어 주기를 알 수 없음"),
    ),
    tier=Tier.RHYTHM,
)

FREQUENCY = ReasonGroup(
    "frequency",
    (
        "order_count_28d",
        "order_count_84d",
        "order_count_168d",
        "order_count_365d",
        "active_weeks_84d",
    ),
    (
        Phrase(
            "few_purchases",
            "purchases in 84 days: {order_count_84d:.0f}, in the last 28: {order_count_28d:.0f}",
            "84일간 구매 {order_count_84d:.0f}회, 최근 28일 {order_count_28d:.0f}회",
            when=lambda row: row["order_count_84d"] < 4,
        ),
        Phrase(
            "frequency",
            "purchases in 84 days: {order_count_84d:.0f}, in the last 28: {order_count_28d:.0f}",
            "84일간 구매 {order_count_84d:.0f}회, 최근 28일 {order_count_28d:.0f}회",
        ),
        Phrase("frequency_unknown", "purchases are not known", "구매 횟수를 알 수 없음"),
    ),
    tier=Tier.RHYTHM,
)

TREND = ReasonGroup(
    "trend",
    (
        "order_trend",
        "spend_trend",
        "order_change_84d",
        "spend_change_84d",
        "order_amount_trend",
    ),
    (
        Phrase(
            "buying_less",
            "the last 28 days ran at {order_trend:.0%} of the pace of 84 days",
            "최근 28일 구매 속도가 84일 평균의 {order_trend:.0%}",
            when=lambda row: row["order_trend"] < 0.8,
        ),
        Phrase(
            "buying_more",
            "the last 28 days ran at {order_trend:.0%} of the pace of 84 days",
            "최근 28일 구매 속도가 84일 평균의 {order_trend:.0%}",
            when=lambda row: row["order_trend"] > 1.2,
        ),
        Phrase(
            "buying_pace",
            "spend of the last 28 days at {spend_trend:.0%} of the pace of 84 days",
            "최근 28일 지출 속도가 84일 평균의 {spend_trend:.0%}",
        ),
        Phrase("no_recent_pace", "no purchase in 84 days", "84일간 구매 없음"),
    ),
)

SPEND = ReasonGroup(
    "spend",
    (
        "spend_28d",
        "spend_84d",
        "spend_168d",
        "spend_365d",
        "spend_per_purchase_day",
        "margin_share_84d",
    ),
    (
        Phrase(
            "spend",
            "spent in 84 days: {spend_84d:,.0f}, in the last 28: {spend_28d:,.0f}",
            "84일간 지출 {spend_84d:,.0f}, 최근 28일 {spend_28d:,.0f}",
        ),
        Phrase("spend_unknown", "spend is not known", "지출을 알 수 없음"),
    ),
)

BASKET = ReasonGroup(
    "basket",
    (
        "average_order_amount_84d",
        "lines_per_order_84d",
        "lines_per_order_change",
        "lines_per_purchase_day",
        "last_line_count",
        "recent_lines_per_purchase_day",
        "weekend_share_84d",
    ),
    (
        Phrase(
            "small_basket",
            "a purchase holds {lines_per_order_84d:.1f} lines on average",
            "구매당 평균 {lines_per_order_84d:.1f}개 품목",
            when=lambda row: row["lines_per_order_84d"] < 4,
        ),
        Phrase(
            "basket",
            "a purchase holds {lines_per_order_84d:.1f} lines on average",
            "구매당 평균 {lines_per_order_84d:.1f}개 품목",
        ),
        Phrase("no_recent_basket", "no basket in 84 days", "84일간 장바구니 없음"),
    ),
)

BREADTH = ReasonGroup(
    "breadth",
    (
        "department_count_84d",
        "department_change",
        "store_count_84d",
        "private_brand_share_84d",
    ),
    (
        Phrase(
            "buys_less_broadly",
            "departments bought from in 84 days: {department_count_84d:.0f}"
            " ({department_change:+.0f} against the 84 days before)",
            "84일간 이용 부문 {department_count_84d:.0f}개"
            " (이전 84일 대비 {department_change:+.0f})",
            when=lambda row: row["department_change"] < 0,
        ),
        Phrase(
            "few_departments",
            "departments bought from in 84 days: {department_count_84d:.0f}",
            "84일간 이용 부문 {department_count_84d:.0f}개",
            when=lambda row: row["department_count_84d"] < 4,
        ),
        Phrase(
            "breadth",
            "departments bought from in 84 days: {department_count_84d:.0f}",
            "84일간 이용 부문 {department_count_84d:.0f}개",
        ),
        Phrase("no_recent_breadth", "no department in 84 days", "84일간 이용 부문 없음"),
    ),
)

DISCOUNT = ReasonGroup(
    "discount",
    (
        "discount_share_84d",
        "coupon_share_84d",
        "discounted_line_share_84d",
        "discounted_line_share_change",
        "discounted_order_share_84d",
        "last_discounted_line_share",
        "recent_discounted_line_share",
        "redemption_count_168d",
    ),
    (
        Phrase(
            "only_on_discount",
            "{discounted_line_share_84d:.0%} of what was bought was on discount",
            "구매 품목의 {discounted_line_share_84d:.0%}가 할인 품목",
            when=lambda row: row["discounted_line_share_84d"] >= 0.6,
        ),
        Phrase(
            "buys_on_discount",
            "{discount_share_84d:.0%} of the price came off as discount",
            "정가의 {discount_share_84d:.0%}를 할인받아 구매",
            when=lambda row: row["discount_share_84d"] >= 0.25,
        ),
        Phrase(
            "discount",
            "{discount_share_84d:.0%} of the price came off as discount",
            "정가의 {discount_share_84d:.0%}를 할인받아 구매",
        ),
        Phrase("no_recent_discount", "no priced purchase in 84 days", "84일간 가격 정보 없음"),
    ),
)

# Prices rise for everybody, but it is who looks for offers that leaves over it. From 4 % on, as in
# the evidence of why the lapsed left (policy.yml, leaving_reasons).
PRICE = ReasonGroup(
    "price",
    (
        "discounted_line_share",
        "price_change_84d",
        "price_change_168d",
        "price_exposure_84d",
        "price_exposure_168d",
    ),
    (
        Phrase(
            "prices_rose",
            "prices rose {price_change_168d:.0%} in 168 days;"
            " {discounted_line_share:.0%} of all that was ever bought was on discount",
            "168일간 가격 {price_change_168d:.0%} 인상, 누적 구매 품목의"
            " {discounted_line_share:.0%}가 할인 품목",
            when=lambda row: row["price_change_168d"] >= 0.04,
        ),
        Phrase(
            "price",
            "{discounted_line_share:.0%} of all that was ever bought was on discount",
            "누적 구매 품목의 {discounted_line_share:.0%}가 할인 품목",
        ),
        Phrase("price_unknown", "nothing was bought yet", "구매 이력 없음"),
    ),
    tier=Tier.CIRCUMSTANCE,
    happened=lambda row: (
        (row["price_change_168d"] >= 0.04) & (row["discounted_line_share"] >= 0.25)
    ),
    shared=(
        "price_change_84d",
        "price_change_168d",
        "price_exposure_84d",
        "price_exposure_168d",
    ),
)

# The same for everybody tonight, so no reason for anyone.
SEASON = ReasonGroup("season", ("calendar_month",), ())

TENURE = ReasonGroup(
    "tenure",
    ("tenure_days",),
    (
        Phrase(
            "new_and_not_settled",
            "customer for {tenure_days:.0f} days only",
            "고객이 된 지 {tenure_days:.0f}일, 아직 정착 전",
            when=lambda row: row["tenure_days"] < 84,
        ),
        Phrase("tenure", "customer for {tenure_days:.0f} days", "고객이 된 지 {tenure_days:.0f}일"),
        Phrase("tenure_unknown", "first purchase is not known", "첫 구매일을 알 수 없음"),
    ),
)

HOUSEHOLD = ReasonGroup(
    "household",
    ("household_size", "income_level", "age_level", "has_children", "demographics_age_days"),
    (Phrase("household", "profile of the household", "가구 특성"),),
)

BEHAVIOUR = (
    RHYTHM,
    FREQUENCY,
    TREND,
    SPEND,
    BASKET,
    BREADTH,
    DISCOUNT,
    PRICE,
    COMPETITION,
    COMPLAINT,
    SATISFACTION,
    RETURNS,
    CONTRACT,
    ACCOUNT,
    DETAILS,
    VISITS,
    BOND,
    TENURE,
    SEASON,
    HOUSEHOLD,
)
# Who may come back needs no cause for it: the strongest reason is named first.
OF_RETURN = tuple(replace(group, tier=Tier.SYMPTOM, happened=None) for group in BEHAVIOUR)

"""Says in words why a lapsed customer may have left (`marts.customer_leaving_reasons`)."""

import math

from ml.reasons import Language, Phrase

# What there is to say beside the code is one number, `evidence_number`.
_NUMBER = "evidence_number"

LEAVING_REASONS = (
    Phrase(
        "complaint_open",
        "a complaint waits for an answer since {evidence_number:.0f} days",
        "불만 접수 후 {evidence_number:.0f}일째 미해결",
    ),
    Phrase(
        "complaint_refused",
        "a complaint was refused after {evidence_number:.0f} days",
        "불만이 {evidence_number:.0f}일 만에 거절됨",
    ),
    Phrase(
        "contract_ended",
        "the service contract ended {evidence_number:.0f} days ago, not renewed",
        "서비스 계약 만료 후 {evidence_number:.0f}일, 갱신 없음",
    ),
    Phrase(
        "complaint_answered_late",
        "a complaint was answered after {evidence_number:.0f} days, later than promised",
        "불만 답변이 약속보다 늦음, {evidence_number:.0f}일 소요",
    ),
    Phrase("moved", "moved to another region", "다른 지역으로 이사"),
    Phrase("price_complaint", "complained about prices", "가격에 대한 불만 접수"),
    Phrase(
        "price_rise",
        "prices rose by {evidence_number:.0%} where the customer bought",
        "이용 부문 가격 {evidence_number:.0%} 인상",
    ),
    Phrase(
        "low_satisfaction",
        "satisfaction {evidence_number:.0f} of 5 in the last answer",
        "최근 만족도 5점 중 {evidence_number:.0f}점",
    ),
    Phrase(
        "easily_drawn_away",
        "{evidence_number:.0f} % off at a rival would be enough to switch",
        "경쟁사 할인 {evidence_number:.0f}%면 이동 의향",
    ),
    Phrase(
        "only_on_discount",
        "{evidence_number:.0%} of what was bought last was on discount",
        "마지막 구매 품목의 {evidence_number:.0%}가 할인 품목",
    ),
)
_PHRASES = {phrase.code: phrase for phrase in LEAVING_REASONS}


def say(reason: str, evidence_number: float | None, language: Language) -> str:
    """Returns code and words of a row of the mart; the code alone where a number is missing."""
    phrase = _PHRASES[reason]
    number = math.nan if evidence_number is None else evidence_number
    if phrase.fields and math.isnan(number):
        return reason
    return phrase.text(language).format(**{_NUMBER: number})

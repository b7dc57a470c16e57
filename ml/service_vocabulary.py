"""The reasons beside the purchases themselves: service, surveys, contracts, visits and bonds."""

from ml.reasons import Phrase, ReasonGroup, Tier

COMPLAINT = ReasonGroup(
    "complaint",
    (
        "case_count_168d",
        "days_since_case",
        "complaint_count_168d",
        "days_since_complaint",
        "open_complaint_count",
        "open_complaint_age_days",
        "longest_wait_days_168d",
        "late_case_count_168d",
        "refused_complaint_count_168d",
        "last_complaint_refused",
        "last_complaint_late",
    ),
    (
        Phrase(
            "complaint_open",
            "a complaint waits for an answer since {open_complaint_age_days:.0f} days",
            "불만 접수 후 {open_complaint_age_days:.0f}일째 미해결",
            when=lambda row: row["open_complaint_count"] > 0,
        ),
        Phrase(
            "complaint_refused",
            "a complaint was refused, the last one {days_since_complaint:.0f} days ago",
            "불만이 거절됨, 마지막 불만 {days_since_complaint:.0f}일 전",
            when=lambda row: row["refused_complaint_count_168d"] > 0,
        ),
        Phrase(
            "answered_late",
            "cases answered later than promised in 168 days: {late_case_count_168d:.0f}",
            "168일간 약속보다 늦은 답변 {late_case_count_168d:.0f}건",
            when=lambda row: row["late_case_count_168d"] > 0,
        ),
        Phrase(
            "answered_slowly",
            "a case of the last 168 days took {longest_wait_days_168d:.0f} days",
            "최근 168일 내 문의 처리에 {longest_wait_days_168d:.0f}일 소요",
            when=lambda row: row["longest_wait_days_168d"] > 5,
        ),
        Phrase(
            "complaints",
            "complaints in 168 days: {complaint_count_168d:.0f}",
            "168일간 불만 {complaint_count_168d:.0f}건",
        ),
        Phrase("complaints_unknown", "complaints are not known", "불만 여부를 알 수 없음"),
    ),
    tier=Tier.EVENT,
    happened=lambda row: (row["case_count_168d"] > 0) | (row["open_complaint_count"] > 0),
)

SATISFACTION = ReasonGroup(
    "satisfaction",
    (
        "last_satisfaction",
        "satisfaction_change",
        "last_recommendation",
        "last_switching_discount_percent",
        "survey_age_days",
    ),
    (
        Phrase(
            "low_satisfaction",
            "satisfaction {last_satisfaction:.0f} of 5 in the last answer",
            "최근 만족도 5점 중 {last_satisfaction:.0f}점",
            when=lambda row: row["last_satisfaction"] <= 2,
        ),
        Phrase(
            "easily_drawn_away",
            "{last_switching_discount_percent:.0f} % off at a rival would be enough to switch",
            "경쟁사 할인 {last_switching_discount_percent:.0f}%면 이동 의향",
            when=lambda row: row["last_switching_discount_percent"] <= 15,
        ),
        Phrase(
            "satisfaction",
            "satisfaction {last_satisfaction:.0f} of 5 in the last answer",
            "최근 만족도 5점 중 {last_satisfaction:.0f}점",
        ),
        Phrase("no_answer", "no answer to a survey", "설문 응답 없음"),
    ),
)

RETURNS = ReasonGroup(
    "returns",
    ("return_count_168d", "returned_share_168d", "days_since_return"),
    (
        Phrase(
            "returns_much",
            "{returned_share_168d:.0%} of the spend of 168 days came back",
            "168일 구매액의 {returned_share_168d:.0%} 반품",
            when=lambda row: row["returned_share_168d"] >= 0.1,
        ),
        Phrase(
            "returns",
            "returns in 168 days: {return_count_168d:.0f}",
            "168일간 반품 {return_count_168d:.0f}건",
        ),
        Phrase("returns_unknown", "returns are not known", "반품 여부를 알 수 없음"),
    ),
)

CONTRACT = ReasonGroup(
    "contract",
    (
        "running_contract_count",
        "contract_days_left",
        "days_since_contract_end",
        "contract_tenure_days",
        "contract_monthly_fee",
    ),
    (
        Phrase(
            "contract_ended",
            "the service contract ended {days_since_contract_end:.0f} days ago, not renewed",
            "서비스 계약 만료 후 {days_since_contract_end:.0f}일, 갱신 없음",
            when=lambda row: row["days_since_contract_end"] >= 0,
        ),
        Phrase(
            "contract_ending",
            "the service contract ends in {contract_days_left:.0f} days",
            "서비스 계약 만료까지 {contract_days_left:.0f}일",
            when=lambda row: row["contract_days_left"] <= 90,
        ),
        Phrase(
            "contract",
            "the service contract runs for another {contract_days_left:.0f} days",
            "서비스 계약 잔여 {contract_days_left:.0f}일",
        ),
        Phrase("no_contract", "no service contract", "서비스 계약 없음"),
    ),
    tier=Tier.EVENT,
    happened=lambda row: (row["days_since_contract_end"] >= 0) | (row["contract_days_left"] <= 90),
)

ACCOUNT = ReasonGroup(
    "account",
    ("accounts_closed", "days_since_account_closing"),
    (
        Phrase(
            "account_closed",
            "the account was closed {days_since_account_closing:.0f} days ago",
            "{days_since_account_closing:.0f}일 전 계정 해지",
            when=lambda row: row["accounts_closed"] > 0,
        ),
        Phrase(
            "account_open",
            "an account is open",
            "계정 유지 중",
            when=lambda row: row["accounts_closed"] == 0,
        ),
        Phrase("no_account", "no account is known", "알려진 계정 없음"),
    ),
)

# Who moves buys elsewhere. A source says that an account changed, not always what of it.
DETAILS = ReasonGroup(
    "details",
    ("days_since_account_change",),
    (
        Phrase(
            "details_changed",
            "address, phone or name changed {days_since_account_change:.0f} days ago",
            "{days_since_account_change:.0f}일 전 주소·전화·이름 변경",
        ),
        Phrase("details_unchanged", "no change of details is known", "회원 정보 변경 없음"),
    ),
    tier=Tier.EVENT,
    happened=lambda row: row["days_since_account_change"] < 168,
)

COMPETITION = ReasonGroup(
    "competition",
    ("days_since_competitor_opening",),
    (
        Phrase(
            "competitor_opened",
            "a competitor opened in the region {days_since_competitor_opening:.0f} days ago",
            "{days_since_competitor_opening:.0f}일 전 인근에 경쟁사 개점",
        ),
        Phrase(
            "no_competitor_opened", "no opening nearby is known", "알려진 인근 경쟁사 개점 없음"
        ),
    ),
    tier=Tier.CIRCUMSTANCE,
    happened=lambda row: row["days_since_competitor_opening"] < 168,
)

VISITS = ReasonGroup(
    "visits",
    (
        "days_since_visit",
        "visit_day_count_28d",
        "visit_day_count_84d",
        "visit_trend",
        "visit_change_84d",
        "visit_day_count_365d",
        "visit_gap_days",
        "visit_recency_over_gap",
        "login_count_28d",
        "login_count_84d",
        "view_count_28d",
        "cart_count_28d",
        "app_open_count_28d",
        "days_since_login",
        "days_since_cart",
    ),
    (
        Phrase(
            "fewer_visits",
            "days with a visit in the last 28: {visit_day_count_28d:.0f},"
            " in 84: {visit_day_count_84d:.0f}",
            "최근 28일 방문 {visit_day_count_28d:.0f}일, 84일 방문 {visit_day_count_84d:.0f}일",
            when=lambda row: row["visit_trend"] < 0.8,
        ),
        Phrase(
            "visits",
            "last seen on the web or in the app {days_since_visit:.0f} days ago",
            "웹·앱 마지막 방문 {days_since_visit:.0f}일 전",
        ),
        Phrase("never_seen", "not seen on the web or in the app", "웹·앱 방문 기록 없음"),
    ),
)

BOND = ReasonGroup(
    "bond",
    ("settled_complaint_count_365d", "contract_renewal_count", "purchase_day_count"),
    (
        Phrase(
            "complaint_settled",
            "complaints settled in time within a year: {settled_complaint_count_365d:.0f}",
            "1년간 제때 해결된 불만 {settled_complaint_count_365d:.0f}건",
            when=lambda row: row["settled_complaint_count_365d"] > 0,
        ),
        Phrase(
            "contract_renewed",
            "service contract renewed, times: {contract_renewal_count:.0f}",
            "서비스 계약 {contract_renewal_count:.0f}회 갱신",
            when=lambda row: row["contract_renewal_count"] > 0,
        ),
        Phrase(
            "bond",
            "days with a purchase so far: {purchase_day_count:.0f}",
            "누적 구매일 {purchase_day_count:.0f}일",
        ),
        Phrase("bond_unknown", "no purchase yet", "구매 이력 없음"),
    ),
)

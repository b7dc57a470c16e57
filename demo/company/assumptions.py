"""Everything that is planted in the demo company: rates, causes, effects and dates.

Rates are per day where the name says so. Nothing here is estimated from data: it is what a good
analysis of the company's systems should find again.
"""

from datetime import date

# When the company's history begins, and the last days new customers are drawn for.
FIRST_DAY = date(2024, 1, 1)
CUSTOMERS_COUNTED_ON = date(2026, 6, 30)  # `customers` have joined by this day
LAST_ARRIVALS = date(2027, 12, 31)
OPENING_SHARE = 0.45  # of the customers counted: customers before the first day already
OPENING_SINCE = date(2019, 1, 1)
PROSPECT_SHARE = 0.05  # people the sales team knows who never buy, against the customers

# Who people are: households, and what makes their records hard to tell apart.
HOUSEHOLD_SIZES = (0.42, 0.27, 0.18, 0.13)  # people of a household among the customers: 1 to 4
TWIN_SHARE = 0.15  # of the households of four: two children born the same day
SHARED_PHONE_SHARE = 0.09  # of those who are not a household's first: give its first one's phone
RECYCLED_PHONE_SHARE = 0.01  # of the later customers: have a number somebody gave up
MOVES_PER_YEAR = 0.06
MARRIAGES_PER_YEAR = 0.008  # of all: a new mail address, another Latin spelling, a new home
NEW_PHONE_PER_YEAR = 0.03
SHOP_LEARNS_OF_CHANGE = 0.6  # share of changes the member tells the shop
CRM_LEARNS_OF_CHANGE = 0.25  # share of changes the sales team hears of

# How people are known: accounts, cards, and the care with which records were typed.
MEMBER_SHARE = 0.8  # have an account of the shop; the rest buys in stores only
CARD_SHARE = 0.88  # of the accounts have a membership card
SECOND_ACCOUNT_SHARE = 0.075  # of the members open another account later
SECOND_CARD_SHARE = 0.3
SECOND_ACCOUNT_USED = 0.3  # of the purchases of who has two
MEMBER_NAME_STYLES = (0.89, 0.02, 0.0, 0.02, 0.04, 0.02, 0.01, 0.0)  # names.NAME_STYLES
MEMBER_PHONE_STYLES = (0.55, 0.36, 0.02, 0.02, 0.03, 0.0, 0.02)  # names.PHONE_STYLES
MEMBER_MAIL_ERRORS = (0.975, 0.015, 0.005, 0.005, 0.0, 0.0)  # names.MAIL_ERRORS
MEMBER_PLACEHOLDER_PHONE = 0.01
MEMBER_NO_BIRTH_DATE, MEMBER_NO_ADDRESS = 0.12, 0.18
CRM_SHARE = 0.33  # of the customers stand on the sales team's name list
CRM_DOUBLE_SHARE = 0.05  # of them stand there twice
CRM_NAME_STYLES = (0.84, 0.05, 0.05, 0.01, 0.02, 0.0, 0.015, 0.015)
CRM_PHONE_STYLES = (0.5, 0.18, 0.08, 0.08, 0.05, 0.06, 0.05)
CRM_MAIL_ERRORS = (0.62, 0.04, 0.01, 0.01, 0.03, 0.29)
CRM_PLACEHOLDER_PHONE = 0.03
CRM_KNOWS_CARD = 0.45
CRM_DATE_STYLES = (
    0.5,
    0.16,
    0.14,
    0.12,
    0.08,
)  # 1985-03-07, 85.3.7, 19850307, 1985년 3월 7일, none

# Buying: each person's own rhythm. Gaps between purchases are gamma-distributed.
GAP_MEDIAN_DAYS, GAP_SPREAD = 62.0, 0.55  # lognormal over people
GAP_SHAPE_RANGE = (1.2, 4.0)  # 1 would be a purchase at random, higher is more regular
FIRST_PURCHASE_DAYS = (4.0, 8.0)  # after joining, at the own rhythm
RHYTHM_DRIFT_PER_MONTH, RHYTHM_FADING_PER_MONTH = 0.06, -0.006  # of the logarithm
WEB_PREFERENCE = (1.3, 1.5)  # beta over members: the share of purchases on the web
SENSITIVITY = (1.6, 2.2)  # beta over people: price sensitivity, 0 to 1
MORE_LINES = 1.05  # lines of a purchase beyond the first, on average
FAVOURITE_SHARE = 0.72  # of the lines come from the person's two favourite departments
APP_SHARE = 0.45
LINE_DISCOUNT_BASE, LINE_DISCOUNT_BY_SENSITIVITY = 0.08, 0.5  # chance that a line is on offer
FREE_DELIVERY_FROM, DELIVERY_FEE = 50_000, 3_000
CANCELLED_SHARE, RETURNED_LINE_SHARE, STORE_REFUND_SHARE = 0.02, 0.05, 0.015
CARD_SHOWN = 0.84  # of the store purchases of who has a card
PHONE_GIVEN = 0.25  # of the other store purchases

# Seasons: how much is bought against an average day. Monday first; January first.
WEEKDAY = (0.88, 0.86, 0.9, 0.94, 1.08, 1.26, 1.08)
MONTH = (0.95, 0.9, 0.96, 0.98, 1.03, 0.97, 0.95, 0.93, 1.02, 1.0, 1.1, 1.2)
FEASTS = (  # Seollal and Chuseok
    date(2024, 2, 10), date(2024, 9, 17), date(2025, 1, 29), date(2025, 10, 6),
    date(2026, 2, 17), date(2026, 9, 25), date(2027, 2, 7), date(2027, 9, 15),
)  # fmt: skip
FEAST_SHOPPING_DAYS, FEAST_SHOPPING, FEAST_REST = 14, 1.4, 0.3
NOVEMBER_SALE_FROM, NOVEMBER_SALE = 20, 1.6

# Prices: rises in some departments make the price-sensitive leave for half a year.
PRICE_RISES = (  # day, departments (all where empty), rise
    (date(2025, 2, 3), ("식품", "생활"), 0.07),
    (date(2026, 1, 12), (), 0.08),
)
PRICE_PRESSURE_HALF_LIFE_DAYS = 45.0
SMALL_CHANGES_PER_MONTH, SMALL_CHANGE_SPREAD = 0.03, 0.06  # of the products; of their prices
# Competitors open shops in a region and take customers for a while. Of others nobody takes notice
# but those who keep the list of them.
COMPETITOR_OPENINGS = (  # day, region
    (date(2024, 9, 2), "부산"), (date(2025, 5, 12), "경기"), (date(2026, 3, 2), "대구"),
)  # fmt: skip
UNFELT_OPENINGS = (
    (date(2024, 1, 15), "서울"), (date(2025, 9, 8), "인천"), (date(2026, 1, 19), "광주"),
)  # fmt: skip
COMPETITOR_PRESSURE_DAYS = 150

# Leaving: hazards per day of deciding to leave; they add up, the greatest is the cause.
HAZARD_RHYTHM = 0.00036  # divided by the rhythm: the slower, the likelier
HAZARD_NEW_FACTOR, HAZARD_NEW_DAYS = 2.0, 90  # of the rhythm's hazard while somebody is new
HAZARD_PRICE = 0.0065  # times sensitivity squared times the pressure of a price rise
HAZARD_COMPLAINT = 0.017  # times grievance
HAZARD_COMPETITOR = 0.0019  # while a competitor's opening presses
HAZARD_CONTRACT_END = 0.025  # times the distance a contract's end without renewal leaves
HAZARD_MOVED = 0.009  # times the distance a move to another region leaves
# The frailty multiplies every hazard: gamma over people, times the factor of the contact effect.
FRAILTY_SHAPE = 4.0
# A complaint answered badly or late (or both, which adds up) leaves a grievance; one answered well
# and in time a bond; a question answered late a small grievance. All fade with time. A bond lowers
# every hazard to exp(-bond).
GRIEVANCE_REFUSED, GRIEVANCE_LATE, BOND_SOLVED = 1.2, 0.8, 0.7
GRIEVANCE_QUESTION_LATE = 0.25
GRIEVANCE_HALF_LIFE_DAYS, BOND_HALF_LIFE_DAYS, DISTANCE_HALF_LIFE_DAYS = 50.0, 240.0, 45.0
# Who has decided to leave fades away: gaps widen, fewer departments, only discounts, no logins.
FADING_DAYS = (20, 90)
FADING_PACE = (0.75, 0.15)  # of the rhythm: at the decision, at the end
FADING_DISCOUNT = 0.85  # chance that a line is on offer
FADING_LINES, FADING_VISITS = 0.5, 0.15  # of the further lines; of the visits without buying
CLOSES_ACCOUNT = 0.06  # of the leavers; do-not-wakes more often
CLOSES_ACCOUNT_WOKEN = 0.3
COMES_BACK_PER_DAY = 0.00014

# Contact: what being contacted does, by kind of person.
CONTACT_EFFECTS = ("persuadable", "sure_thing", "lost_cause", "do_not_wake")
CONTACT_EFFECT_SHARES = (0.24, 0.4, 0.25, 0.11)
PERSUADABLE_BY_SENSITIVITY = 1.2  # the more price-sensitive, the likelier persuadable
FRAILTY_BY_EFFECT = (1.2, 0.6, 1.4, 1.0)
CONTACT_WORKS_DAYS = 30
GOAL_STRENGTH = {"newsletter": 0.25, "offer": 1.0, "win_back": 1.0, "renewal": 1.0}
PERSUADABLE_PACE = 0.6  # added to the pace while a contact of strength 1 works
PERSUADABLE_CALM = 0.7  # taken from the hazards
PERSUADABLE_STAYS = 0.35  # chance that a fading one changes their mind
PERSUADABLE_RETURNS = 0.12  # chance that one who left comes back, at a win-back contact
WOKEN_HAZARD = 4.0  # added to the hazards' factor of do-not-wakes
WOKEN_UNSUBSCRIBES = 0.06

# Marketing: the calendar of campaigns and consent.
CONSENT_AT_REGISTRATION = (0.55, 0.5, 0.2, 0.12)  # email, sms, phone, post
CONSENT_CHANGES_PER_MONTH = 0.004
CONTROL_SHARES = {"newsletter": 0.1, "offer": 0.2, "win_back": 0.2, "renewal": 0.15}
ACTIVE_WITHIN_DAYS = 365  # newsletters and offers go to who bought since
OFFER_REACH, OFFER_DISCOUNTS, WIN_BACK_DISCOUNT = 0.3, (10, 15, 20), 20
WIN_BACK_DAYS, WIN_BACK_REACH = (120, 540), 0.5  # days without a purchase; share of them
RENEWAL_AHEAD_DAYS = 45
COUPON_VALID_DAYS = 30
UNSUBSCRIBES = 0.002  # upon a contact
# How contacts are taken shows the kind of person, in the order of CONTACT_EFFECTS, and is noisy. On
# the whole as retailers report it: a quarter to a half of the mails opened, a few in a hundred
# clicked. Who is moved by offers reads them and comes with the coupon; who buys anyway reads some
# and leaves coupons lying; whom contact annoys has stopped reading.
OPENS = (0.48, 0.32, 0.2, 0.12)  # of the mails
CLICKS = (0.25, 0.15, 0.1, 0.06)  # of the opened mails, and of the messages
COUPON_USED = (0.9, 0.55, 0.55, 0.4)  # of the next web orders while one is valid
ATTENTION = (0.5, 1.5)  # times the first two: everybody reads more or less, whatever their kind

# Contracts of service: yearly.
CONTRACT_SHARE = 0.15  # of the customers
CONTRACT_DAYS = 365
RENEWS, RENEWS_BOND, RENEWS_GRIEVANCE = (
    0.76,
    0.2,
    0.45,
)  # chance; plus per bond; minus per grievance
RENEWS_CONTACTED = 0.15  # plus for persuadables, minus for do-not-wakes
SERVICE_PLANS = (("안심케어", 9_900), ("프리미엄케어", 19_900), ("홈서비스", 29_900))

# Service: departments, their understaffing, and how cases end.
COMPLAINTS_PER_PURCHASE, QUESTIONS_PER_PURCHASE = 0.025, 0.015
# shares of delivery, quality, refund and price among the complaints after a purchase
COMPLAINT_TOPICS_WEB, COMPLAINT_TOPICS_STORE = (0.4, 0.27, 0.19, 0.14), (0.0, 0.5, 0.25, 0.25)
CALLS_PER_CONTRACT_DAY, CONTRACT_COMPLAINT_SHARE = 0.0012, 0.6  # about service and contract
DEPARTMENTS = ("물류", "품질", "결제", "서비스")
OPENING_CASES_BY_DEPARTMENT = (0.14, 0.23, 0.33, 0.3)  # shares expected before the first day
UNDERSTAFFED = (  # department, first month, last month, share of the hours needed
    ("물류", date(2024, 11, 1), date(2025, 1, 1), 0.5),
    ("품질", date(2025, 6, 1), date(2025, 8, 1), 0.55),
    ("서비스", date(2026, 2, 1), date(2026, 4, 1), 0.5),
    ("결제", date(2026, 11, 1), date(2026, 12, 1), 0.5),
)
# Cases planned for: the last months' times the reserve, plus the safety times their square root.
STAFFING_RESERVE, STAFFING_SAFETY = 1.2, 2.0
HOURS_PER_CASE, HOURS_PER_AGENT = 1.5, 160
CALLER_PLACEHOLDER_PHONE = 0.01
PROMISED_SHARE, PROMISED_DAYS, LATE_WITHOUT_PROMISE_DAYS = 0.7, (1, 4), 5
OUTCOMES = ("solved", "goodwill", "refused", "withdrawn")
OUTCOMES_IN_TIME, OUTCOMES_LATE = (0.62, 0.16, 0.14, 0.08), (0.42, 0.2, 0.22, 0.16)

# Surveys: who is asked answers rarely; the answers follow what happened.
SURVEY_AFTER_PURCHASE, SURVEY_AFTER_CASE = 0.03, 0.25
SURVEY_DAYS = (2, 10)
# The mood behind an answer, on the scale of satisfaction: where it starts, what each thing adds.
MOOD, MOOD_BY_GRIEVANCE, MOOD_BY_BOND, MOOD_FADING, MOOD_SPREAD = 4.0, -1.1, 0.4, -0.8, 0.8
MOOD_SOLVED, MOOD_REFUSED, MOOD_LATE = 1.0, -1.5, -1.2  # of an answer after a case
# The discount in per cent that would make somebody switch: less for the price-sensitive.
SWITCHING, SWITCHING_BY_SENSITIVITY, SWITCHING_BY_MOOD, SWITCHING_SPREAD = 32.0, -26.0, 2.5, 4.0

# Loyalty: points.
POINTS_SHARE, POINTS_SPENT_FROM, POINTS_SPEND_CHANCE = 0.01, 3_000, 0.2
POINTS_CARRIED_OVER = (1.2, 2_200.0)  # gamma: brought along from before the first day
REWARDS_FROM, REWARD_CHANCE_PER_DAY = 5_000, 0.002
POINTS_EXPIRE_DAYS = 400  # without an entry

# The web log: visits beside those that end in an order. Shops see two to four orders in a hundred
# sessions of anybody; these are sessions of customers, who buy oftener: one order in seven.
VISITS_PER_PURCHASE = 6.0
HOUSEHOLD_DEVICE_SHARE = 0.12  # of the sessions run on a device the household shares

# Truth: the monthly hazards are kept for at most so many people (the first ones).
HAZARD_PEOPLE = 100_000

"""The tables of the company's seven source systems, as the simulation hands them to the systems.

One Arrow schema per table. Times are instants (UTC); money is whole won. A table marked by
`updated_at` hands over a row anew whenever it changes; a table without one is append-only or, where
`SNAPSHOTS` names it, handed over whole on each of its days.
"""

from collections.abc import Mapping

import pyarrow as pa

INSTANT = pa.timestamp("us", "UTC")
_TEXT, _ID, _INT, _DAY = pa.string(), pa.int64(), pa.int64(), pa.date32()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


# PostgreSQL: the web shop with its memberships.
SHOP: Mapping[str, pa.Schema] = {
    "members": _schema(
        member_id=_ID,
        membership_number=_TEXT,  # the card's; null for who only has an account
        login_email=_TEXT,
        email_verified=pa.bool_(),
        name=_TEXT,
        phone=_TEXT,
        birth_date=_DAY,
        gender=_TEXT,
        postcode=_TEXT,
        address=_TEXT,
        registered_at=INSTANT,
        status=_TEXT,  # active, closed
        updated_at=INSTANT,
    ),
    "products": _schema(
        product_id=_ID,
        name=_TEXT,
        department=_TEXT,
        category=_TEXT,
        brand=_TEXT,
        is_private_brand=pa.bool_(),
        list_price=_INT,
        unit_cost=_INT,
        updated_at=INSTANT,
    ),
    "orders": _schema(
        order_id=_ID,
        member_id=_ID,
        channel=_TEXT,  # web, app
        device_id=_TEXT,
        ordered_at=INSTANT,
        status=_TEXT,  # paid, shipped, delivered, cancelled
        delivery_fee=_INT,
        coupon_id=_ID,
        updated_at=INSTANT,
    ),
    "order_lines": _schema(
        order_id=_ID,
        line_number=_INT,
        product_id=_ID,
        quantity=_INT,
        unit_price=_INT,
        discount_amount=_INT,
        updated_at=INSTANT,
    ),
    "returns": _schema(
        return_id=_ID,
        order_id=_ID,
        line_number=_INT,
        quantity=_INT,
        refund_amount=_INT,
        reason=_TEXT,
        returned_at=INSTANT,
        updated_at=INSTANT,
    ),
    "coupons": _schema(
        coupon_id=_ID,
        member_id=_ID,
        campaign_id=_ID,
        discount_percent=_INT,
        issued_at=INSTANT,
        expires_on=_DAY,
        redeemed_at=INSTANT,
        updated_at=INSTANT,
    ),
    "points_entries": _schema(
        entry_id=_ID,
        member_id=_ID,
        order_id=_ID,
        kind=_TEXT,  # earned, spent, expired, corrected
        points=_INT,
        entered_at=INSTANT,
        updated_at=INSTANT,
    ),
    "rewards": _schema(
        reward_id=_ID,
        member_id=_ID,
        reward=_TEXT,
        points_spent=_INT,
        chosen_at=INSTANT,
        updated_at=INSTANT,
    ),
}

# MySQL protocol (or a second PostgreSQL database): the tills of the stores.
POS: Mapping[str, pa.Schema] = {
    "stores": _schema(store_id=_ID, name=_TEXT, region=_TEXT, opened_on=_DAY, updated_at=INSTANT),
    # What store operations knows of others' openings.
    "competitor_stores": _schema(
        competitor_store_id=_ID, region=_TEXT, opened_on=_DAY, updated_at=INSTANT
    ),
    "receipts": _schema(
        receipt_id=_ID,
        store_id=_ID,
        till=_INT,
        membership_number=_TEXT,  # null where no card was shown
        phone=_TEXT,  # given for points instead of a card; else null
        sold_at=INSTANT,
        kind=_TEXT,  # sale; refund: its lines have negative quantities and discounts
        updated_at=INSTANT,
    ),
    "receipt_lines": _schema(
        receipt_id=_ID,
        line_number=_INT,
        product_id=_ID,
        quantity=_INT,
        unit_price=_INT,
        discount_amount=_INT,
        updated_at=INSTANT,
    ),
}

# CSV in CP949: what the sales team keeps by hand. Everything is text, as people typed it.
CRM: Mapping[str, pa.Schema] = {
    "name_list": _schema(
        contact_id=_TEXT,
        name=_TEXT,
        mobile=_TEXT,
        email=_TEXT,
        birth_date=_TEXT,
        postcode=_TEXT,
        address=_TEXT,
        membership_number=_TEXT,
        grade=_TEXT,
        sales_region=_TEXT,
        entered_on=_TEXT,
        last_edited_on=_TEXT,
    ),
    "contracts": _schema(
        contract_id=_TEXT,
        contact_id=_TEXT,
        service_plan=_TEXT,
        started_on=_TEXT,
        ends_on=_TEXT,
        monthly_fee=_TEXT,
        state=_TEXT,  # 유효, 만료, 해지
        renewed_from=_TEXT,
    ),
    "notes": _schema(note_id=_TEXT, contact_id=_TEXT, written_on=_TEXT, topic=_TEXT, note=_TEXT),
}

# Gzipped JSON lines: what the web shop and the app log.
WEB: Mapping[str, pa.Schema] = {
    "events": _schema(
        event_id=_TEXT,
        event_type=_TEXT,  # visit, login, search, product_view, cart_add, checkout, app_open
        occurred_at=INSTANT,
        device_id=_TEXT,
        session_id=_TEXT,
        channel=_TEXT,  # web, app
        member_id=_ID,  # null until somebody logs in
        product_id=_ID,
        search_text=_TEXT,
    ),
}

# REST: the call centre.
CALLCENTRE: Mapping[str, pa.Schema] = {
    "cases": _schema(
        case_id=_ID,
        caller_name=_TEXT,
        phone=_TEXT,
        member_id=_ID,
        channel=_TEXT,  # phone, chat, mail
        kind=_TEXT,  # complaint, question
        topic=_TEXT,  # delivery, quality, refund, price, service, contract, membership
        department=_TEXT,
        order_id=_ID,
        opened_at=INSTANT,
        promised_at=INSTANT,  # when an answer was promised; null where nothing was
        resolved_at=INSTANT,
        outcome=_TEXT,  # solved, goodwill, refused, withdrawn
        description=_TEXT,
        updated_at=INSTANT,
    ),
    "staffing": _schema(department=_TEXT, month=_DAY, agents=_INT, hours=_INT, updated_at=INSTANT),
}

# XLSX: what customers answered.
SURVEY: Mapping[str, pa.Schema] = {
    "responses": _schema(
        response_id=_ID,
        email=_TEXT,
        member_id=_ID,
        occasion=_TEXT,  # purchase, service
        answered_at=INSTANT,
        satisfaction=_INT,  # 1 to 5
        recommendation=_INT,  # 0 to 10
        switching_discount_percent=_INT,  # the discount at a rival that would make them switch
        comment=_TEXT,
    ),
}

# Parquet: the mailing tool.
MAILER: Mapping[str, pa.Schema] = {
    "campaigns": _schema(
        campaign_id=_ID,
        name=_TEXT,
        goal=_TEXT,  # newsletter, offer, win_back, renewal
        channel=_TEXT,  # email, sms
        discount_percent=_INT,
        starts_on=_DAY,
        control_share=pa.float64(),
    ),
    "sends": _schema(
        send_id=_ID,
        campaign_id=_ID,
        email=_TEXT,
        phone=_TEXT,
        assigned_group=_TEXT,  # contact, or control: drawn at random, not sent to
        assigned_at=INSTANT,
    ),
    "reactions": _schema(
        reaction_id=_ID,
        send_id=_ID,
        kind=_TEXT,  # open, click, unsubscribe, bounce
        occurred_at=INSTANT,
    ),
    "consent_changes": _schema(
        change_id=_ID,
        email=_TEXT,
        phone=_TEXT,
        channel=_TEXT,  # email, sms, phone, post
        consent=_TEXT,  # granted, withdrawn
        changed_at=INSTANT,
    ),
}

SYSTEMS: Mapping[str, Mapping[str, pa.Schema]] = {
    "shop": SHOP,
    "pos": POS,
    "crm": CRM,
    "web": WEB,
    "callcentre": CALLCENTRE,
    "survey": SURVEY,
    "mailer": MAILER,
}
SNAPSHOTS = frozenset({"crm.name_list", "crm.contracts"})  # whole, every Monday

# Schema demo_truth: what is really so. No room of the walk may read it.
TRUTH: Mapping[str, pa.Schema] = {
    "people": _schema(
        true_person_id=_ID,
        true_household_id=_ID,
        name=_TEXT,
        birth_date=_DAY,
        gender=_TEXT,
        first_active_on=_DAY,
        left_on=_DAY,  # null: still a customer
        leaving_cause=_TEXT,  # price, complaint, rhythm, moved, contract_end, competitor; null
        price_sensitivity=pa.float64(),  # 0 to 1
        base_gap_days=pa.float64(),  # mean days between purchases while a customer
        gap_shape=pa.float64(),  # of the gamma distribution of those days; 1 is at random
        known_purchase_share=pa.float64(),  # of which a system can tell whose they are
        contact_effect=_TEXT,  # persuadable, sure_thing, lost_cause, do_not_wake
    ),
    "person_records": _schema(
        source=_TEXT, source_table=_TEXT, source_record_id=_TEXT, true_person_id=_ID
    ),
    "hazards": _schema(
        true_person_id=_ID,
        on_day=_DAY,  # the first of each month
        leaving_hazard_per_day=pa.float64(),
        purchase_rate_per_day=pa.float64(),
    ),
    "expectations": _schema(
        true_person_id=_ID,
        on_day=_DAY,  # the first of each month, before anything happens
        spend_365d=pa.float64(),  # expected from then on, of purchases that can be told whose
        # The same of a customer who stays so far, and of one who has left; and the rates of a
        # customer: everybody's, whatever has become of them.
        spend_365d_of_customer=pa.float64(),
        spend_365d_of_leaver=pa.float64(),
        leaving_hazard_of_customer=pa.float64(),  # per day
        purchase_rate_of_customer=pa.float64(),  # per day of average demand
    ),
}

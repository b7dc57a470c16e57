"""The demo company's simulation: its rows, and the truth that can be found again in them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from demo.company import seasons
from demo.company.simulation import FIRST_DAY, Company, DayRows
from demo.company.tables import SNAPSHOTS, SYSTEMS, TRUTH

KEYS = {
    "shop.members": ["member_id"],
    "shop.products": ["product_id"],
    "shop.orders": ["order_id"],
    "shop.order_lines": ["order_id", "line_number"],
    "shop.returns": ["return_id"],
    "shop.coupons": ["coupon_id"],
    "shop.points_entries": ["entry_id"],
    "shop.rewards": ["reward_id"],
    "pos.stores": ["store_id"],
    "pos.competitor_stores": ["competitor_store_id"],
    "pos.receipts": ["receipt_id"],
    "pos.receipt_lines": ["receipt_id", "line_number"],
    "crm.notes": ["note_id"],
    "web.events": ["event_id"],
    "callcentre.cases": ["case_id"],
    "callcentre.staffing": ["department", "month"],
    "survey.responses": ["response_id"],
    "mailer.campaigns": ["campaign_id"],
    "mailer.sends": ["send_id"],
    "mailer.reactions": ["reaction_id"],
    "mailer.consent_changes": ["change_id"],
}
REFERENCES = [  # table, column, table it points to, its column
    ("shop.orders", "member_id", "shop.members", "member_id"),
    ("shop.orders", "coupon_id", "shop.coupons", "coupon_id"),
    ("shop.order_lines", "order_id", "shop.orders", "order_id"),
    ("shop.order_lines", "product_id", "shop.products", "product_id"),
    ("shop.returns", "order_id", "shop.orders", "order_id"),
    ("shop.coupons", "member_id", "shop.members", "member_id"),
    ("shop.coupons", "campaign_id", "mailer.campaigns", "campaign_id"),
    ("shop.points_entries", "member_id", "shop.members", "member_id"),
    ("shop.points_entries", "order_id", "shop.orders", "order_id"),
    ("shop.rewards", "member_id", "shop.members", "member_id"),
    ("pos.receipts", "store_id", "pos.stores", "store_id"),
    ("pos.receipts", "membership_number", "shop.members", "membership_number"),
    ("pos.receipt_lines", "receipt_id", "pos.receipts", "receipt_id"),
    ("pos.receipt_lines", "product_id", "shop.products", "product_id"),
    ("crm.contracts", "contact_id", "crm.name_list", "contact_id"),
    ("crm.contracts", "renewed_from", "crm.contracts", "contract_id"),
    ("crm.notes", "contact_id", "crm.name_list", "contact_id"),
    ("web.events", "member_id", "shop.members", "member_id"),
    ("callcentre.cases", "member_id", "shop.members", "member_id"),
    ("callcentre.cases", "order_id", "shop.orders", "order_id"),
    ("survey.responses", "member_id", "shop.members", "member_id"),
    ("mailer.sends", "campaign_id", "mailer.campaigns", "campaign_id"),
    ("mailer.reactions", "send_id", "mailer.sends", "send_id"),
]


@dataclass
class Lived:
    """A company, the rows of each of its days, and all rows of each table."""

    company: Company
    days: dict[date, DayRows]
    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def live(company: Company, until: date) -> dict[date, DayRows]:
    day = company.day + timedelta(days=1) if company.day else FIRST_DAY
    days = {}
    while day <= until:
        days[day] = company.live(day)
        day += timedelta(days=1)
    return days


def gather(company: Company, days: dict[date, DayRows], but: frozenset[str] = frozenset()) -> Lived:
    parts: dict[str, list[pa.Table]] = defaultdict(list)
    for rows in days.values():
        for name, table in rows.items():
            if name not in but:
                parts[name].append(table)
    tables = {name: pa.concat_tables(some).to_pandas() for name, some in parts.items()}
    truth = {name: table.to_pandas() for name, table in company.truth().items()}
    return Lived(company, days, tables, truth)


@pytest.fixture(scope="module")
def lived() -> Lived:
    company = Company.found(11, 700)
    return gather(company, live(company, date(2024, 5, 31)))


@pytest.fixture(scope="module")
def grown() -> Lived:
    """A company large enough to find the planted effects in."""
    company = Company.found(5, 14_000, recent_from=date(2030, 1, 1))
    days = live(company, date(2025, 1, 31))
    return gather(company, days, frozenset({"crm.name_list", "crm.contracts"}))


def same(left: DayRows, right: DayRows) -> bool:
    return left.keys() == right.keys() and all(left[name].equals(right[name]) for name in left)


def test_the_same_seed_gives_the_same_rows_and_another_seed_gives_others() -> None:
    until = date(2024, 1, 20)
    one, two, other = (live(Company.found(seed, 200), until) for seed in (1, 1, 2))
    assert all(same(one[day], two[day]) for day in one)
    assert not any(same(one[day], other[day]) for day in one)


def test_a_saved_company_lives_on_as_if_it_had_never_been_saved(tmp_path: Path) -> None:
    company = Company.found(3, 300)
    live(company, date(2024, 2, 20))
    company.save(tmp_path / "company.npz")
    again = Company.load(tmp_path / "company.npz")
    assert again.day == date(2024, 2, 20)
    until = date(2024, 3, 20)
    on, taken_up = live(company, until), live(again, until)
    assert all(same(on[day], taken_up[day]) for day in on)
    truth, truth_again = company.truth(), again.truth()
    assert all(truth[name].equals(truth_again[name]) for name in TRUTH)


def test_a_company_lives_one_day_after_the_other() -> None:
    company = Company.found(1, 50)
    assert company.day is None
    with pytest.raises(ValueError, match="2024-01-01"):
        company.live(date(2024, 1, 2))
    company.live(FIRST_DAY)
    with pytest.raises(ValueError, match="2024-01-02"):
        company.live(FIRST_DAY)


def test_every_table_comes_in_its_schema(lived: Lived) -> None:
    assert set(lived.tables) == {
        f"{source}.{name}" for source, tables in SYSTEMS.items() for name in tables
    }
    for rows in lived.days.values():
        for name, table in rows.items():
            source, _, short = name.partition(".")
            assert table.schema.equals(SYSTEMS[source][short]), name
            assert table.num_rows, name
            table.validate(full=True)
    for name, table in lived.company.truth().items():
        assert table.schema.equals(TRUTH[name])


def test_snapshots_come_whole_on_mondays_and_the_first_day(lived: Lived) -> None:
    for name in SNAPSHOTS:
        on = [day for day, rows in lived.days.items() if name in rows]
        assert on == [day for day in lived.days if day.weekday() == 0]
        sizes = [lived.days[day][name].num_rows for day in on]
        assert sizes == sorted(sizes)
        assert all(pc.count_distinct(lived.days[d][name][0]).as_py() == lived.days[d][name].num_rows
                   for d in on)  # fmt: skip


def test_of_months_long_past_the_first_mondays_snapshots_are_kept_and_no_events() -> None:
    days = live(Company.found(1, 500, recent_from=date(2024, 3, 6)), date(2024, 3, 18))
    for name in SNAPSHOTS:
        assert [f"{day}" for day, rows in days.items() if name in rows] == [
            "2024-01-01", "2024-02-05", "2024-03-04", "2024-03-11", "2024-03-18",
        ]  # fmt: skip
    assert min(day for day, rows in days.items() if "web.events" in rows) == date(2024, 3, 6)


def test_what_a_company_holds_does_not_depend_on_which_days_are_recent() -> None:
    until = date(2024, 3, 12)
    whole, kept = Company.found(1, 50), Company.found(1, 50, recent_from=date(2024, 3, 6))
    all_days, last_days = live(whole, until), live(kept, until)
    for day, rows in last_days.items():
        assert same({name: all_days[day][name] for name in rows}, rows)
    assert all(whole.truth()[name].equals(kept.truth()[name]) for name in TRUTH)
    # The log alone may be whole.
    with_log = Company.found(1, 50, recent_from=date(2024, 3, 6), log_from=FIRST_DAY)
    for day, rows in live(with_log, until).items():
        events = {name: table for name, table in all_days[day].items() if name == "web.events"}
        assert same({**last_days[day], **events}, rows)


def test_the_app_knows_its_user_from_the_first_event_on_and_the_web_after_a_login(
    lived: Lived,
) -> None:
    events = lived.tables["web.events"]
    app = events["channel"] == "app"
    # Few look around once more whose account is closed or not open yet.
    assert events[app]["member_id"].notna().mean() > 0.98
    web = events[~app]
    came = web.drop_duplicates("session_id")
    assert came["member_id"].isna().all()
    known, logged_in = (
        set(web[chosen]["session_id"])
        for chosen in (web["member_id"].notna(), web["event_type"] == "login")
    )
    assert known <= logged_in
    assert len(known) > 0.98 * len(logged_in)


def test_each_version_of_a_row_is_later_than_the_one_before(lived: Lived) -> None:
    for name, key in KEYS.items():
        table = lived.tables[name]
        if "updated_at" not in table:
            assert not table.duplicated(key).any(), name
            continue
        steps = table.groupby(key, sort=False)["updated_at"].diff().dropna()
        assert (steps > pd.Timedelta(0)).all(), name


def test_numbers_of_new_rows_increase(lived: Lived) -> None:
    for name, key in KEYS.items():
        if key[0].endswith("_id") and name not in ("shop.products", "web.events"):
            new = lived.tables[name].drop_duplicates(key)[key[0]]
            assert new.is_monotonic_increasing, name


def test_what_a_row_points_to_is_there(lived: Lived) -> None:
    for table, column, target, key in REFERENCES:
        pointing = lived.tables[table][column].dropna()
        assert len(pointing), (table, column)
        assert pointing.isin(lived.tables[target][key]).all(), (table, column)


def test_rows_change_within_the_day_they_are_handed_over(lived: Lived) -> None:
    happened = {"web.events": "occurred_at", "mailer.sends": "assigned_at",
                "mailer.reactions": "occurred_at", "survey.responses": "answered_at"}  # fmt: skip
    for day, rows in lived.days.items():
        start = seasons.day_start(seasons.number(day))
        for name, table in rows.items():
            column = happened.get(name, "updated_at")
            if column in table.schema.names:
                extremes = pc.min_max(table[column].cast(pa.int64())).as_py()
                assert start <= extremes["min"], (name, day)
                assert extremes["max"] < start + seasons.DAY, (name, day)


def test_nobody_orders_before_they_are_registered(lived: Lived) -> None:
    members = lived.tables["shop.members"].drop_duplicates("member_id").set_index("member_id")
    orders = lived.tables["shop.orders"]
    registered = members["registered_at"].loc[orders["member_id"]].to_numpy()
    assert (orders["ordered_at"].to_numpy() > registered).all()


def test_only_people_with_consent_are_assigned_to_a_campaign(grown: Lived) -> None:
    sends = grown.tables["mailer.sends"].dropna(subset=["email"]).sort_values("assigned_at")
    changes = grown.tables["mailer.consent_changes"].query("channel == 'email'")
    in_force = pd.merge_asof(
        sends,
        changes.sort_values("changed_at")[["email", "changed_at", "consent"]],
        left_on="assigned_at",
        right_on="changed_at",
        by="email",
    )
    assert len(sends)
    assert (in_force["consent"] == "granted").all()


def test_points_are_never_negative(lived: Lived) -> None:
    entries = lived.tables["shop.points_entries"].sort_values(["entered_at", "entry_id"])
    balance = entries.groupby("member_id")["points"].cumsum()
    assert set(entries["kind"]) >= {"earned", "spent"}
    assert (balance >= 0).all()


def test_a_coupon_is_redeemed_with_the_order_that_names_it(lived: Lived) -> None:
    redeemed = lived.tables["shop.coupons"].dropna(subset=["redeemed_at"])
    orders = lived.tables["shop.orders"].query("status == 'paid'").dropna(subset=["coupon_id"])
    both = redeemed.merge(orders, on=["coupon_id", "member_id"])
    assert len(both) == len(redeemed) == len(orders) > 0
    assert (both["redeemed_at"] == both["ordered_at"]).all()
    assert (both["redeemed_at"].dt.tz_localize(None) < pd.to_datetime(both["expires_on"])
            + pd.Timedelta(days=1)).all()  # fmt: skip


def test_every_record_has_a_true_person(lived: Lived) -> None:
    records = lived.truth["person_records"]
    assert records["true_person_id"].isin(lived.truth["people"]["true_person_id"]).all()
    for source, table, key in (
        ("shop", "members", "member_id"), ("pos", "receipts", "receipt_id"),
        ("callcentre", "cases", "case_id"), ("survey", "responses", "response_id"),
        ("mailer", "sends", "send_id"),
    ):  # fmt: skip
        kept = records[(records["source"] == source) & (records["source_table"] == table)]
        handed_over = lived.tables[f"{source}.{table}"][key].drop_duplicates().astype(str)
        assert sorted(kept["source_record_id"]) == sorted(handed_over)
    contacts = lived.tables["crm.name_list"]["contact_id"]
    assert contacts.isin(records["source_record_id"]).all()


def persons(grown: Lived, source: str) -> pd.Series:
    records = grown.truth["person_records"]
    of = records[records["source"] == source]
    return pd.Series(of["true_person_id"].to_numpy(), of["source_record_id"].astype(int))


def campaign_outcomes(grown: Lived) -> pd.DataFrame:
    """One row a person assigned to an offer: effect, group, purchases within 30 days, leaving."""
    orders = grown.tables["shop.orders"].query("status == 'paid'")
    receipts = grown.tables["pos.receipts"].query("kind == 'sale'")
    bought = pd.concat(
        [
            pd.DataFrame({"person": persons(grown, "shop")[orders["member_id"]].to_numpy(),
                          "at": orders["ordered_at"].to_numpy()}),
            pd.DataFrame({"person": persons(grown, "pos")[receipts["receipt_id"]].to_numpy(),
                          "at": receipts["sold_at"].to_numpy()}),
        ]
    )  # fmt: skip
    offers = grown.tables["mailer.campaigns"].query("goal == 'offer'")["campaign_id"]
    sends = grown.tables["mailer.sends"]
    sends = sends[sends["campaign_id"].isin(offers)].reset_index(drop=True)
    sends["person"] = persons(grown, "mailer")[sends["send_id"]].to_numpy()
    people = grown.truth["people"].set_index("true_person_id")
    sends["effect"] = people["contact_effect"].loc[sends["person"]].to_numpy()
    sends["left_on"] = pd.to_datetime(people["left_on"].loc[sends["person"]].to_numpy(), utc=True)
    pairs = sends[["send_id", "person", "assigned_at"]].merge(bought, on="person")
    after = pairs["at"] - pairs["assigned_at"]
    within = pairs[(after > pd.Timedelta(0)) & (after < pd.Timedelta(days=30))]
    sends["purchases"] = sends["send_id"].map(within["send_id"].value_counts()).fillna(0)
    days_on = (sends["left_on"] - sends["assigned_at"]).dt.days
    sends["leaves"] = days_on.between(1, 120)
    return sends


def test_the_planted_effect_of_contact_is_found_against_the_control_group(grown: Lived) -> None:
    means = (
        campaign_outcomes(grown)
        .groupby(["effect", "assigned_group"])[["purchases", "leaves"]]
        .mean()
        .unstack()
    )
    lift = means["purchases"]["contact"] / means["purchases"]["control"]
    leaving = means["leaves"]["contact"] / means["leaves"]["control"]
    assert 1.25 < lift["persuadable"] < 1.8
    assert 0.88 < lift["sure_thing"] < 1.12
    assert 0.82 < lift["lost_cause"] < 1.18
    assert leaving["persuadable"] < 0.85
    assert means["leaves"]["contact"]["do_not_wake"] > 2 * means["leaves"]["contact"]["sure_thing"]


def test_do_not_wakes_unsubscribe_because_of_the_contact(grown: Lived) -> None:
    contacted = campaign_outcomes(grown).query("assigned_group == 'contact'")
    unsubscribes = grown.tables["mailer.reactions"].query("kind == 'unsubscribe'")["send_id"]
    rates = contacted["send_id"].isin(unsubscribes).groupby(contacted["effect"]).mean()
    assert rates["do_not_wake"] > 5 * rates.drop("do_not_wake").max()


def test_how_contacts_are_taken_shows_the_kind_of_person_and_does_not_tell_it(
    grown: Lived,
) -> None:
    sends, reactions = grown.tables["mailer.sends"], grown.tables["mailer.reactions"]
    effects = grown.truth["people"].set_index("true_person_id")["contact_effect"]
    mails = sends[sends["email"].notna() & (sends["assigned_group"] == "contact")]
    of = persons(grown, "mailer")[mails["send_id"]].map(effects).to_numpy()

    def share(kind: str) -> pd.Series:
        came = mails["send_id"].isin(reactions[reactions["kind"] == kind]["send_id"])
        return came.groupby(of).mean()

    for shares in (share("open"), share("click")):
        assert shares["persuadable"] > 1.2 * shares["sure_thing"]
        assert shares["sure_thing"] > 1.2 * shares["lost_cause"]
        assert shares["do_not_wake"] < 0.7 * shares["sure_thing"]
    assert 0.2 < share("open")["sure_thing"] < share("open")["persuadable"] < 0.55

    coupons = grown.tables["shop.coupons"].sort_values("updated_at").drop_duplicates(
        "coupon_id", keep="last"
    )  # fmt: skip
    owners = effects.loc[persons(grown, "shop")[coupons["member_id"]]].to_numpy()
    redeemed = coupons["redeemed_at"].notna().groupby(owners).mean()
    assert redeemed["persuadable"] > 1.5 * redeemed["sure_thing"] > 0


def test_before_leaving_people_buy_less_often_and_more_on_offer(grown: Lived) -> None:
    orders = grown.tables["shop.orders"].query("status == 'paid'")
    lines = grown.tables["shop.order_lines"].merge(orders[["order_id", "member_id", "ordered_at"]])
    lines["person"] = persons(grown, "shop")[lines["member_id"]].to_numpy()
    left = grown.truth["people"].set_index("true_person_id")["left_on"]
    left_on = pd.to_datetime(left.loc[lines["person"]].to_numpy(), utc=True)
    days_ahead = (left_on - lines["ordered_at"]).dt.days
    fading, before = days_ahead.between(0, 20), days_ahead.between(95, 115)
    assert lines[fading]["order_id"].nunique() < 0.6 * lines[before]["order_id"].nunique()
    on_offer = lines["discount_amount"] > 0
    assert on_offer[fading].mean() > 1.5 * on_offer[before].mean()


def test_an_understaffed_department_answers_later(grown: Lived) -> None:
    cases = grown.tables["callcentre.cases"].dropna(subset=["resolved_at"])
    opened = cases["opened_at"].dt.tz_convert("Asia/Seoul")
    waited = (cases["resolved_at"] - cases["opened_at"]).dt.total_seconds() / 86_400
    understaffed = (opened >= "2024-12-01") & (opened < "2025-01-15")
    logistics = cases["department"] == "물류"
    short = waited[understaffed & logistics].mean()
    assert short > 2 * waited[~understaffed & logistics].mean()
    assert short > 2 * waited[understaffed & ~logistics].mean()


def test_a_complaint_answered_badly_makes_people_leave_and_one_answered_well_binds(
    grown: Lived,
) -> None:
    cases = grown.tables["callcentre.cases"].dropna(subset=["resolved_at"])
    cases = cases[cases["kind"] == "complaint"].copy()
    cases["person"] = persons(grown, "callcentre")[cases["case_id"]].to_numpy()
    left = grown.truth["people"].set_index("true_person_id")["left_on"]
    left_on = pd.to_datetime(left.loc[cases["person"]].to_numpy(), utc=True)
    soon = (left_on - cases["resolved_at"]).dt.days.between(1, 150)
    badly = cases["outcome"] == "refused"
    well = cases["outcome"].isin(["solved", "goodwill"]) & (
        cases["resolved_at"] <= cases["promised_at"]
    )
    assert soon[badly].mean() > 2 * soon[well].mean()


def test_as_many_decide_to_leave_as_the_true_hazards_say(grown: Lived) -> None:
    hazards = grown.truth["hazards"]
    before = hazards[pd.to_datetime(hazards["on_day"]) < pd.Timestamp("2024-11-01")]
    expected = 30.4 * before["leaving_hazard_per_day"].sum()
    left_on = pd.to_datetime(grown.truth["people"]["left_on"]).dropna()
    assert (left_on < pd.Timestamp("2024-12-25")).sum() == pytest.approx(expected, rel=0.2)


def test_people_spend_in_a_year_about_what_the_truth_expects_of_them(grown: Lived) -> None:
    expectations = grown.truth["expectations"]
    expected = expectations[expectations["on_day"] == date(2024, 2, 1)].set_index("true_person_id")
    records = grown.truth["person_records"].set_index(["source_table", "source_record_id"])
    spend: dict[int, float] = defaultdict(float)
    for sales, lines, key, whose, at in (
        ("shop.orders", "shop.order_lines", "order_id", "member_id", "ordered_at"),
        ("pos.receipts", "pos.receipt_lines", "receipt_id", "receipt_id", "sold_at"),
    ):
        sold = grown.tables[sales].drop_duplicates(key, keep="last").set_index(key, drop=False)
        if sales == "pos.receipts":
            # Without card and phone nobody can tell whose a receipt is.
            known = sold["membership_number"].notna() | sold["phone"].notna()
            sold = sold[known & (sold["kind"] == "sale")]
        day = sold[at].dt.tz_convert("Asia/Seoul").dt.date
        sold = sold[(day >= date(2024, 2, 1)) & (day <= date(2025, 1, 30))]
        line = grown.tables[lines].drop_duplicates([key, "line_number"], keep="last")
        amount = (line["quantity"] * line["unit_price"] - line["discount_amount"]).groupby(
            line[key]
        )
        total = amount.sum().reindex(sold.index)
        table = sales.partition(".")[2].replace("orders", "members")
        person = records.loc[table].reindex(sold[whose].astype(str))["true_person_id"]
        for number, value in zip(person.tolist(), total.tolist(), strict=True):
            spend[number] += value
    came = pd.Series(spend).reindex(expected.index).fillna(0.0)
    assert came.sum() == pytest.approx(expected["spend_365d"].sum(), rel=0.1)
    assert came.corr(expected["spend_365d"], method="spearman") > 0.6


def test_a_competitors_opening_takes_customers_of_its_region(
    grown: Lived,
) -> None:
    people = grown.truth["people"]
    rival = people[people["leaving_cause"] == "competitor"]["true_person_id"]
    owner = persons(grown, "shop")
    members = grown.tables["shop.members"].drop_duplicates("member_id").dropna(subset=["address"])
    theirs = members[owner[members["member_id"]].isin(rival).to_numpy()]
    assert theirs["address"].str.startswith("부산").mean() > 0.9


def test_about_half_of_the_receipts_show_a_card_and_a_tenth_a_phone(grown: Lived) -> None:
    receipts = grown.tables["pos.receipts"]
    assert receipts["membership_number"].notna().mean() == pytest.approx(0.5, abs=0.06)
    assert receipts["phone"].notna().mean() == pytest.approx(0.1, abs=0.04)


def test_records_of_one_person_are_hard_to_tell_and_some_records_of_two_are_alike(
    lived: Lived, grown: Lived
) -> None:
    members = grown.tables["shop.members"].drop_duplicates("member_id", keep="last")
    owner = persons(grown, "shop")[members["member_id"]].to_numpy()
    several = pd.Series(owner).duplicated(keep=False)
    assert 0.03 < several.mean() < 0.12
    numbers = members["phone"].str.replace(r"\D", "", regex=True).str[-8:]
    real = numbers[numbers.notna() & (numbers != "00000000")]
    owners = pd.DataFrame({"phone": real, "person": owner[real.index.get_indexer(real.index)]})
    shared = owners.groupby("phone")["person"].nunique()
    assert (shared > 1).any()
    last_monday = max(day for day in lived.days if day.weekday() == 0)
    contacts = lived.days[last_monday]["crm.name_list"].to_pandas()
    assert {"010-0000-0000", "01000000000"} & set(contacts["mobile"].dropna())
    assert "test@test.com" in set(contacts["email"].dropna())
    assert np.isclose(contacts["email"].isna().mean(), 0.29, atol=0.08)

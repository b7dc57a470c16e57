"""The shop's accounts, drawn before the first day and opened on theirs."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo.company import assumptions, names, places
from demo.company.draws import Array, Draw, blank, digits, joined, scattered, some, weighted, words
from demo.company.people import NEVER, People, named
from demo.company.seasons import at, number

CONSENT_CHANNELS = ("email", "sms", "phone", "post")


@dataclass
class Accounts:
    """One entry an account, in the order of opening; `member_id` is its place plus one."""

    person: Array
    opens: Array  # the day it is to be opened
    opened: Array
    closed: Array
    registered_at: Array
    card: Array
    name_style: Array
    phone_style: Array
    mail_error: Array
    no_birth_date: Array
    no_address: Array
    phone: Array  # as the shop knows it
    home: Array  # as the shop knows it
    latin: Array
    mail: Array
    consent: Array  # a column for each of CONSENT_CHANNELS
    points: Array
    points_moved: Array  # the day of the last entry
    coupon: Array  # the last coupon's number; 0 where none is to be used
    coupon_expires: Array
    coupon_percent: Array
    main: Array  # for each person: the first account; -1 where there is none
    second: Array  # for each person: the second account; -1 where there is none

    def __len__(self) -> int:
        return len(self.person)


def drawn(draw: Draw, people: People) -> Accounts:
    """Returns the accounts of all people, none of them opened yet."""
    owners = np.flatnonzero(people.web > 0)
    owners = owners[people.joins[owners] != NEVER]
    again = some(draw, owners, assumptions.SECOND_ACCOUNT_SHARE)
    person = np.concatenate([owners, again])
    is_second = np.arange(len(person)) >= len(owners)
    opens = people.joins[person] + np.where(is_second, draw.integers(60, 900, len(person)), 0)
    order = np.argsort(opens, kind="stable")
    person, is_second, opens = person[order], is_second[order], opens[order]
    size = len(person)
    card = draw.random(size) < np.where(
        is_second, assumptions.SECOND_CARD_SHARE, assumptions.CARD_SHARE
    )
    placeholder = draw.random(size) < assumptions.MEMBER_PLACEHOLDER_PHONE
    main, second = np.full(len(people), -1), np.full(len(people), -1)
    main[person[~is_second]] = np.flatnonzero(~is_second)
    second[person[is_second]] = np.flatnonzero(is_second)
    none = np.zeros(size, dtype=np.int32)
    return Accounts(
        person=person.astype(np.int32),
        opens=opens.astype(np.int32),
        opened=none.astype(bool),
        closed=none.astype(bool),
        registered_at=none.astype(np.int64),
        card=card,
        name_style=weighted(draw, assumptions.MEMBER_NAME_STYLES, size).astype(np.uint8),
        phone_style=weighted(draw, assumptions.MEMBER_PHONE_STYLES, size).astype(np.uint8),
        mail_error=weighted(draw, assumptions.MEMBER_MAIL_ERRORS, size).astype(np.uint8),
        no_birth_date=draw.random(size) < assumptions.MEMBER_NO_BIRTH_DATE,
        no_address=draw.random(size) < assumptions.MEMBER_NO_ADDRESS,
        phone=np.where(placeholder, names.PLACEHOLDER_PHONE, people.phone[person]).astype(np.int32),
        home=people.home[person],
        latin=people.latin[person],
        mail=(is_second * 32).astype(np.int16),  # the second account's owner gives another address
        consent=draw.random((size, 4)) < np.array(assumptions.CONSENT_AT_REGISTRATION),
        points=none.copy(),
        points_moved=none.copy(),
        coupon=none.astype(np.int64),
        coupon_expires=none.copy(),
        coupon_percent=none.astype(np.uint8),
        main=main.astype(np.int32),
        second=second.astype(np.int32),
    )


def open_due(draw: Draw, accounts: Accounts, people: People, day: int) -> Array:
    """Opens the accounts due by a day whose owners are customers; returns them."""
    due = np.arange(np.searchsorted(accounts.opens, day, side="right"))
    due = (
        due if day == number(assumptions.FIRST_DAY) else due[np.searchsorted(accounts.opens, day) :]
    )
    due = due[people.active[accounts.person[due]]]
    accounts.opened[due] = True
    accounts.home[due] = people.home[accounts.person[due]]
    seconds = draw.uniform(6 * 3600, 23 * 3600, len(due))
    seconds = seconds[np.lexsort((seconds, accounts.opens[due]))]  # ascending within each day
    accounts.registered_at[due] = at(0, accounts.opens[due] * 86_400.0 + seconds)
    return due


def learn(
    draw: Draw, accounts: Accounts, people: People, moved: Array, married: Array, phoned: Array
) -> tuple[Array, Array]:
    """Lets some owners tell the shop what changed.

    Returns:
        The accounts whose row is another, and those of them with another mail address or phone.
    """
    told = []
    for who in (moved, married, phoned):
        mine = accounts.main[some(draw, who, assumptions.SHOP_LEARNS_OF_CHANGE)]
        mine = mine[mine >= 0]
        told.append(mine[accounts.opened[mine] & ~accounts.closed[mine]])
    homes = np.concatenate(told[:2])
    accounts.home[homes] = people.home[accounts.person[homes]]
    accounts.mail[told[1]] += 1
    accounts.latin[told[1]] = people.latin[accounts.person[told[1]]]
    accounts.phone[told[2]] = people.phone[accounts.person[told[2]]]
    return np.unique(np.concatenate(told)), np.unique(np.concatenate(told[1:]))


def of_buyers(draw: Draw, accounts: Accounts, who: Array, day: int) -> Array:
    """Returns the account each person uses: mostly the first, -1 where there is none to use.

    An account is used from the day after its opening on.
    """

    def usable(account: Array) -> Array:
        known = accounts.opened[account] & (accounts.opens[account] < day)
        return (account >= 0) & known & ~accounts.closed[account]

    main, second = accounts.main[who], accounts.second[who]
    other = (draw.random(len(who)) < assumptions.SECOND_ACCOUNT_USED) & usable(second)
    chosen = np.where(other, second, main)
    return np.where(usable(chosen), chosen, -1)


def cards(account: Array) -> pa.Array:
    """Returns membership numbers: twelve digits, the last two a check on the others."""
    return joined("88", digits(account, 8), digits(scattered(account, 21, 97), 2))


def mails(accounts: Accounts, people: People, which: Array, error: Array | None = None) -> pa.Array:
    """Returns the mail addresses of accounts, as registered or with other errors of typing."""
    who = accounts.person[which]
    person = named(people, who)
    errors = accounts.mail_error[which] if error is None else error
    return names.mails(
        who, person.first, person.second, person.gender, accounts.mail[which], errors
    )


def phones(accounts: Accounts, which: Array) -> pa.Array:
    """Returns the phones of accounts as registered."""
    return names.phones(accounts.phone[which], accounts.phone_style[which])


def columns(
    accounts: Accounts, people: People, which: Array, updated_at: Array
) -> dict[str, Array | pa.Array]:
    """Returns the columns of `shop.members` for some accounts."""
    who = accounts.person[which]
    address = places.addresses(accounts.home[which], np.zeros(len(which), dtype=int))
    person = named(people, who)
    style = accounts.name_style[which]
    return {
        "member_id": which + 1,
        "membership_number": blank(cards(which), ~accounts.card[which]),
        "login_email": mails(accounts, people, which),
        "email_verified": accounts.mail_error[which] == 0,
        "name": names.names(*person, accounts.latin[which], style),
        "phone": phones(accounts, which),
        "birth_date": pa.array(
            people.birth[who], pa.int32(), mask=accounts.no_birth_date[which]
        ).cast(pa.date32()),
        "gender": words(("female", "male"), people.gender[who]),
        "postcode": blank(places.postcodes(accounts.home[which]), accounts.no_address[which]),
        "address": blank(address, accounts.no_address[which]),
        "registered_at": accounts.registered_at[which],
        "status": words(("active", "closed"), accounts.closed[which].astype(int)),
        "updated_at": updated_at,
    }


def close(draw: Draw, accounts: Accounts, people: People, left: Array) -> Array:
    """Closes some accounts of people who left today; returns them."""
    mine = left[accounts.main[left] >= 0]
    woken = (people.effect[mine] == assumptions.CONTACT_EFFECTS.index("do_not_wake")) & (
        people.contact_until[mine] > 0
    )
    chance = np.where(woken, assumptions.CLOSES_ACCOUNT_WOKEN, assumptions.CLOSES_ACCOUNT)
    closing = accounts.main[mine[draw.random(len(mine)) < chance]]
    accounts.closed[closing] = True
    return closing[accounts.opened[closing]]

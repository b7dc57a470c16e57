"""What a record that says no name is worth: who else holds its contact, and who may have used it.

A receipt that knows a phone and nothing else is somebody's who uses the phone. Mostly that is who
gave the number to the company; but families share phones and numbers are handed on. So the others
who hold the contact are counted as persons, and where what is known of the holder does not fit, a
housemate nobody has named is taken for one more of them. Why these doubts and no others:
docs/decisions/0046-perhaps-a-housemate.md.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import duckdb

from ml.identity import comparisons
from ml.identity.candidates import KINDS, PERSONAL, key_of
from ml.identity.clusters import PERHAPS_A_HOUSEMATE

# The kinds of exact keys that are shown by hand where one buys.
SHOWN = ("card", "membership")
# A card is left at home once or twice; who gives a phone for longer than this has no card.
_KEEPS_GIVING_DAYS = 90

# In words, each with what makes it so, over a loose record and the holders of its phone.
_DOUBTS = (
    (
        "nobody but a list of names says whose number this is",
        "coalesce(is_all_hearsay, true)",
    ),
    ("the number's holder has another one now", "last_given > given_up_on"),
    ("the number was in use before its holder was known", "first_seen < since"),
    (
        "the number is given again and again, though its holder has a card",
        f"has_card and given_days > {_KEEPS_GIVING_DAYS}",
    ),
)

# Everybody follows whom a fellow follows, the first of all in the end.
_FOLLOW = """
update led set leader = further.leader
from (
    select tied.key, tied.record, min(led.leader) as leader
    from tied
    inner join led on tied.key = led.key and tied.fellow = led.record
    group by tied.key, tied.record
) as further
where led.key = further.key and led.record = further.record and led.leader > further.leader
"""


def find_rivals(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `rivals` of the pairs of `likely` in which a name is missing.

    Columns: record_l, record_r; others, how many further persons hold what the two share, of
    several shared contacts the one with the fewest; doubt, in words why the nameless one may be of
    a housemate, null where nothing says so or the two share another contact as well.
    """
    personal = ", ".join(str(list(KINDS).index(kind)) for kind in PERSONAL)
    connection.execute(
        f"""
        create or replace table sharing as
        with contacts as (
            select key, record from usable where key % 16 in ({personal})
        )

        select likely.record_l, likely.record_r, held.key
        from likely
        inner join standard as one on likely.record_l = one.record
        inner join standard as other on likely.record_r = other.record
        inner join contacts as held on likely.record_l = held.record
        inner join contacts as also_held
            on likely.record_r = also_held.record and held.key = also_held.key
        where one.name_sound is null or other.name_sound is null;

        create or replace table holders as
        select usable.key, standard.*
        from usable
        inner join standard using (record)
        where usable.key in (select key from sharing)
        """
    )
    _count_others(connection)
    _find_doubts(connection)
    connection.execute(
        """
        create or replace table rivals as
        select
            sharing.record_l,
            sharing.record_r,
            coalesce(min(others.others), 0) as others,
            case
                when bool_and(coalesce(one.doubt, other.doubt) is not null)
                    then min(coalesce(one.doubt, other.doubt))
            end as doubt
        from sharing
        left join others using (key)
        left join doubts as one on sharing.record_l = one.record and sharing.key = one.key
        left join doubts as other on sharing.record_r = other.record and sharing.key = other.key
        group by sharing.record_l, sharing.record_r;

        drop table sharing;
        drop table holders;
        drop table others;
        drop table doubts
        """
    )


def _count_others(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `others` (key, others): how many persons beyond the first hold a key and say who it is.

    To say who one is takes a name or a birth date. Two who share a key, a mail or a name, in
    whatever spelling, are one person.
    """
    connection.execute(
        """
        create or replace table tellers as
        select key, record, exact_keys
        from holders
        where name_sound is not null or birth is not null;

        create or replace table fellows as
        select distinct one.record as record_l, other.record as record_r
        from tellers as one
        inner join tellers as other on one.key = other.key and one.record < other.record
        """
    )
    said = " or ".join(
        f"alike.{comparison.field} = '{level.name}'"
        for comparison in comparisons.COMPARISONS
        if comparison.field in ("name", "email")
        for level in comparison.levels
        if level.agreement
    )
    connection.execute(
        f"""
        create or replace table tied as
        with same as (
            select alike.record_l, alike.record_r
            from ({comparisons.likeness("fellows")}) as alike
            inner join standard as one on alike.record_l = one.record
            inner join standard as other on alike.record_r = other.record
            where {said}
                or alike.name = 'unknown' and alike.birth_date = 'equal'
                or coalesce(list_has_any(one.exact_keys, other.exact_keys), false)
        )

        select one.key, same.record_l as record, same.record_r as fellow
        from same
        inner join tellers as one on same.record_l = one.record
        inner join tellers as other on same.record_r = other.record and one.key = other.key
        union all
        select one.key, same.record_r, same.record_l
        from same
        inner join tellers as one on same.record_l = one.record
        inner join tellers as other on same.record_r = other.record and one.key = other.key;

        create or replace table led as select key, record, record as leader from tellers
        """
    )
    while connection.execute(_FOLLOW).fetchall() != [(0,)]:
        pass
    connection.execute(
        """
        create or replace table others as
        select key, count(distinct leader) - 1 as others from led group by key;

        drop table tellers;
        drop table fellows;
        drop table tied;
        drop table led
        """
    )


def _find_doubts(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `doubts` (record, key, doubt) of records that say a phone and not whose it is."""
    shown = ", ".join(f"'{kind}'" for kind in SHOWN)
    reasons = " ".join(
        f"when {condition} then '{PERHAPS_A_HOUSEMATE}: {words.replace(chr(39), chr(39) * 2)}'"
        for words, condition in _DOUBTS
    )
    connection.execute(
        f"""
        create or replace table doubts as
        with phones as (
            select *, first_seen + coalesce(given_days, 0) as last_given
            from holders
            where key % 16 = {list(KINDS).index("phone")}
        ),

        known as (
            select
                key,
                bool_and(coalesce(is_hearsay, false) and exact_keys is null) as is_all_hearsay,
                min(first_seen) filter (where exact_keys is not null) as since,
                min(phone_changed) filter (where {key_of("phone", "phone")} != key) as given_up_on,
                bool_or(coalesce(list_has_any(
                    list_transform(exact_keys, lambda one: split_part(one, ':', 1)), [{shown}]
                ), false)) as has_card
            from phones
            where exact_keys is not null or name_sound is not null or birth is not null
            group by key
        ),

        loose as (
            select phones.record, phones.key, case {reasons} end as doubt
            from phones
            left join known using (key)
            where phones.name_sound is null and phones.exact_keys is null
                and phones.birth is null and phones.address_words is null
        )

        select record, key, doubt from loose where doubt is not null
        """
    )

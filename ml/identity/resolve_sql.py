"""The statements of `resolve`. Temporary tables end with its transaction.

`touched` holds the records to decide about, with the ring they were reached in; `eligible` are the
records that were known by the day, or that an earlier run has placed.
"""

MAKE = """
create temporary table touched (
    source text,
    source_customer_id text,
    ring integer not null,
    primary key (source, source_customer_id)
) on commit drop;
create temporary table refused (
    source_a text,
    source_customer_id_a text,
    source_b text,
    source_customer_id_b text,
    reason text not null,
    primary key (source_a, source_customer_id_a, source_b, source_customer_id_b)
) on commit drop;
"""

TOUCH_ALL = """
insert into identity.undecided (source, source_customer_id)
select source, source_customer_id from identity.person_links
on conflict do nothing
"""

# A record that its source's staging no longer knows is nobody's; its person is decided about again.
DROP_GONE = """
with gone as (
    delete from identity.person_links as links
    where not exists (
        select from intermediate.int_persons__unioned as persons
        where persons.source = links.source
            and persons.source_customer_id = links.source_customer_id
    )
    returning links.source, links.source_customer_id, links.person_id
),

told as (
    insert into identity.person_history
        (person_id, changed_as_of_date, change, cause, source, source_customer_id, run_id)
    select
        person_id, %(as_of)s, 'record_left', 'the source no longer knows the record',
        source, source_customer_id, %(run_id)s
    from gone
)

insert into identity.undecided (source, source_customer_id)
select links.source, links.source_customer_id
from identity.person_links as links
where links.person_id in (select person_id from gone)
    and not exists (
        select from gone
        where gone.source = links.source and gone.source_customer_id = links.source_customer_id
    )
on conflict do nothing
"""

TOUCH_CHANGED = """
insert into touched
select persons.source, persons.source_customer_id, 0
from intermediate.int_persons__unioned as persons
left join identity.person_links as links
    on persons.source = links.source
    and persons.source_customer_id = links.source_customer_id
left join identity.undecided as undecided
    on persons.source = undecided.source
    and persons.source_customer_id = undecided.source_customer_id
where (persons.first_seen_at < %(day_end)s or links.person_id is not null)
    and (
        links.person_id is null
        or links.record_load_id is distinct from persons.load_id
        or undecided.source is not null
    )
"""

# Nothing ties these to any other record, and nothing did.
FIND_LONE = """
analyze touched;

create temporary table lone on commit drop as
select
    touched.source,
    touched.source_customer_id,
    'P' || left(md5(touched.source || ':' || touched.source_customer_id), 16) as person_id,
    links.person_id is null as is_new
from touched
left join identity.person_links as links
    on touched.source = links.source
    and touched.source_customer_id = links.source_customer_id
where not exists (
        select from identity.pairs as pairs
        where pairs.source_a = touched.source
            and pairs.source_customer_id_a = touched.source_customer_id
    )
    and not exists (
        select from identity.pairs as pairs
        where pairs.source_b = touched.source
            and pairs.source_customer_id_b = touched.source_customer_id
    )
    and not exists (
        select from identity.overrides as overrides
        where overrides.source_a = touched.source
            and overrides.source_customer_id_a = touched.source_customer_id
    )
    and not exists (
        select from identity.overrides as overrides
        where overrides.source_b = touched.source
            and overrides.source_customer_id_b = touched.source_customer_id
    )
    and not exists (
        select from identity.person_links as fellows
        where fellows.person_id = coalesce(
                links.person_id,
                'P' || left(md5(touched.source || ':' || touched.source_customer_id), 16)
            )
            and (fellows.source, fellows.source_customer_id)
            != (touched.source, touched.source_customer_id)
    );

delete from touched
using lone
where touched.source = lone.source and touched.source_customer_id = lone.source_customer_id
"""

PLACE_LONE = (
    """
    insert into identity.person_history
        (person_id, changed_as_of_date, change, cause, source, source_customer_id, run_id)
    select
        person_id, %(as_of)s, 'created', 'first seen', source, source_customer_id, %(run_id)s
    from lone
    where is_new
    """,
    """
    insert into identity.person_links (
        source, source_customer_id, person_id, evidence, evidence_detail, strength,
        linked_at_run, linked_as_of_date, person_since, record_load_id
    )
    select
        lone.source, lone.source_customer_id, lone.person_id, 'single_record', 'no other record',
        'alone', %(run_id)s, %(as_of)s, persons.first_seen_at, persons.load_id
    from lone
    inner join intermediate.int_persons__unioned as persons
        on lone.source = persons.source
        and lone.source_customer_id = persons.source_customer_id
    on conflict (source, source_customer_id) do update set
        evidence = excluded.evidence,
        evidence_detail = excluded.evidence_detail,
        strength = excluded.strength,
        match_probability = null,
        exact_group = null,
        certain_group = null,
        person_since = coalesce(person_links.person_since, excluded.person_since),
        record_load_id = excluded.record_load_id
    """,
)

# In the first ring over every pair, for what changed may rival a link of its neighbour; then over
# links, and always over former persons.
WIDEN = """
with ring as (
    select source, source_customer_id from touched where ring = %(ring)s
),

reached as (
    select pairs.source_b as source, pairs.source_customer_id_b as source_customer_id
    from ring
    inner join identity.pairs as pairs
        on ring.source = pairs.source_a and ring.source_customer_id = pairs.source_customer_id_a
    where %(ring)s = 0
        or pairs.rests_on = 'exact_key'
        or pairs.match_probability >= %(link_probability)s
    union
    select pairs.source_a, pairs.source_customer_id_a
    from ring
    inner join identity.pairs as pairs
        on ring.source = pairs.source_b and ring.source_customer_id = pairs.source_customer_id_b
    where %(ring)s = 0
        or pairs.rests_on = 'exact_key'
        or pairs.match_probability >= %(link_probability)s
    union
    select overrides.source_b, overrides.source_customer_id_b
    from ring
    inner join identity.overrides as overrides
        on ring.source = overrides.source_a
        and ring.source_customer_id = overrides.source_customer_id_a
    where overrides.decision = 'always'
    union
    select overrides.source_a, overrides.source_customer_id_a
    from ring
    inner join identity.overrides as overrides
        on ring.source = overrides.source_b
        and ring.source_customer_id = overrides.source_customer_id_b
    where overrides.decision = 'always'
    union
    select fellows.source, fellows.source_customer_id
    from ring
    inner join identity.person_links as links
        on ring.source = links.source and ring.source_customer_id = links.source_customer_id
    inner join identity.person_links as fellows on links.person_id = fellows.person_id
)

insert into touched
select reached.source, reached.source_customer_id, %(ring)s + 1
from reached
inner join intermediate.int_persons__unioned as persons
    on reached.source = persons.source
    and reached.source_customer_id = persons.source_customer_id
left join identity.person_links as links
    on reached.source = links.source
    and reached.source_customer_id = links.source_customer_id
where links.person_id is not null or persons.first_seen_at < %(day_end)s
on conflict do nothing
"""

# Names and birth dates as the pairing has standardised them, placeholders left out.
# What nobody reported, such as a message sent, was not given by anybody.
RECORDS = """
select
    persons.source,
    persons.source_customer_id,
    persons.first_seen_at,
    persons.load_id,
    standard.name_sounds,
    standard.birth,
    case
        when standard.name_sounds is null and standard.birth is null
            and cardinality(persons.exact_keys) = 0 and persons.reported_at is not null
            then (persons.first_seen_at at time zone 'UTC')::date
    end as given_since,
    case
        when cardinality(persons.exact_keys) > 0
            then (persons.reported_at at time zone 'UTC')::date
    end as heard_of,
    exists (
        select from unnest(persons.exact_keys) as exact_key
        where split_part(exact_key, ':', 1) = any(%(shown)s)
    ) as is_card,
    links.person_id,
    coalesce(links.person_since, min(persons.first_seen_at) over (partition by links.person_id)),
    links.evidence,
    links.evidence_detail,
    links.strength,
    links.match_probability,
    links.exact_group,
    links.certain_group,
    links.record_load_id
from touched
inner join intermediate.int_persons__unioned as persons
    on touched.source = persons.source
    and touched.source_customer_id = persons.source_customer_id
left join pii.standard_records as standard
    on touched.source = standard.source
    and touched.source_customer_id = standard.source_customer_id
left join identity.person_links as links
    on touched.source = links.source
    and touched.source_customer_id = links.source_customer_id
"""

PAIRS = """
select
    pairs.source_a,
    pairs.source_customer_id_a,
    pairs.source_b,
    pairs.source_customer_id_b,
    pairs.match_weight,
    pairs.match_probability,
    pairs.rests_on,
    pairs.evidence,
    pairs.model_version
from identity.pairs as pairs
inner join touched
    on pairs.source_a = touched.source and pairs.source_customer_id_a = touched.source_customer_id
union
select
    pairs.source_a,
    pairs.source_customer_id_a,
    pairs.source_b,
    pairs.source_customer_id_b,
    pairs.match_weight,
    pairs.match_probability,
    pairs.rests_on,
    pairs.evidence,
    pairs.model_version
from identity.pairs as pairs
inner join touched
    on pairs.source_b = touched.source and pairs.source_customer_id_b = touched.source_customer_id
"""

# The other ends of pairs with touched records: other persons' records, which may rival a link.
BYSTANDERS = """
with ends as (
    select pairs.source_b as source, pairs.source_customer_id_b as source_customer_id
    from identity.pairs as pairs
    inner join touched
        on pairs.source_a = touched.source
        and pairs.source_customer_id_a = touched.source_customer_id
    union
    select pairs.source_a, pairs.source_customer_id_a
    from identity.pairs as pairs
    inner join touched
        on pairs.source_b = touched.source
        and pairs.source_customer_id_b = touched.source_customer_id
)

select
    persons.source,
    persons.source_customer_id,
    standard.name_sounds,
    standard.birth
from ends
inner join intermediate.int_persons__unioned as persons
    on ends.source = persons.source and ends.source_customer_id = persons.source_customer_id
left join pii.standard_records as standard
    on ends.source = standard.source
    and ends.source_customer_id = standard.source_customer_id
left join identity.person_links as links
    on ends.source = links.source and ends.source_customer_id = links.source_customer_id
left join touched
    on ends.source = touched.source and ends.source_customer_id = touched.source_customer_id
where touched.source is null
    and (links.person_id is not null or persons.first_seen_at < %(day_end)s)
"""

OVERRIDES = """
select
    overrides.source_a,
    overrides.source_customer_id_a,
    overrides.source_b,
    overrides.source_customer_id_b,
    overrides.decision,
    overrides.decided_by
from identity.overrides as overrides
where (overrides.source_a, overrides.source_customer_id_a) in (
        select source, source_customer_id from touched
    )
    and (overrides.source_b, overrides.source_customer_id_b) in (
        select source, source_customer_id from touched
    )
"""

BORNE_ELSEWHERE = """
select distinct links.person_id
from identity.person_links as links
left join touched
    on links.source = touched.source and links.source_customer_id = touched.source_customer_id
where links.person_id = any(%(person_ids)s) and touched.source is null
"""

COLUMNS = (
    "source, source_customer_id, person_id, person_since, evidence, evidence_detail, strength,"
    " match_probability, exact_group, certain_group, record_load_id"
)

MAKE_DECIDED = f"""
create temporary table decided on commit drop as
select {COLUMNS} from identity.person_links with no data
"""  # noqa: S608 - names of columns

COPY_LINKS = f"copy decided ({COLUMNS}) from stdin"

WRITE_LINKS = f"""
insert into identity.person_links ({COLUMNS}, linked_at_run, linked_as_of_date)
select {COLUMNS}, %(run_id)s, %(as_of)s from decided
on conflict (source, source_customer_id) do update set
    person_id = excluded.person_id,
    person_since = excluded.person_since,
    evidence = excluded.evidence,
    evidence_detail = excluded.evidence_detail,
    strength = excluded.strength,
    match_probability = excluded.match_probability,
    exact_group = excluded.exact_group,
    certain_group = excluded.certain_group,
    record_load_id = excluded.record_load_id,
    linked_at_run = case
        when person_links.person_id = excluded.person_id then person_links.linked_at_run
        else excluded.linked_at_run
    end,
    linked_as_of_date = case
        when person_links.person_id = excluded.person_id then person_links.linked_as_of_date
        else excluded.linked_as_of_date
    end
"""  # noqa: S608 - names of columns

COPY_HISTORY = (
    "copy identity.person_history (person_id, changed_as_of_date, change, cause, other_person_id,"
    " source, source_customer_id, run_id) from stdin"
)

COPY_REFUSED = "copy refused from stdin"

# What was decided about, and what needed no decision: marks of records that are not yet known stay.
FORGET = (
    """
    delete from identity.undecided
    using touched
    where undecided.source = touched.source
        and undecided.source_customer_id = touched.source_customer_id
    """,
    """
    delete from identity.undecided
    using lone
    where undecided.source = lone.source and undecided.source_customer_id = lone.source_customer_id
    """,
)

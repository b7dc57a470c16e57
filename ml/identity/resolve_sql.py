"""The statements of `resolve`, over the temporary tables `touched` and `intricate`."""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from ml.identity.bulk import LINK_COLUMNS

# Parts the names of a record in one text: no name holds it.
NAMES_DIVIDER = "\x1f"
_NAMES = f"nullif(array_to_string(standard.name_sounds, chr({ord(NAMES_DIVIDER)})), '')"

# What `bulk` asks of a record that is decided about. Names and birth dates as the pairing has
# standardised them, placeholders left out; a name never holds the character that divides them. What
# nobody reported, such as a message sent, was not given by anybody.
TOUCHED = f"""
select
    persons.source,
    persons.source_customer_id,
    true,
    overridden.source is not null,
    persons.first_seen_at at time zone 'UTC',
    {_NAMES},
    nullif(standard.birth, ''),
    case
        when standard.name_sounds is null and standard.birth is null
            and cardinality(persons.exact_keys) = 0 and persons.reported_at is not null
            then (persons.first_seen_at at time zone 'UTC')::date
    end,
    case
        when cardinality(persons.exact_keys) > 0
            then (persons.reported_at at time zone 'UTC')::date
    end,
    exists (
        select from unnest(persons.exact_keys) as exact_key
        where split_part(exact_key, ':', 1) = any(%(shown)s)
    ),
    persons.load_id,
    links.person_id is null and exists (
        select from identity.person_links as namesakes
        where namesakes.person_id = 'P'
            || left(md5(persons.source || ':' || persons.source_customer_id), 16)
    ),
    links.person_id,
    links.person_since at time zone 'UTC',
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
left join (
    select source_a as source, source_customer_id_a as source_customer_id from identity.overrides
    union
    select source_b, source_customer_id_b from identity.overrides
) as overridden
    on touched.source = overridden.source
    and touched.source_customer_id = overridden.source_customer_id
"""

ALL_PAIRS = """
select
    source_a, source_customer_id_a, source_b, source_customer_id_b, match_weight,
    match_probability, rests_on, evidence, model_version
from identity.pairs
"""

PAIRS = f"""
{ALL_PAIRS.strip()} as pairs
inner join touched
    on pairs.source_a = touched.source and pairs.source_customer_id_a = touched.source_customer_id
union all
{ALL_PAIRS.strip()} as pairs
inner join touched
    on pairs.source_b = touched.source and pairs.source_customer_id_b = touched.source_customer_id
left join touched as also_touched
    on pairs.source_a = also_touched.source
    and pairs.source_customer_id_a = also_touched.source_customer_id
where also_touched.source is null
"""

# The other ends of pairs with touched records: other persons' records, which may rival a link.
BYSTANDERS = f"""
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
    {_NAMES},
    nullif(standard.birth, '')
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
        select source, source_customer_id from intricate
    )
    and (overrides.source_b, overrides.source_customer_id_b) in (
        select source, source_customer_id from intricate
    )
"""

BORNE_ELSEWHERE = """
select distinct links.person_id
from identity.person_links as links
left join intricate
    on links.source = intricate.source and links.source_customer_id = intricate.source_customer_id
where links.person_id = any(%(person_ids)s) and intricate.source is null
"""

COLUMNS = ", ".join(("source", "source_customer_id", *LINK_COLUMNS))

MAKE = f"""
create temporary table decided on commit drop as
select {COLUMNS} from identity.person_links with no data;
create temporary table intricate (
    source text,
    source_customer_id text,
    primary key (source, source_customer_id)
) on commit drop
"""

COPY_DECIDED = f"copy decided ({COLUMNS}) from stdin"

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
"""

COPY_HISTORY = (
    "copy identity.person_history (person_id, changed_as_of_date, change, cause, other_person_id,"
    " source, source_customer_id, run_id) from stdin"
)

COPY_REFUSED = "copy refused from stdin"

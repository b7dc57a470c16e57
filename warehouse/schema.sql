-- The tables that Python writes. Run at the start of every walk; every statement can be repeated.
-- What dbt builds is not here: its models say their own shape.

create schema if not exists ops;
create schema if not exists quarantine;
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists identity;
create schema if not exists marts;
create schema if not exists pii;
create schema if not exists features;
create schema if not exists ml;
create schema if not exists activation;
create schema if not exists snapshots;

-- One row per run of the walk or of the training.
create table if not exists ops.runs (
    run_id text primary key,
    as_of_date date not null,
    dag_id text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'success', 'failed'))
);
create index if not exists runs_as_of_date on ops.runs (as_of_date, started_at);

-- One row per run and step: what the status page and a resumed run read.
create table if not exists ops.run_steps (
    run_id text not null references ops.runs (run_id),
    step text not null,
    room text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null check (status in ('running', 'success', 'failed')),
    row_count bigint,
    peak_memory_mb integer,
    facts jsonb not null default '{}',
    message text,
    primary key (run_id, step)
);

-- One row per source table and business day it was loaded for.
create table if not exists ops.loads (
    as_of_date date not null,
    source text not null,
    table_name text not null,
    load_id text not null,
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_rejected bigint not null,
    loaded_through timestamptz,
    primary key (source, table_name, load_id)
);

-- One row per file and contents that was loaded: a file is loaded once.
create table if not exists ops.loaded_files (
    source text not null,
    table_name text not null,
    file_name text not null,
    content_hash text not null,
    file_date date not null,
    load_id text not null,
    rows_read bigint not null,
    rows_rejected bigint not null,
    primary key (source, table_name, file_name, content_hash)
);

-- One row per source: its newest load whose rows staging has judged, and a hash of the rules.
create table if not exists ops.judged_loads (
    source text primary key,
    load_id text not null,
    rules_hash text not null
);

create table if not exists ops.source_status (
    as_of_date date not null,
    source text not null,
    table_name text not null,
    newest_row_at timestamptz,
    age_hours numeric,
    promised_within_hours numeric not null,
    rows_loaded bigint not null,
    rows_rejected bigint not null,
    -- What the source wrote on the business day, and the median of the same weekday before it;
    -- null where there is nothing to compare.
    rows_of_day bigint,
    usual_rows_of_day numeric,
    status text not null check (status in ('fresh', 'stale', 'missing')),
    primary key (as_of_date, source, table_name)
);

-- How alive each field of each source is. Of a table whose rows last (members), the rows are those that
-- stand at the day's end; of one that tells what happened (orders), those of the 28 days before the day.
-- A placeholder does not count as filled in. Null: not known, or nothing to compare with.
create table if not exists ops.field_vitality (
    as_of_date date not null,
    source text not null,
    table_name text not null,
    field text not null,
    -- What it holds of a person, where the catalog says so.
    kind text,
    row_count bigint not null,
    filled_rows bigint not null,
    placeholder_rows bigint,
    -- Of the filled ones: known not to have changed for longer than the policy's old_value_days.
    unchanged_rows bigint,
    -- Person records whose value another source knows too, and of these, where one says otherwise; of at
    -- most so many records as expectations/contradictions.py looks at.
    compared_records bigint,
    contradicted_records bigint,
    completeness double precision
        generated always as (filled_rows / nullif(row_count, 0)::double precision) stored,
    placeholder_share double precision
        generated always as (placeholder_rows / nullif(row_count, 0)::double precision) stored,
    unchanged_share double precision
        generated always as (unchanged_rows / nullif(filled_rows, 0)::double precision) stored,
    contradicted_share double precision generated always as (
        contradicted_records / nullif(compared_records, 0)::double precision
    ) stored,
    primary key (source, table_name, field, as_of_date)
);

-- Each field's shares with their change since the newest day that lies at least 28 days back.
create or replace view ops.field_vitality_trend as
select
    today.as_of_date, today.source, today.table_name, today.field, today.kind, today.row_count,
    today.completeness, today.placeholder_share, today.unchanged_share, today.contradicted_share,
    before.as_of_date as compared_with_date,
    today.completeness - before.completeness as completeness_change,
    today.placeholder_share - before.placeholder_share as placeholder_change,
    today.unchanged_share - before.unchanged_share as unchanged_change,
    today.contradicted_share - before.contradicted_share as contradicted_change
from ops.field_vitality as today
left join lateral (
    select * from ops.field_vitality as earlier
    where earlier.source = today.source and earlier.table_name = today.table_name
        and earlier.field = today.field and earlier.as_of_date <= today.as_of_date - 28
    order by earlier.as_of_date desc
    limit 1
) as before on true;

create table if not exists ops.check_results (
    as_of_date date not null,
    door text not null,
    check_id text not null,
    suite text not null,
    table_name text not null,
    column_name text,
    severity text not null check (severity in ('block', 'warn')),
    success boolean not null,
    observed text,
    expected text not null,
    primary key (as_of_date, door, check_id)
);

-- One row per model and dbt invocation of a run: the times behind the room's time.
create table if not exists ops.dbt_results (
    run_id text not null,
    as_of_date date not null,
    selector text not null,
    unique_id text not null,
    status text not null,
    execution_seconds double precision not null,
    rows_affected bigint,
    primary key (run_id, selector, unique_id)
);

-- A file of the same bytes as another: the name of that one, whose rows stand for both.
alter table ops.loaded_files add column if not exists same_as text;

-- How a source's shape left its catalog entry: a new column once, what stops the source every day.
create table if not exists ops.schema_changes (
    as_of_date date not null,
    source text not null,
    table_name text not null,
    change text not null check (change in ('added', 'dropped', 'renamed', 'retyped')),
    column_name text not null,
    detail text not null,
    primary key (as_of_date, source, table_name, change, column_name)
);

create table if not exists quarantine.rejected_rows (
    as_of_date date not null,
    source text not null,
    table_name text not null,
    load_id text not null,
    row_number bigint not null,
    reason text not null,
    raw_row jsonb not null,
    primary key (source, table_name, load_id, row_number)
);

-- person_id is made once and kept. What a record's link rests on: its strongest evidence within the
-- person, how strong that is, and what it is in words.
create table if not exists identity.person_links (
    source text not null,
    source_customer_id text not null,
    person_id text not null,
    evidence text not null,
    evidence_detail text,
    strength text,
    match_probability double precision,
    -- The records that exact keys tie together, and those that exact keys and people's decisions do;
    -- null for a record that is alone in it.
    exact_group text,
    certain_group text,
    -- When the record that the person's id was made for was first seen: the age of the id.
    person_since timestamptz,
    -- The version of the record that was decided on.
    record_load_id text,
    linked_at_run text not null,
    linked_as_of_date date not null,
    primary key (source, source_customer_id)
);
create index if not exists person_links_person_id on identity.person_links (person_id);

-- Records that something speaks for being one person; a before b by source and number.
create table if not exists identity.pairs (
    source_a text not null,
    source_customer_id_a text not null,
    source_b text not null,
    source_customer_id_b text not null,
    match_weight double precision not null,
    match_probability double precision not null,
    rests_on text not null check (rests_on in ('exact_key', 'probability')),
    evidence text not null,
    agrees text[] not null,
    differs text[] not null,
    model_version text not null,
    primary key (source_a, source_customer_id_a, source_b, source_customer_id_b)
);
create index if not exists pairs_b on identity.pairs (source_b, source_customer_id_b);

-- Phones and addresses that several records share, as salted hashes; no placeholders.
create table if not exists identity.shared_contacts (
    source text not null,
    source_customer_id text not null,
    kind text not null check (kind in ('phone', 'address')),
    value_hash text not null,
    primary key (source, source_customer_id, kind, value_hash)
);

-- Values of too many records to be evidence of anything, as salted hashes.
create table if not exists identity.ignored_values (
    kind text not null,
    value_hash text not null,
    records bigint not null,
    primary key (kind, value_hash)
);

-- What a night must know of the records paired before it, so that it reads anew only what changed and
-- what that is compared with. keys: what finds the candidates of a record; name_sounds and birth: in
-- what persons contradict each other. Unlogged, as it can be made again: after a crash of the server
-- it is empty, and so is pii.pairing, whereupon everything is paired anew.
create unlogged table if not exists pii.standard_records (
    source text not null,
    source_customer_id text not null,
    record_hash bigint not null,
    keys bigint[] not null,
    is_nameless boolean not null default false,
    name_sounds text[],
    birth text,
    primary key (source, source_customer_id)
);
-- It once held the whole standard form. The next pairing fills it anew.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'pii.standard_records'::regclass
            and attname = 'name_written' and not attisdropped
    ) then
        truncate pii.standard_records;
        alter table pii.standard_records
            drop column if exists exact_keys, drop column if exists name_written,
            drop column if exists name_flat, drop column if exists name_turned,
            drop column if exists name_sound, drop column if exists name_parts,
            drop column if exists is_hangul, drop column if exists phone,
            drop column if exists phones, drop column if exists email,
            drop column if exists mail_name, drop column if exists emails,
            drop column if exists mail_names, drop column if exists postcode,
            drop column if exists address_parts, drop column if exists address_words,
            drop column if exists address_pairs, drop column if exists house_numbers,
            drop column if exists homes, drop column if exists first_seen,
            drop column if exists given_days, drop column if exists phone_changed,
            drop column if exists is_hearsay,
            add column if not exists is_nameless boolean not null default false;
        if to_regclass('pii.pairing') is not null then
            truncate pii.pairing;
        end if;
    end if;
end
$$;

-- What the pairs were made with: a night that would weigh otherwise makes them all anew. One row.
create unlogged table if not exists pii.pairing (
    is_only boolean primary key default true check (is_only),
    fingerprint text not null,
    salt text not null
);

-- What people decided about two records; it always wins. The newest decision replaces the former.
create table if not exists identity.overrides (
    source_a text not null,
    source_customer_id_a text not null,
    source_b text not null,
    source_customer_id_b text not null,
    decision text not null check (decision in ('always', 'never')),
    decided_by text not null,
    reason text not null,
    decided_at date not null,
    primary key (source_a, source_customer_id_a, source_b, source_customer_id_b)
);
create index if not exists overrides_b on identity.overrides (source_b, source_customer_id_b);

-- Records whose pairs or overrides changed since the last decision. Triggers fill it, so whoever
-- writes pairs need not know of it.
create table if not exists identity.undecided (
    source text not null,
    source_customer_id text not null,
    primary key (source, source_customer_id)
);

create or replace function identity.mark_undecided() returns trigger language plpgsql as $$
begin
    insert into identity.undecided (source, source_customer_id)
    select source_a, source_customer_id_a from changed
    union
    select source_b, source_customer_id_b from changed
    on conflict do nothing;
    return null;
end
$$;

create or replace function identity.mark_all_undecided() returns trigger language plpgsql as $$
begin
    insert into identity.undecided (source, source_customer_id)
    select source, source_customer_id from identity.person_links
    on conflict do nothing;
    return null;
end
$$;

do $$
declare
    watched text;
begin
    foreach watched in array array['pairs', 'overrides'] loop
        if not exists (
            select from pg_trigger
            where tgrelid = ('identity.' || watched)::regclass and tgname = 'truncated'
        ) then
            execute format(
                'create trigger inserted after insert on identity.%1$I
                    referencing new table as changed
                    for each statement execute function identity.mark_undecided();
                create trigger updated_to after update on identity.%1$I
                    referencing new table as changed
                    for each statement execute function identity.mark_undecided();
                create trigger updated_from after update on identity.%1$I
                    referencing old table as changed
                    for each statement execute function identity.mark_undecided();
                create trigger deleted after delete on identity.%1$I
                    referencing old table as changed
                    for each statement execute function identity.mark_undecided();
                create trigger truncated after truncate on identity.%1$I
                    for each statement execute function identity.mark_all_undecided()',
                watched
            );
        end if;
    end loop;
end
$$;

-- One row: the numbers of the policy that stood at the last decision. Others, or none after all was
-- paired anew, mean deciding about every record again.
create table if not exists identity.rules_in_force (
    rules text primary key
);

-- Every change of a person, with its cause. Where a record is meant it is named.
create table if not exists identity.person_history (
    person_id text not null,
    changed_as_of_date date not null,
    change text not null
        check (change in ('created', 'merged', 'split', 'record_joined', 'record_left')),
    cause text not null,
    other_person_id text,
    source text,
    source_customer_id text,
    run_id text not null
);
create index if not exists person_history_person_id on identity.person_history (person_id);

-- Pairs that somebody should look at: between the two thresholds, or links that were refused.
create table if not exists identity.review_queue (
    source_a text not null,
    source_customer_id_a text not null,
    source_b text not null,
    source_customer_id_b text not null,
    person_id_a text not null,
    person_id_b text not null,
    match_probability double precision not null,
    reason text not null,
    evidence text not null,
    agrees text[] not null,
    differs text[] not null,
    -- What the two persons bought for in 365 days, as the marts of the night before have it.
    spend_amount numeric(18, 2) not null,
    primary key (source_a, source_customer_id_a, source_b, source_customer_id_b)
);

create table if not exists identity.households (
    person_id text primary key,
    household_id text not null,
    basis text not null check (basis in ('phone', 'address', 'both'))
);

create table if not exists identity.connectedness (
    as_of_date date not null,
    source_a text not null,
    source_b text not null,
    records_a bigint not null,
    records_b bigint not null,
    linked_a bigint not null,
    linked_b bigint not null,
    linked_share_a double precision,
    evidence text not null,
    -- The records of a that are linked with b, by the best evidence that leads there.
    linked_by_exact_key_a bigint,
    linked_by_override_a bigint,
    linked_by_probability_a bigint,
    primary key (as_of_date, source_a, source_b)
);

-- Pairs drawn at random, a month at a time, for somebody to say whether they are one person.
create table if not exists identity.samples (
    month date not null,
    stratum text not null check (stratum in ('linked', 'reviewable', 'near')),
    place integer not null,
    source_a text not null,
    source_customer_id_a text not null,
    source_b text not null,
    source_customer_id_b text not null,
    label text check (label in ('same', 'different')),
    labelled_by text,
    reason text,
    labelled_at date,
    primary key (month, source_a, source_customer_id_a, source_b, source_customer_id_b)
);

-- How many pairs each stratum of a month's sample was drawn from.
create table if not exists identity.sample_strata (
    month date not null,
    stratum text not null,
    pair_count bigint not null,
    drawn_as_of_date date not null,
    primary key (month, stratum)
);

-- How good the links are as a whole. The estimates are null until pairs of a sample are labelled.
create table if not exists identity.link_quality (
    as_of_date date primary key,
    records bigint not null,
    persons bigint not null,
    name_list_only_persons bigint not null,
    name_list_only_share double precision,
    sample_month date,
    labelled_pairs bigint not null,
    precision_estimate double precision,
    precision_lower double precision,
    precision_upper double precision,
    recall_estimate double precision,
    recall_lower double precision,
    recall_upper double precision
);

-- What a person that was taken apart had touched while it was one.
create table if not exists identity.recalls (
    recalled_as_of_date date not null,
    person_id text not null,
    kind text not null
        check (kind in ('target_list_entry', 'publication', 'score', 'contact', 'consent')),
    on_date date,
    name text not null,
    detail text not null,
    run_id text not null
);

create table if not exists ml.model_versions (
    model_name text not null,
    version text not null,
    kind text not null check (kind in ('xgboost', 'rule', 'weights')),
    trained_as_of_date date not null,
    in_force_from date,
    status text not null check (status in ('candidate', 'champion', 'retired')),
    metrics jsonb not null,
    verdict text not null,
    artefact_path text not null,
    artefact_checksum text not null,
    code_version text not null,
    primary key (model_name, version)
);

-- Which version is in force from which day on. A null version means none: the plain rule scores.
create table if not exists ml.champions (
    model_name text not null,
    in_force_from date not null,
    version text,
    cause text not null check (cause in ('training', 'promotion', 'rollback', 'retirement')),
    primary key (model_name, in_force_from),
    foreign key (model_name, version) references ml.model_versions (model_name, version)
);

-- One row per model and day it was asked to train: what came of it, refusals with their cause.
create table if not exists ml.training_runs (
    model_name text not null,
    as_of_date date not null,
    outcome text not null check (outcome in ('promoted', 'rule', 'kept', 'refused')),
    version text,
    reason text not null,
    metrics jsonb not null default '{}',
    primary key (model_name, as_of_date)
);

create table if not exists ml.customer_scores (
    as_of_date date not null,
    person_id text not null,
    score_name text not null,
    model_version text not null,
    model_kind text not null,
    horizon_days integer not null,
    probability double precision not null,
    is_calibrated boolean not null,
    percentile double precision not null,
    reason_1 text,
    reason_2 text,
    reason_3 text,
    primary key (as_of_date, score_name, person_id)
);

-- What one contact with an offer is expected to change of a person: purchases more (effect), and the
-- probability that it makes the person take consent back (harm). Null where no model of it is in force.
create table if not exists ml.contact_effects (
    as_of_date date not null,
    person_id text not null,
    effect_version text,
    effect double precision,
    harm_version text,
    harm double precision,
    is_do_not_wake boolean not null,
    primary key (as_of_date, person_id)
);

-- What a customer is expected to spend in the days after a day, with an interval that holds 80 %, the
-- baseline (BG/NBD with Gamma-Gamma) beside it, and classes by rank of that and of the past year's spend.
create table if not exists ml.customer_values (
    as_of_date date not null,
    person_id text not null,
    model_version text not null,
    model_kind text not null,
    horizon_days integer not null,
    expected_spend double precision not null,
    low_spend double precision not null,
    high_spend double precision not null,
    baseline_spend double precision not null,
    past_year_spend double precision not null,
    future_class text not null,
    past_class text not null,
    is_rising boolean not null,
    primary key (as_of_date, person_id)
);

-- Who got no score on a day, and why: one row per person and score.
create table if not exists ml.abstentions (
    as_of_date date not null,
    score_name text not null,
    person_id text not null,
    cause text not null check (cause in ('stale', 'unknown')),
    detail text not null,
    primary key (as_of_date, score_name, person_id)
);

-- How far a score and what it rests on have moved since the training (PSI): one row per day, score and
-- subject, which is a feature or the score itself.
create table if not exists ml.watch_drift (
    as_of_date date not null,
    score_name text not null,
    model_version text not null,
    subject text not null,
    psi double precision not null,
    is_alert boolean not null,
    primary key (as_of_date, score_name, subject)
);

-- What the scores of a day foretold and what came, by tenth of the scores, once the horizon has passed.
create table if not exists ml.watch_outcomes (
    as_of_date date not null,
    due_date date not null,
    score_name text not null,
    model_version text not null,
    treatment_group text not null,
    decile integer not null,
    persons bigint not null,
    predicted double precision not null,
    realised double precision not null,
    is_alert boolean not null,
    primary key (as_of_date, score_name, treatment_group, decile)
);

-- What the watch has to say on a day, in words.
create or replace view ml.watch_alerts as
select
    as_of_date,
    score_name,
    subject || ' has moved since the training, PSI ' || round(psi::numeric, 2) as what
from ml.watch_drift
where is_alert
union all
select
    due_date,
    score_name,
    'tenth ' || decile || ' of ' || as_of_date || ' (' || treatment_group || '): foretold '
    || round(predicted::numeric, 3) || ', came ' || round(realised::numeric, 3)
from ml.watch_outcomes
where is_alert;

create table if not exists activation.publications (
    as_of_date date not null,
    list_name text not null,
    target text not null,
    revision integer not null,
    checksum text not null,
    row_count bigint not null,
    state text not null check (state in ('writing', 'published')),
    published_at timestamptz,
    run_id text not null,
    primary key (as_of_date, list_name, target)
);

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

-- person_id is made once and kept; the evidence says why two records are one person.
create table if not exists identity.person_links (
    source text not null,
    source_customer_id text not null,
    person_id text not null,
    evidence text not null,
    linked_at_run text not null,
    linked_as_of_date date not null,
    primary key (source, source_customer_id)
);
create index if not exists person_links_person_id on identity.person_links (person_id);

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
    primary key (as_of_date, source_a, source_b)
);

-- identity: pairs
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

-- The person records in the one form they are compared in, kept so that a night standardises only
-- what is new. keys: what finds the candidates of a record. Unlogged, as it can be made again: after a
-- crash of the server it is empty, and so is pii.pairing, whereupon everything is paired anew.
create unlogged table if not exists pii.standard_records (
    source text not null,
    source_customer_id text not null,
    record_hash bigint not null,
    keys bigint[] not null,
    exact_keys text[],
    name_written text,
    name_flat text,
    name_turned text,
    name_sound text,
    name_parts text[],
    is_hangul boolean,
    name_sounds text[],
    phone text,
    phones text[],
    email text,
    mail_name text,
    emails text[],
    mail_names text[],
    birth text,
    postcode text,
    address_parts text[],
    address_words text,
    address_pairs text[],
    house_numbers text[],
    homes text[],
    primary key (source, source_customer_id)
);

-- What the pairs were made with: a night that would weigh otherwise makes them all anew. One row.
create unlogged table if not exists pii.pairing (
    is_only boolean primary key default true check (is_only),
    fingerprint text not null,
    salt text not null
);

create table if not exists ml.model_versions (
    model_name text not null,
    version text not null,
    kind text not null,
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

alter table ml.model_versions drop constraint if exists model_versions_kind_check;

-- Which version is in force from which day on. A null version means none: the plain rule scores.
create table if not exists ml.champions (
    model_name text not null,
    in_force_from date not null,
    version text,
    cause text not null check (cause in ('training', 'rollback', 'retirement')),
    primary key (model_name, in_force_from),
    foreign key (model_name, version) references ml.model_versions (model_name, version)
);

-- One row per model and day it was asked to train: what came of it, refusals with their cause.
create table if not exists ml.training_runs (
    model_name text not null,
    as_of_date date not null,
    outcome text not null check (outcome in ('promoted', 'rule', 'refused')),
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

-- The first schema, in the subset of SQL that SQLite and PostgreSQL share:
-- TEXT, BIGINT (times in milliseconds), DOUBLE PRECISION, BOOLEAN, BYTEA; JSON as TEXT; no defaults.
-- A BYTEA column that ends in _sealed is written through vault::Sealed and holds a version byte first.

create table workspaces (
    id text primary key,
    name text not null,
    settings text not null,
    -- goes up with each change of what a question can find
    knowledge_version bigint not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);

create table api_keys (
    id text primary key,
    workspace_id text not null references workspaces (id),
    name text not null,
    kind text not null,
    secret_sha256 bytea not null,
    scopes text not null,
    allowed_origins text not null,
    requests_per_minute_max bigint,
    expires_at_ms bigint,
    revoked_at_ms bigint,
    last_used_at_ms bigint,
    created_at_ms bigint not null
);
create index api_keys_by_workspace on api_keys (workspace_id);

create table index_generations (
    id text primary key,
    embedding text not null,
    tokenizer text not null,
    chunker text not null,
    dimension bigint not null,
    state text not null,
    created_at_ms bigint not null,
    activated_at_ms bigint
);
create unique index index_generations_one_active on index_generations (state) where state = 'active';

create table articles (
    id text primary key,
    workspace_id text not null references workspaces (id),
    source_kind text not null,
    source text not null,
    status text not null,
    current_version_id text,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create unique index articles_by_source on articles (workspace_id, source_kind, source);

create table article_versions (
    id text primary key,
    workspace_id text not null references workspaces (id),
    article_id text not null references articles (id),
    version bigint not null,
    title text not null,
    tags text not null,
    language text,
    url text,
    -- what was read, the fragments that it includes, and the plain text that citations point into
    body text not null,
    fragments text not null,
    plain_text text not null,
    digest text not null,
    created_at_ms bigint not null
);
create unique index article_versions_by_number on article_versions (article_id, version);

create table chunks (
    id text primary key,
    workspace_id text not null references workspaces (id),
    article_id text not null references articles (id),
    version_id text not null references article_versions (id),
    generation_id text not null references index_generations (id),
    ordinal bigint not null,
    heading_path text not null,
    -- code points of the version's plain_text
    start_char bigint not null,
    end_char bigint not null,
    -- the distinct BM25 terms, as sorted 32-bit little-endian numbers
    terms bytea not null
);
create unique index chunks_by_place on chunks (version_id, generation_id, ordinal);
-- with the id, so that looking a few up by it never reads all of a workspace's
create index chunks_by_workspace on chunks (workspace_id, generation_id, id);
create index chunks_by_article on chunks (article_id);

create table sessions (
    id text primary key,
    workspace_id text not null references workspaces (id),
    name text not null,
    token_sha256 bytea not null,
    status text not null,
    language text,
    user_meta_sealed bytea,
    ip_address_sealed bytea,
    user_agent_sealed bytea,
    assigned_agent_id text,
    -- the next number for a message or an event of this session, given out in the transaction that writes it
    next_sequence bigint not null,
    last_active_at_ms bigint not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create unique index sessions_by_name on sessions (workspace_id, name);

create table messages (
    id text primary key,
    workspace_id text not null references workspaces (id),
    session_id text not null references sessions (id),
    sequence bigint not null,
    sender text not null,
    text_sealed bytea not null,
    metadata_sealed bytea,
    confidence double precision,
    read_at_ms bigint,
    created_at_ms bigint not null
);
create unique index messages_by_sequence on messages (session_id, sequence);

create table session_events (
    id text primary key,
    workspace_id text not null references workspaces (id),
    session_id text not null references sessions (id),
    sequence bigint not null,
    kind text not null,
    payload_sealed bytea,
    created_at_ms bigint not null
);
create unique index session_events_by_sequence on session_events (session_id, sequence);

create table tickets (
    id text primary key,
    workspace_id text not null references workspaces (id),
    session_id text references sessions (id),
    reason text not null,
    status text not null,
    title_sealed bytea not null,
    description_sealed bytea not null,
    -- the transcript and the passages that were found when it was opened
    evidence_sealed bytea,
    contact_sealed bytea,
    metadata_sealed bytea,
    helpful_notes_sealed bytea,
    priority text,
    category text,
    related_skills text not null,
    deadline_at_ms bigint,
    assigned_to text,
    created_by text,
    revision bigint not null,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index tickets_by_workspace on tickets (workspace_id, created_at_ms);
create unique index tickets_one_open on tickets (session_id, reason)
    where status in ('open', 'in_progress', 'waiting');

create table ticket_messages (
    id text primary key,
    workspace_id text not null references workspaces (id),
    ticket_id text not null references tickets (id),
    sender text not null,
    visibility text not null,
    text_sealed bytea not null,
    created_at_ms bigint not null
);
create index ticket_messages_by_ticket on ticket_messages (ticket_id, created_at_ms);

create table accuracy_records (
    id text primary key,
    workspace_id text not null references workspaces (id),
    session_id text references sessions (id),
    message_id text references messages (id),
    -- the draft, also when it was not sent
    ai_text_sealed bytea not null,
    sent boolean not null,
    decision text not null,
    reason text,
    response_type text not null,
    confidence double precision not null,
    tokens bigint not null,
    latency_ms bigint not null,
    trace_sealed bytea not null,
    human_mark text,
    evaluation_sealed bytea,
    created_at_ms bigint not null
);
create index accuracy_records_by_workspace on accuracy_records (workspace_id, created_at_ms);

create table jobs (
    id text primary key,
    workspace_id text references workspaces (id),
    kind text not null,
    state text not null,
    payload_sealed bytea not null,
    result_sealed bytea,
    idempotency_key text,
    attempts bigint not null,
    -- goes up with each lease, so that a worker that comes late cannot write
    lease_epoch bigint not null,
    lease_until_ms bigint,
    run_at_ms bigint not null,
    progress_done bigint not null,
    progress_total bigint not null,
    failure text,
    created_at_ms bigint not null,
    updated_at_ms bigint not null
);
create index jobs_due on jobs (state, run_at_ms);
create unique index jobs_by_idempotency_key on jobs (kind, idempotency_key);

create table idempotent_responses (
    workspace_id text not null references workspaces (id),
    operation text not null,
    idempotency_key text not null,
    request_sha256 bytea not null,
    status bigint not null,
    body_sealed bytea not null,
    created_at_ms bigint not null,
    primary key (workspace_id, operation, idempotency_key)
);

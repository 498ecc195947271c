-- How each workspace wants its questions answered, and which sessions wait for a person. The subset is the first file's.

create table answer_settings (
    workspace_id text primary key references workspaces (id),
    -- goes up with each change; a workspace without a row has version 0 and the server's own settings
    version bigint not null,
    enabled boolean not null,
    -- null in what follows: as the server does by itself
    provider text,
    model text,
    temperature double precision,
    tokens_max bigint,
    system_prompt text,
    language text,
    threshold double precision,
    -- the key that changed it last
    updated_by text not null,
    updated_at_ms bigint not null
);

-- when the customer asked for a person; null again when the session is handed back to Candor
alter table sessions add column person_asked_at_ms bigint;

-- What each workspace's own labelled questions say about confidence, as `eval calibrate` wrote it. The subset is the first file's.

create table calibrations (
    workspace_id text not null references workspaces (id),
    -- what the drafts were made with that it judges
    generator text not null,
    -- of the answers that it was made for
    answering_hash text not null,
    -- of the artefact
    sha256 text not null,
    artefact text not null,
    stored_at_ms bigint not null,
    primary key (workspace_id, generator)
);

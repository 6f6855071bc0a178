-- +goose Up
-- One row per entity ref that somebody claims, valid or not. The short columns
-- stand first, so that SQLite reads them without following a long row.
CREATE TABLE catalog_entity (
    ref           text PRIMARY KEY,
    uid           text NOT NULL,
    version       bigint NOT NULL, -- number in the history, 0: never valid
    flags         bigint NOT NULL, -- see store.Flags
    parent        text NOT NULL,   -- who emits it: a ref, config, registered, provider:x, push:x; empty: nobody
    location_key  text NOT NULL,
    input_hash    text NOT NULL,   -- of what came in and the rules it was processed by
    output_hash   text NOT NULL,   -- of body and relations
    problem_since bigint NOT NULL, -- 0: no problems
    updated_at    bigint NOT NULL,
    problems      text NOT NULL,   -- JSON array of status items, or empty
    relations     text NOT NULL,   -- emitted relations, see store.EncodeRelations
    body          text,            -- last good processed JSON; null: never valid
    source        text             -- what came in; null: the body will do
);
CREATE INDEX catalog_entity_parent ON catalog_entity (parent);
CREATE INDEX catalog_entity_location_key ON catalog_entity (location_key);
CREATE INDEX catalog_entity_problem ON catalog_entity (problem_since) WHERE problem_since > 0;

-- Further parents of the few entities that more than one of them emits.
CREATE TABLE catalog_parent (
    child  text NOT NULL,
    parent text NOT NULL,
    PRIMARY KEY (child, parent)
);
CREATE INDEX catalog_parent_parent ON catalog_parent (parent);

-- Entities that are processed on their own time: locations, and what depends
-- on something outside.
CREATE TABLE catalog_source (
    ref         text PRIMARY KEY,
    due_at      bigint NOT NULL,
    position    bigint NOT NULL,
    wish        bigint NOT NULL, -- grows with every wish to be processed
    lease_owner text NOT NULL,
    lease_until bigint NOT NULL,
    fence       bigint NOT NULL,
    finished_at bigint NOT NULL,
    fingerprint text NOT NULL,   -- of the pipeline that processed it last
    cause       text NOT NULL,   -- JSON: why it is due, when somebody asked
    state       bytea            -- the pipeline's own memory
);
CREATE INDEX catalog_source_due ON catalog_source (due_at, position);

-- Claims to a ref that another location holds; the oldest one inherits it.
CREATE TABLE catalog_claim (
    ref          text NOT NULL,
    parent       text NOT NULL,
    location_key text NOT NULL,
    since        bigint NOT NULL,
    source       text NOT NULL,
    PRIMARY KEY (ref, parent, location_key)
);
CREATE INDEX catalog_claim_parent ON catalog_claim (parent);

-- What an entity depends on besides its own file.
CREATE TABLE catalog_refresh_key (
    key text NOT NULL,
    ref text NOT NULL,
    PRIMARY KEY (key, ref)
);
CREATE INDEX catalog_refresh_key_ref ON catalog_refresh_key (ref);

-- Documents of a source that did not become entities.
CREATE TABLE catalog_refusal (
    source       text NOT NULL,
    location_key text NOT NULL,
    line         bigint NOT NULL,
    ref          text NOT NULL, -- empty where the document does not tell
    code         text NOT NULL,
    message      text NOT NULL,
    since        bigint NOT NULL
);
CREATE INDEX catalog_refusal_source ON catalog_refusal (source);
CREATE INDEX catalog_refusal_ref ON catalog_refusal (ref);

-- Locations that people registered.
CREATE TABLE catalog_location (
    id         text PRIMARY KEY,
    type       text NOT NULL,
    target     text NOT NULL,
    entity_ref text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    position   bigint NOT NULL,
    UNIQUE (type, target)
);

-- Small facts: counters and the fingerprint of the last start.
CREATE TABLE catalog_counter (
    name  text PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO catalog_counter (name, value) VALUES ('change', 0), ('trimmed', 0), ('deletes', 0), ('position', 0);
CREATE TABLE catalog_setting (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- +goose Down
DROP TABLE catalog_setting;
DROP TABLE catalog_counter;
DROP TABLE catalog_location;
DROP TABLE catalog_refusal;
DROP TABLE catalog_refresh_key;
DROP TABLE catalog_claim;
DROP TABLE catalog_source;
DROP TABLE catalog_parent;
DROP TABLE catalog_entity;

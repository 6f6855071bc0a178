-- +goose Up
-- Events as they were written, in the transaction of the change they tell of.
-- A sealer moves them to audit_event, usually at once; until then nothing
-- protects them. What is here when no portal runs is sealed by the next one.
CREATE TABLE audit_pending (
    n     integer PRIMARY KEY AUTOINCREMENT,
    event text NOT NULL -- JSON
);

-- Sealed events: seq has no gaps, and hash chains every event to the one
-- before it.
CREATE TABLE audit_event (
    seq            integer PRIMARY KEY,
    id             text NOT NULL UNIQUE,
    at             bigint NOT NULL,
    plugin         text NOT NULL,
    name           text NOT NULL,
    severity       text NOT NULL,
    status         text NOT NULL,
    actor_kind     text NOT NULL,
    actor          text NOT NULL,
    actor_via      text NOT NULL,
    ip             text NOT NULL,
    user_agent     text NOT NULL,
    target         text NOT NULL,
    reason         text NOT NULL,
    meta           text NOT NULL, -- JSON
    request_id     text NOT NULL,
    request_method text NOT NULL,
    request_path   text NOT NULL,
    key_id         text NOT NULL, -- of the key that hash was made with; empty for none
    previous       text NOT NULL,
    hash           text NOT NULL
);
CREATE INDEX audit_event_at ON audit_event (at, seq);
CREATE INDEX audit_event_plugin ON audit_event (plugin, at, seq);
CREATE INDEX audit_event_name ON audit_event (name, at, seq);
CREATE INDEX audit_event_actor ON audit_event (actor, at, seq);
CREATE INDEX audit_event_target ON audit_event (target, at, seq);
CREATE INDEX audit_event_severity ON audit_event (severity, at, seq);
CREATE INDEX audit_event_status ON audit_event (status, at, seq);

-- The words of the sealed events, for searching: rowid is seq.
CREATE VIRTUAL TABLE audit_word USING fts5 (words, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61 remove_diacritics 0');

-- Where the chain ends and, once old events were removed, where it begins. One
-- row.
CREATE TABLE audit_head (
    one       bigint PRIMARY KEY CHECK (one = 1),
    seq       bigint NOT NULL, -- the last sealed event
    hash      text NOT NULL,
    from_seq  bigint NOT NULL, -- the last event that was removed
    from_hash text NOT NULL,
    key_id    text NOT NULL,
    seal      text NOT NULL    -- over the fields above
);

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit_word;
DROP TABLE audit_event;
DROP TABLE audit_pending;

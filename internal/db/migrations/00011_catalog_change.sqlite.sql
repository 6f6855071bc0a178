-- +goose Up
-- The change log: what replicas follow and the history is read from. The two
-- engines differ in the type that makes seq the table's own order.
CREATE TABLE catalog_change (
    seq      integer PRIMARY KEY,
    ref      text NOT NULL,
    version  bigint NOT NULL,
    op       text NOT NULL, -- create, update, delete: versions; touch: status, parents or the orphan mark
    at       bigint NOT NULL,
    uid      text NOT NULL,
    cause    text NOT NULL, -- JSON
    previous text           -- the content that this change replaced
);
CREATE INDEX catalog_change_ref ON catalog_change (ref, version);

-- +goose Down
DROP TABLE catalog_change;

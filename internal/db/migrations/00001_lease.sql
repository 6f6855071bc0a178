-- +goose Up
-- One row per piece of work that only one replica may do at a time.
CREATE TABLE lease (
    name  text PRIMARY KEY,
    owner text NOT NULL,
    until bigint NOT NULL,
    fence bigint NOT NULL
);

-- +goose Down
DROP TABLE lease;

-- +goose Up
-- Signals too large for a notification of the database, for as long as
-- replicas may need to fetch them.
CREATE TABLE signal_parcel (
    id         text PRIMARY KEY,
    body       text NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX signal_parcel_created ON signal_parcel (created_at);

-- +goose Down
DROP TABLE signal_parcel;

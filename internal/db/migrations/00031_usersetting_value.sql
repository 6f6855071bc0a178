-- +goose Up
-- What users have set for themselves, as JSON.
CREATE TABLE usersetting_value (
    user_ref   text NOT NULL,
    bucket     text NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (user_ref, bucket, name)
);

-- +goose Down
DROP TABLE usersetting_value;

-- +goose Up
-- Public halves of the keys that sign tokens; each replica adds its own.
CREATE TABLE identity_key (
    kid        text PRIMARY KEY,
    jwk        text NOT NULL,
    expires_at bigint NOT NULL
);
-- What was decided about a user at the last sign-in.
CREATE TABLE identity_user (
    ref        text PRIMARY KEY,
    ownership  text NOT NULL,
    updated_at bigint NOT NULL
);

-- +goose Down
DROP TABLE identity_user;
DROP TABLE identity_key;

-- +goose Up
-- Sessions of the OAuth server whose access tokens count no more, until the
-- last of them would have ended by itself.
CREATE TABLE identity_oauth_revoked (
    session_id text PRIMARY KEY,
    until      bigint NOT NULL
);
CREATE INDEX identity_oauth_revoked_until ON identity_oauth_revoked (until);

-- +goose Down
DROP TABLE identity_oauth_revoked;

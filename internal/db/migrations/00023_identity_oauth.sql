-- +goose Up
-- Clients of the OAuth server that registered themselves.
CREATE TABLE identity_oauth_client (
    id            text PRIMARY KEY,
    name          text NOT NULL,
    secret_hash   text NOT NULL,   -- empty: a public client
    auth_method   text NOT NULL,   -- what the client said; empty: nothing
    redirect_uris text NOT NULL,   -- JSON list
    scope         text NOT NULL,
    created_at    bigint NOT NULL,
    used_at       bigint NOT NULL  -- last approved; 0: never
);
CREATE INDEX identity_oauth_client_used ON identity_oauth_client (used_at, created_at);

-- Requests for authorization, from the redirect to the exchange of the code.
CREATE TABLE identity_oauth_session (
    id               text PRIMARY KEY,
    client_id        text NOT NULL,
    client_name      text NOT NULL,
    redirect_uri     text NOT NULL,
    scope            text NOT NULL,
    state            text NOT NULL,
    nonce            text NOT NULL,
    resource         text NOT NULL,
    challenge        text NOT NULL,
    challenge_method text NOT NULL,
    status           text NOT NULL,   -- pending, approved, rejected
    user_ref         text NOT NULL,   -- empty while pending
    code_hash        text NOT NULL,   -- empty until approved
    code_expires_at  bigint NOT NULL,
    code_used_at     bigint NOT NULL, -- 0: not exchanged
    created_at       bigint NOT NULL,
    expires_at       bigint NOT NULL
);
CREATE UNIQUE INDEX identity_oauth_session_code ON identity_oauth_session (code_hash) WHERE code_hash <> '';
CREATE INDEX identity_oauth_session_expires ON identity_oauth_session (expires_at);

-- Long-lived grants: one per refresh token and what it is rotated to.
CREATE TABLE identity_oauth_grant (
    id          text PRIMARY KEY,
    session_id  text NOT NULL,
    client_id   text NOT NULL,
    user_ref    text NOT NULL,
    scope       text NOT NULL,
    resource    text NOT NULL,
    family_hash text NOT NULL,   -- of the part that all tokens of the grant share
    token_hash  text NOT NULL,   -- of the token that is valid now
    catalogued  bigint NOT NULL, -- 1: the user was in the catalog
    derived     bigint NOT NULL, -- 1: the ownership was what the catalog says
    created_at  bigint NOT NULL,
    used_at     bigint NOT NULL,
    expires_at  bigint NOT NULL
);
CREATE INDEX identity_oauth_grant_session ON identity_oauth_grant (session_id);
CREATE INDEX identity_oauth_grant_user ON identity_oauth_grant (user_ref, used_at);
CREATE INDEX identity_oauth_grant_expires ON identity_oauth_grant (expires_at);

-- +goose Down
DROP TABLE identity_oauth_grant;
DROP TABLE identity_oauth_session;
DROP TABLE identity_oauth_client;

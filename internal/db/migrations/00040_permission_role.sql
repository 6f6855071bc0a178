-- +goose Up
-- Roles that came through the REST API; those of files and of the
-- configuration are read from there.
CREATE TABLE permission_role (
    ref         text PRIMARY KEY,
    origin      text NOT NULL, -- rest or legacy
    description text NOT NULL,
    owner       text NOT NULL,
    author      text NOT NULL,
    modified_by text NOT NULL,
    created_at  bigint NOT NULL,
    modified_at bigint NOT NULL
);
CREATE TABLE permission_role_member (
    role   text NOT NULL,
    member text NOT NULL,
    PRIMARY KEY (role, member)
);
CREATE TABLE permission_role_policy (
    role       text NOT NULL,
    permission text NOT NULL,
    action     text NOT NULL,
    effect     text NOT NULL, -- allow or deny
    PRIMARY KEY (role, permission, action, effect)
);
CREATE TABLE permission_role_condition (
    id            bigint PRIMARY KEY,
    role          text NOT NULL,
    plugin        text NOT NULL,
    resource_type text NOT NULL,
    mapping       text NOT NULL, -- JSON
    conditions    text NOT NULL  -- JSON
);
-- Plugins whose permissions are offered, besides the configured ones.
CREATE TABLE permission_role_plugin (
    id text PRIMARY KEY
);
-- The last id given to a conditional policy: ids are never used again.
CREATE TABLE permission_role_sequence (
    name text PRIMARY KEY,
    last bigint NOT NULL
);
INSERT INTO permission_role_sequence (name, last) VALUES ('condition', 0);

-- +goose Down
DROP TABLE permission_role_sequence;
DROP TABLE permission_role_plugin;
DROP TABLE permission_role_condition;
DROP TABLE permission_role_policy;
DROP TABLE permission_role_member;
DROP TABLE permission_role;

-- +goose Up
-- Notifications, one row per user, or one for everyone with an empty user_ref.
CREATE TABLE notification_item (
    id          text PRIMARY KEY,
    user_ref    text NOT NULL,
    origin      text NOT NULL,
    scope       text NOT NULL,
    topic       text NOT NULL,
    severity    bigint NOT NULL, -- 0: critical … 3: low
    title       text NOT NULL,
    description text NOT NULL,
    link        text NOT NULL,
    icon        text NOT NULL,
    metadata    text NOT NULL,   -- JSON object, or empty
    words       text NOT NULL,   -- what is searched, in lower case
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL  -- 0: never
);
CREATE INDEX notification_item_user ON notification_item (user_ref, created_at);
CREATE INDEX notification_item_created ON notification_item (created_at);
CREATE UNIQUE INDEX notification_item_scope ON notification_item (user_ref, origin, scope) WHERE scope <> '';

-- What a user did with a notification; no row: nothing.
CREATE TABLE notification_state (
    notification_id text NOT NULL,
    user_ref        text NOT NULL,
    read_at         bigint NOT NULL, -- 0: unread
    saved_at        bigint NOT NULL, -- 0: not saved
    PRIMARY KEY (notification_id, user_ref)
);

-- What users want to hear of, as JSON.
CREATE TABLE notification_setting (
    user_ref text PRIMARY KEY,
    body     text NOT NULL
);

-- +goose Down
DROP TABLE notification_setting;
DROP TABLE notification_state;
DROP TABLE notification_item;

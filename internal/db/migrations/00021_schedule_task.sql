-- +goose Up
-- When each scheduled task runs next and how it went last.
CREATE TABLE schedule_task (
    id         text PRIMARY KEY,
    next_at    bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at   bigint NOT NULL,
    problem    text NOT NULL
);

-- +goose Down
DROP TABLE schedule_task;

-- What was due and what became of it: see the file of the same name for SQLite.

create table schedule_job (
    job        text primary key,
    watermark  text not null,
    paused_by  text,
    paused_why text,
    paused_at  text
);

create table schedule_due (
    job        text   not null,
    slot       text   not null,
    due_at     text   not null,
    outcome    text   not null check (outcome in ('running', 'done', 'failed', 'missed', 'skipped')),
    why        text,
    holder     text,
    attempts   bigint not null default 0,
    started_at text,
    ended_at   text,
    primary key (job, slot)
);

create table lease (
    name     text primary key,
    holder   text,
    token    bigint not null,
    lasts_to text   not null
);

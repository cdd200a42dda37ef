-- What was due and what became of it; and who may write a night now.

-- Up to which instant due times were accounted for, by job. Editing the schedule replays nothing before it.
create table schedule_job (
    job       text primary key,
    watermark text not null,                -- instant, UTC
    paused_by text,                         -- null while it is not paused
    paused_why text,
    paused_at text
) strict;

-- Every due instant has one row, and in the end one outcome.
create table schedule_due (
    job        text    not null,
    slot       text    not null,            -- wall-clock time at the place, YYYY-MM-DDTHH:MM: the same slot is never due twice
    due_at     text    not null,            -- instant, UTC
    outcome    text    not null check (outcome in ('running', 'done', 'failed', 'missed', 'skipped')),
    why        text,                        -- null when all went well
    holder     text,                        -- the process that runs or ran it
    attempts   integer not null default 0,
    started_at text,
    ended_at   text,
    primary key (job, slot)
) strict;

-- Who may do what only one may do at a time. The token rises with every holder: one that lost its lease cannot write.
create table lease (
    name     text primary key,
    holder   text,                          -- null when nobody has it
    token    integer not null,
    lasts_to text not null                  -- instant, UTC
) strict;

-- Letters of further kinds, and letters that carry their reader's workbook. SQLite cannot change a check: the table is made anew, with
-- every row as it was.

create table outbox_letter_of_kinds (
    id          integer primary key,
    message_id  text    not null unique,    -- the same on every attempt
    night       text    not null,
    kind        text    not null check (kind in ('nightly', 'urgent', 'weekly', 'monthly', 'failures', 'alarm')),
    reader      text    not null,           -- id of the reader
    address     text    not null,
    revision    integer not null check (revision > 0),  -- above 1: a correction; of alarms: the next of the day
    subject     text    not null,
    plain       text    not null,
    html        text    not null,
    digest      text    not null,           -- SHA-256 of what it says
    queued_at   text    not null,           -- instant, UTC
    state       text    not null check (state in ('queued', 'deferred', 'sent', 'parked', 'superseded')),
    attempts    integer not null default 0,
    next_at     text    not null,           -- instant, UTC: not before
    lease_by    text,                       -- who is sending it
    lease_until text,                       -- instant, UTC: afterwards somebody else may
    answer      text,                       -- what the server said last
    encloses    integer not null default 0 check (encloses in (0, 1))   -- the reader's workbook is made and attached when it is sent
) strict;

insert into outbox_letter_of_kinds (id, message_id, night, kind, reader, address, revision, subject, plain, html, digest, queued_at, state,
    attempts, next_at, lease_by, lease_until, answer)
select id, message_id, night, kind, reader, address, revision, subject, plain, html, digest, queued_at, state,
    attempts, next_at, lease_by, lease_until, answer from outbox_letter;

drop table outbox_letter;
alter table outbox_letter_of_kinds rename to outbox_letter;

create unique index outbox_letter_once on outbox_letter (night, kind, reader, revision);
create index outbox_letter_due on outbox_letter (state, next_at);

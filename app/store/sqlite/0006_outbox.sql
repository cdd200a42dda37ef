-- Letters to people. They are written in the transaction of the night that they tell, and sent afterwards: a night that is
-- not kept tells nobody, and a night that is kept is told once.

create table outbox_letter (
    id          integer primary key,
    message_id  text    not null unique,    -- the same on every attempt
    night       text    not null,
    kind        text    not null check (kind in ('nightly', 'failures')),
    reader      text    not null,           -- id of the reader
    address     text    not null,
    revision    integer not null check (revision > 0),  -- above 1: a correction, because the night was run again and said something else
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
    answer      text                        -- what the server said last
) strict;

create unique index outbox_letter_once on outbox_letter (night, kind, reader, revision);
create index outbox_letter_due on outbox_letter (state, next_at);

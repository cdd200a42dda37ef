-- Letters that came back: see the file of the same name for SQLite.

create table outbox_bounce (
    digest     text not null primary key,
    message_id text not null,
    action     text not null check (action in ('failed', 'delayed')),
    status     text not null,
    matched_by text not null check (matched_by in ('message-id', 'recipient')),
    night      text not null,
    read_at    text not null
);

create index outbox_bounce_letter on outbox_bounce (message_id);
create index outbox_bounce_night on outbox_bounce (night);

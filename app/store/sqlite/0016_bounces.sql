-- Letters that came back, or are late, as the mail servers on their way report it. Who was written to stands in the letter alone.

create table outbox_bounce (
    digest     text not null primary key,  -- SHA-256 of the report as it came: one that is read twice counts once
    message_id text not null,              -- of the letter
    action     text not null check (action in ('failed', 'delayed')),  -- given up, or tried further
    status     text not null,              -- RFC 3463, like 5.1.1
    matched_by text not null check (matched_by in ('message-id', 'recipient')),
    night      text not null,              -- on which it was read
    read_at    text not null               -- instant, UTC
) strict;

create index outbox_bounce_letter on outbox_bounce (message_id);
create index outbox_bounce_night on outbox_bounce (night);

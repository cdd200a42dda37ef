-- What was decided about feeds: held by the guard or an operator, released by an operator or because the pull is as usual again.
-- The state of a feed is what its events come to, in order; nothing here is ever changed or deleted.

create table feed_event (
    id       integer primary key,
    at       text    not null,              -- instant, UTC
    night    text    not null,              -- the night it was decided on
    feed     text    not null,              -- department/feed
    what     text    not null check (what in ('held', 'released')),
    by_guard integer not null check (by_guard in (0, 1)),
    by_whom  text    not null,              -- the operator; 'guard' for the guard
    why      text    not null,
    hold     text    not null,              -- JSON: what the guard saw; {} where an operator held
    margin   real    not null default 0     -- of a release: how much worse than approved may still pass, as a share
) strict;

create index feed_event_by_feed on feed_event (feed, id);

create trigger feed_event_stays before update on feed_event
begin select raise(abort, 'feed events are append-only'); end;

create trigger feed_event_is_kept before delete on feed_event
begin select raise(abort, 'feed events are append-only'); end;

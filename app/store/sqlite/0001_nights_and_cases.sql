-- What the hub remembers from night to night. Nothing in these tables is ever changed or deleted by a night: a night that
-- is run again is kept again under a new run, and the newest run of a night counts. Days are text, YYYY-MM-DD.

create table night_run (
    run     integer primary key,            -- rises with the night: only the newest night may be run again
    night   text    not null check (night glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]')
) strict;

create index night_run_by_night on night_run (night);

-- The runs that count: the newest of each night.
create view night as
select night, max(run) as run from night_run group by night;

create table feed_night (
    run      integer not null references night_run (run),
    place    integer not null,              -- configuration order
    feed     text    not null,              -- department/feed
    used     integer not null check (used in (0, 1)),
    tally    text,                          -- JSON; null when the pull itself failed
    sha256   text,                          -- of the landed delivery
    left_out text    not null,              -- JSON: why it was left out, zh and en; [] when it was used
    primary key (run, feed)
) strict;

create index feed_night_by_feed on feed_night (feed, used, run);

-- The number of a case, given once. A case of a run that was superseded keeps its number, and nobody else gets it.
create table case_file (
    case_key text    primary key,
    year     integer not null,
    serial   integer not null check (serial > 0),
    unique (year, serial)
) strict;

-- A case as it was after something happened to it; between two versions only that night's numbers, places and wording move.
create table case_version (
    run      integer not null references night_run (run),
    case_key text    not null references case_file (case_key),
    body     text    not null,              -- JSON, without its number
    primary key (case_key, run)
) strict;

create table case_event (
    run      integer not null references night_run (run),
    case_key text    not null references case_file (case_key),
    what     text    not null check (what in ('opened', 'changed', 'cured', 'reopened')),
    rules    text    not null,              -- JSON list of rule ids
    primary key (run, case_key)
) strict;

create index case_event_by_case on case_event (case_key, run);

create trigger night_run_rises before insert on night_run
when exists (select 1 from night_run where night > new.night)
begin select raise(abort, 'a later night is already kept'); end;

create trigger case_event_stays before update on case_event
begin select raise(abort, 'case events are append-only'); end;

create trigger case_event_is_kept before delete on case_event
begin select raise(abort, 'case events are append-only'); end;

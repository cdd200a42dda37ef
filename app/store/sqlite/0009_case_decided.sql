-- A night also tells what people have decided since the night before. SQLite changes a check by making the table anew.

create table case_event_with_decided (
    run      integer not null references night_run (run),
    case_key text    not null references case_file (case_key),
    what     text    not null check (what in ('opened', 'changed', 'cured', 'reopened', 'decided')),
    rules    text    not null,              -- JSON list of rule ids
    primary key (run, case_key)
) strict;

insert into case_event_with_decided select run, case_key, what, rules from case_event;
drop table case_event;
alter table case_event_with_decided rename to case_event;

create index case_event_by_case on case_event (case_key, run);

create trigger case_event_stays before update on case_event
begin select raise(abort, 'case events are append-only'); end;

create trigger case_event_is_kept before delete on case_event
begin select raise(abort, 'case events are append-only'); end;

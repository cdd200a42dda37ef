-- Who above heard of a case whose next step was late: once per step and due day, by the night that told it.

create table case_escalation (
    run      integer not null references night_run (run),
    case_key text    not null references case_file (case_key),
    step     text    not null check (step in ('unit-head', 'organization', 'discipline')),
    due      text    not null,              -- the day that passed
    primary key (run, case_key, step)
) strict;

create index case_escalation_by_case on case_escalation (case_key, run);

-- De-identifying moves it with its case: see migration 11.
create trigger case_escalation_stays before update on case_escalation
when new.run <> old.run or new.step <> old.step or new.due <> old.due or new.case_key = old.case_key or not exists (
    select 1 from case_file f join retention_mark m on m.year = f.year and m.serial = f.serial
    where f.case_key = old.case_key and m.case_key = new.case_key)
begin select raise(abort, 'case escalations are append-only'); end;

create trigger case_escalation_is_kept before delete on case_escalation
begin select raise(abort, 'case escalations are append-only'); end;

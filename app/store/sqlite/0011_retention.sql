-- Cases that nobody may link to a person any more. The key of such a case is replaced by one that nobody can compute, its texts are
-- emptied; what is counted stays. This is the one change that case events and acts allow: a row goes with its own case, once, to the
-- key that the case's mark names.

create table retention_mark (
    year     integer not null,
    serial   integer not null,
    case_key text    not null unique check (case_key glob 'gone-*'),
    done_on  text    not null,              -- day
    primary key (year, serial),
    foreign key (year, serial) references case_file (year, serial)
) strict;

create trigger retention_mark_stays before update on retention_mark
begin select raise(abort, 'retention marks are append-only'); end;

create trigger retention_mark_is_kept before delete on retention_mark
begin select raise(abort, 'retention marks are append-only'); end;

create trigger case_file_stays before update on case_file
when new.year <> old.year or new.serial <> old.serial or new.case_key = old.case_key or not exists (
    select 1 from retention_mark m where m.year = old.year and m.serial = old.serial and m.case_key = new.case_key)
begin select raise(abort, 'case files are append-only'); end;

create trigger case_file_is_kept before delete on case_file
begin select raise(abort, 'case files are append-only'); end;

drop trigger case_event_stays;
create trigger case_event_stays before update on case_event
when new.run <> old.run or new.what <> old.what or new.rules <> old.rules or new.case_key = old.case_key or not exists (
    select 1 from case_file f join retention_mark m on m.year = f.year and m.serial = f.serial
    where f.case_key = old.case_key and m.case_key = new.case_key)
begin select raise(abort, 'case events are append-only'); end;

drop trigger case_act_stays;
create trigger case_act_stays before update on case_act
when new.place <> old.place or new.night <> old.night or new.case_key = old.case_key or not exists (
    select 1 from case_file f join retention_mark m on m.year = f.year and m.serial = f.serial
    where f.case_key = old.case_key and m.case_key = new.case_key)
begin select raise(abort, 'case acts are append-only'); end;

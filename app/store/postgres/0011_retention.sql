-- Cases that nobody may link to a person any more: see the file of the same name for SQLite.

create table retention_mark (
    year     bigint not null,
    serial   bigint not null,
    case_key text   not null unique check (case_key like 'gone-%'),
    done_on  text   not null,
    primary key (year, serial),
    foreign key (year, serial) references case_file (year, serial)
);

create trigger retention_mark_stays before update or delete on retention_mark for each statement execute function stays('retention marks');

-- Whether the case of `old_key` was marked to be called `new_key` from now on.
create function is_marked(old_key text, new_key text) returns boolean language sql stable as $$
    select old_key <> new_key and exists (
        select 1 from case_file f join retention_mark m on m.year = f.year and m.serial = f.serial
        where f.case_key = old_key and m.case_key = new_key)
$$;

create function case_file_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.year <> old.year or new.serial <> old.serial or not is_marked(old.case_key, new.case_key) then
        raise exception 'case files are append-only';
    end if;
    return new;
end $$;

create function case_event_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.run <> old.run or new.what <> old.what or new.rules <> old.rules
        or not is_marked(old.case_key, new.case_key) then
        raise exception 'case events are append-only';
    end if;
    return new;
end $$;

create function case_act_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.place <> old.place or new.night <> old.night or not is_marked(old.case_key, new.case_key) then
        raise exception 'case acts are append-only';
    end if;
    return new;
end $$;

create trigger case_file_stays before update or delete on case_file for each row execute function case_file_stays();
drop trigger case_event_stays on case_event;
create trigger case_event_stays before update or delete on case_event for each row execute function case_event_stays();
drop trigger case_act_stays on case_act;
create trigger case_act_stays before update or delete on case_act for each row execute function case_act_stays();

-- A case and its rows change their key together.
alter table case_version alter constraint case_version_case_key_fkey deferrable initially immediate;
alter table case_event alter constraint case_event_case_key_fkey deferrable initially immediate;
alter table case_act alter constraint case_act_case_key_fkey deferrable initially immediate;

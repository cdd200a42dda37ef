-- Who above heard of a late case: see the file of the same name for SQLite.

create table case_escalation (
    run      bigint not null references night_run (run),
    case_key text   not null references case_file (case_key) deferrable initially immediate,
    step     text   not null check (step in ('unit-head', 'organization', 'discipline')),
    due      text   not null,
    primary key (run, case_key, step)
);

create index case_escalation_by_case on case_escalation (case_key, run);

create function case_escalation_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or new.run <> old.run or new.step <> old.step or new.due <> old.due
        or not is_marked(old.case_key, new.case_key) then
        raise exception 'case escalations are append-only';
    end if;
    return new;
end $$;

create trigger case_escalation_stays before update or delete on case_escalation
    for each row execute function case_escalation_stays();

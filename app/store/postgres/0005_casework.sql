-- What people did about cases: see the file of the same name for SQLite.

create table case_act (
    case_key text   not null references case_file (case_key),
    place    bigint not null check (place > 0),
    night    text   not null,
    body     text   not null,
    primary key (case_key, place)
);

create trigger case_act_stays before update or delete on case_act for each statement execute function stays('case acts');

-- Who did what: see the file of the same name for SQLite.

create table audit_entry (
    id       bigint primary key,
    at       text   not null,
    who      text   not null,
    what     text   not null,
    about    text   not null,
    detail   text   not null,
    previous text   not null,
    hash     text   not null unique
);

create index audit_entry_by_about on audit_entry (about, id);

create trigger audit_entry_stays before update or delete on audit_entry for each statement execute function stays('audit entries');

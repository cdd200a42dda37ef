-- Who did what: every decision, every person revealed, every export and every change of settings. Each entry holds the hash
-- of the one before, so that nothing can be changed, left out or put between without every later hash being wrong.

create table audit_entry (
    id       integer primary key,           -- rises by one, from 1
    at       text    not null,              -- instant, UTC
    who      text    not null,              -- id of a person of people.toml; local:USER of the operating system; muster itself
    what     text    not null,              -- kebab-case word of the act
    about    text    not null,              -- a case number, a feed, a file; no name and no ID number
    detail   text    not null,              -- JSON
    previous text    not null,              -- hash of the entry before; 64 zeros for the first
    hash     text    not null unique        -- SHA-256, hexadecimal, over previous and the columns above
) strict;

create index audit_entry_by_about on audit_entry (about, id);

create trigger audit_entry_stays before update on audit_entry
begin select raise(abort, 'audit entries are append-only'); end;

create trigger audit_entry_is_kept before delete on audit_entry
begin select raise(abort, 'audit entries are append-only'); end;

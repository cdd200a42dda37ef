-- Why a letter was given up: see the file of the same name for SQLite.

alter table outbox_letter add column refused bigint not null default 0 check (refused in (0, 1));

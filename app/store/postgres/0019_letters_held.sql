-- When a letter is first to go: see the file of the same name for SQLite.

alter table outbox_letter add column due_at text not null default '';
update outbox_letter set due_at = queued_at;

-- When a letter is first to go: when it was queued, or the time for which letters of its kind are held.

alter table outbox_letter add column due_at text not null default '';
update outbox_letter set due_at = queued_at;

-- Letters of further kinds, and letters that carry their reader's workbook: see the file of the same name for SQLite.

alter table outbox_letter drop constraint outbox_letter_kind_check;
alter table outbox_letter add constraint outbox_letter_kind_check
    check (kind in ('nightly', 'urgent', 'weekly', 'monthly', 'failures', 'alarm'));
alter table outbox_letter add column encloses bigint not null default 0 check (encloses in (0, 1));

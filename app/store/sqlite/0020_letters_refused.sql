-- Whether a letter was given up because the server refuses it for good, and not because nobody took it for long enough.

alter table outbox_letter add column refused integer not null default 0 check (refused in (0, 1));

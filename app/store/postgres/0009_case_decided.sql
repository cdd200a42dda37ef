-- A night also tells what people have decided since the night before.

alter table case_event drop constraint case_event_what_check;
alter table case_event add constraint case_event_what_check check (what in ('opened', 'changed', 'cured', 'reopened', 'decided'));

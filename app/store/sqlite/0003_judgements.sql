-- What reviewers said of two rows: one person, two people, or not to be told. A judgement stands until it is withdrawn.
-- Nothing here is ever changed or deleted; a withdrawal is an event of its own.

create table judgement_event (
    id        integer primary key,
    at        text    not null,              -- instant, UTC
    word      text    not null check (word in ('same', 'different', 'unsure', 'withdrawn')),
    withdraws integer references judgement_event (id),
    one       text,                          -- JSON: feed, id_number, name, sex, birth_date, word for word; null for a withdrawal
    other     text,
    by_whom   text    not null,              -- the reviewer
    why       text    not null,
    check ((word = 'withdrawn') = (withdraws is not null)),
    check ((word = 'withdrawn') = (one is null) and (one is null) = (other is null))
) strict;

create unique index judgement_event_withdrawn_once on judgement_event (withdraws) where withdraws is not null;

create trigger judgement_event_stays before update on judgement_event
begin select raise(abort, 'judgements are append-only'); end;

create trigger judgement_event_is_kept before delete on judgement_event
begin select raise(abort, 'judgements are append-only'); end;

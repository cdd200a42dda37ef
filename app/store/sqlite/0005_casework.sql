-- What people did about cases. It belongs to the case, not to a night, and outlives reruns; nothing here is ever changed or deleted.

create table case_act (
    case_key text    not null references case_file (case_key),
    place    integer not null check (place > 0),    -- 1, 2, 3 …
    night    text    not null,                      -- the newest night that was known then
    body     text    not null,                      -- JSON: at, on, night, who, deed, text
    primary key (case_key, place)
) strict;

create trigger case_act_stays before update on case_act
begin select raise(abort, 'case acts are append-only'); end;

create trigger case_act_is_kept before delete on case_act
begin select raise(abort, 'case acts are append-only'); end;

-- What operators were told of by mail and is not mended yet. A trouble is told when it is new, again when it changes, though not twice on
-- one day, and when it is over; then its row goes.

create table alarm (
    key     text primary key,               -- disk, night, feed finance/payroll …
    mark    text not null,                  -- as it was told; another one is a change
    told_zh text not null,
    told_en text not null,
    told_on text not null,                  -- day
    since   text not null                   -- day
) strict;

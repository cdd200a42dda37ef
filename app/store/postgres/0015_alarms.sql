-- What operators were told of by mail and is not mended yet: see the file of the same name for SQLite.

create table alarm (
    key     text primary key,               -- disk, night, feed finance/payroll …
    mark    text not null,                  -- as it was told; another one is a change
    told_zh text not null,
    told_en text not null,
    told_on text not null,                  -- day
    since   text not null                   -- day
);

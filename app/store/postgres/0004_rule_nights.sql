-- What every rule came to on every night: see the file of the same name for SQLite.

create table rule_night (
    run       bigint not null references night_run (run),
    rule      text   not null,
    about     text   check (about in ('people', 'units')),
    looked_at bigint,
    found     bigint,
    skipped   text,
    primary key (run, rule),
    check ((found is null) = (skipped is not null)),
    check ((found is null) = (looked_at is null))
);

create index rule_night_by_rule on rule_night (rule, run);

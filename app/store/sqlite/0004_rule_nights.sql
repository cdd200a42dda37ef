-- What every rule came to on every night: how many it could have hit, and how many it hit. A night that is run again is
-- kept again under a new run, and the newest run of a night counts.

create table rule_night (
    run       integer not null references night_run (run),
    rule      text    not null,             -- id of the card
    about     text    check (about in ('people', 'units')),
    looked_at integer,                      -- people or units of the rule's primary table; null when it did not run
    found     integer,                      -- subjects it found; null when it did not run
    skipped   text,                         -- JSON: why it did not run, zh and en; null when it ran
    primary key (run, rule),
    check ((found is null) = (skipped is not null)),
    check ((found is null) = (looked_at is null))
) strict;

create index rule_night_by_rule on rule_night (rule, run);

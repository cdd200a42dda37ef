-- The key under which texts that say something of persons are sealed, itself wrapped under a master key that is kept elsewhere.

create table sealing_key (
    id      integer primary key check (id = 1),
    wrapped text    not null,
    hash    text    not null                -- tells another `hash` line of the key file
) strict;

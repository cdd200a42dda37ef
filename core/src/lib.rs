//! What happens in one night, as pure functions: no clock, no network, no disk, no randomness.
//!
//! Read the modules in this order; it is also the order in which data moves.
//!
//! | module       | takes                              | gives                                         |
//! |--------------|------------------------------------|-----------------------------------------------|
//! | [`schema`]   | nothing                            | the shared vocabulary, defined once           |
//! | [`codes`]    | nothing                            | its code lists, with their names              |
//! | [`mapping`]  | a department's TOML file           | a checked [`mapping::Mapping`]                |
//! | [`read`]     | one cell of text                   | a date, a month, an amount, a flag            |
//! | [`map`]      | a mapping and a raw batch          | rows in the shared shape, and rejects         |
//! | [`snapshot`] | mapped rows                        | sealed rows, identities, unit references      |
//! | [`link`]     | identities and references          | persons and units: who is who                 |
//! | [`engine`]   | sealed files and links             | tables that SQL can read                      |
//! | [`presence`] | linked tables                      | who was where in which month                  |
//! | [`rule`]     | a rule card (Markdown)             | a checked [`rule::Rule`]                      |
//! | [`check`]    | a rule and the engine              | [`finding::Finding`]s                         |
//! | [`case`]     | open cases and tonight's findings  | cases and what happened to them               |
//! | [`figures`]  | the engine                         | establishment against staff, in total         |
//! | [`prompt`]   | the engine, a month                | the prompt tables, unit by unit               |
//! | [`pefa`]     | the engine, a month, the cases     | what is measured of payroll controls          |
//! | [`report`]   | cases and report columns           | tables for people                             |
//!
//! [`diag`] is the one error shape of files that people write; [`person_id`] and [`name`] know how ids and names break;
//! [`function`] holds what rule cards may call in SQL; [`category`] what official documents call what they find.

pub mod calendar;
pub mod case;
pub mod category;
pub mod check;
pub mod codes;
pub mod diag;
pub mod engine;
pub mod figures;
pub mod finding;
pub mod function;
pub mod link;
pub mod map;
pub mod mapping;
pub mod mask;
pub mod money_words;
pub mod name;
pub mod pefa;
pub mod person_id;
pub mod presence;
pub mod prompt;
pub mod read;
pub mod report;
pub mod retirement;
pub mod rule;
pub mod schema;
pub mod snapshot;

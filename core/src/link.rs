//! Who is who: makes persons and units of what the sources say about them.
//!
//! Takes identities and references, one for each distinct text of a feed; gives numbers for persons and units, and for every
//! identity the pass that linked it, a score, what was repaired and what was not believed. Exact numbers give 98 of 100 links; the
//! rest decides whether ghosts are found or hidden, so the passes go from the surest to the least sure and each asks for more
//! evidence than the number alone:
//!
//! | pass                     | what it links                                                                         |
//! |--------------------------|---------------------------------------------------------------------------------------|
//! | [`exact`]                | equal valid numbers whose names agree, fifteen digits read as eighteen                |
//! | [`residual`], registers  | broken and missing numbers of the registers, with anybody who works or is paid        |
//! | [`residual`], the others | broken and missing numbers of other sources, with people of the registers only        |
//! | [`judge`]                | what reviewers have said of two rows, before everything that the passes believe       |
//!
//! Two different valid numbers are two people, whatever else agrees: an invented payee with the name, sex and unit of a real
//! employee must not hide behind him. Where the evidence fits several people it is linked to none of them and they are in doubt.
//!
//! Nothing depends on the order of feeds or rows.

mod credit_code;
mod decide;
mod exact;
pub mod explain;
mod identity;
pub mod judge;
mod kernel;
mod linked;
pub mod model;
pub mod pair;
mod parallel;
mod person;
mod record;
mod residual;
mod unit;
mod unit_name;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;

use crate::schema::Table;

pub use unit::OUTSIDE;

/// What one feed says about people and units, as [`crate::snapshot::Sealer::finish`] gives it.
#[derive(Clone, Copy, Debug)]
pub struct FeedIn<'a> {
    /// `department/feed`.
    pub feed: &'a str,
    /// The shared table that the feed fills.
    pub table: &'static Table,
    /// The feed's identities; `who` counts them.
    pub identities: &'a RecordBatch,
    /// The feed's unit references; `at` counts them.
    pub references: &'a RecordBatch,
}

/// Tonight's units.
#[derive(Clone, Debug)]
pub struct Units {
    /// The linked `unit` table, one row for each `unit_id` from 0; `feed` and `row_no` are null.
    pub table: RecordBatch,
    /// [`crate::schema::UNIT_REFERENCE`], feed after feed.
    pub reference: RecordBatch,
    /// By feed and `at`: the `unit_id`, -1 where nothing was found.
    pub unit_of: Vec<Vec<i32>>,
}

/// Tonight's persons.
#[derive(Clone, Debug)]
pub struct People {
    /// [`crate::schema::PERSONS`], one row for each `person_id` from 0, in the order of `person_key`.
    pub persons: RecordBatch,
    /// [`crate::schema::CANDIDATES`]: whom records without a believed number were compared with.
    pub candidates: RecordBatch,
    /// By feed and `who`: the `person_id`, -1 where nobody could be told.
    pub person_of: Vec<Arc<Vec<i32>>>,
}

/// Tonight's persons, and how every identity was linked.
pub struct Linking<'a> {
    /// The persons.
    pub people: People,
    told: person::Told<'a>,
}

impl Linking<'_> {
    /// [`crate::schema::IDENTITY`], feed after feed in batches of some ten thousand rows. They are made as they are asked for: a
    /// province's eight million identities would take twice the memory of what they are made from.
    pub fn identities(&self) -> impl Iterator<Item = RecordBatch> {
        self.told.identities(&self.people)
    }

    /// How many identities were linked in each way; the words are those of `identity.method`.
    pub fn methods(&self) -> BTreeMap<&'static str, u64> {
        self.told.methods()
    }
}

/// Links unit references to the units of the register.
///
/// `register` is everything that fills the `unit` table, in its input shape. `aliases` are declared by the operator: a name (or a code)
/// and the unit's code or full name, or [`OUTSIDE`] for units that are none of the city's; a `*` at either end of the name stands for
/// anything (`*有限公司`). A code map may give `outside` as a code, too.
pub fn units(register: &[RecordBatch], feeds: &[FeedIn], aliases: &[(String, String)]) -> Units {
    unit::link(register, feeds, aliases)
}

/// Links identities to persons.
///
/// `judgements` are obeyed where their rows are there tonight.
/// `rejected` are the ID numbers and names of rows that could not be mapped: whoever they may be about is in doubt tonight.
/// `tonight` bounds birth dates: who is born later has a wrong number.
/// `hash_key` is the installation's secret that makes lasting keys: without it nobody can find the key of an ID number.
pub fn people<'a>(
    feeds: &'a [FeedIn<'a>],
    units: &Units,
    rejected: &[(String, String)],
    judgements: &[judge::Judgement],
    tonight: NaiveDate,
    hash_key: &str,
) -> Linking<'a> {
    let said = identity::read(feeds, units, tonight);
    let mut linked = exact::link(&said);
    residual::link(&said, &mut linked, rejected);
    judge::obey(&said, &mut linked, judgements);
    let (people, told) = person::tell(said, linked, hash_key);
    Linking { people, told }
}

#[cfg(test)]
mod tests;

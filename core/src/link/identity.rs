//! What the sources say about people, read once into a form that the passes can compare fast.

use arrow::array::{Array, AsArray, Date32Array, Int32Array, StringArray};
use arrow::datatypes::{Date32Type, Int32Type};
use chrono::{Datelike, NaiveDate};

use super::{FeedIn, Units, parallel};
use crate::name;
use crate::person_id::{self, PersonId, Reading, Repairs, State};

/// No birth date in the source.
pub const NO_DAY: i32 = i32::MIN;

/// What kind of source speaks; earlier ones are believed first when a person's name is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The establishment register.
    Establishment,
    /// The personnel system.
    Hr,
    /// Another system that keeps people while they work, are paid or insured.
    Living,
    /// A register of everybody: deaths, company roles, bank accounts. It adds to people and never makes a broken number believable.
    Population,
}

impl Rank {
    fn of(table: &str) -> Rank {
        match table {
            "establishment" => Rank::Establishment,
            "employment" => Rank::Hr,
            "death" | "company_role" | "account_holder" | "benefit" | "border" => Rank::Population,
            _ => Rank::Living,
        }
    }

    /// Whether the source says who belongs to the staff.
    pub fn register(self) -> bool {
        self <= Rank::Hr
    }
}

/// One identity: thirty-two bytes, because a province has eight million of them.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The seventeen digits of a valid number, 0 without one.
    pub id: u64,
    /// [`name::key_hash`], 0 without a name.
    pub name: u64,
    /// The source's own birth date, days since 1970, or [`NO_DAY`].
    pub birth: i32,
    /// `unit_id`, -1 without one.
    pub unit: i32,
    pub feed: u16,
    pub repairs: Repairs,
    pub state: State,
    pub sex: Sex,
    pub rank: Rank,
}

impl Identity {
    /// Of nobody.
    const NONE: Identity = Identity {
        id: 0,
        name: 0,
        birth: NO_DAY,
        unit: -1,
        feed: 0,
        repairs: Repairs::NONE,
        state: State::Missing,
        sex: Sex::Unknown,
        rank: Rank::Population,
    };
}

/// The source's own column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    Unknown,
    Male,
    Female,
}

impl Sex {
    pub fn read(text: Option<&str>) -> Sex {
        match text {
            Some("male") => Sex::Male,
            Some("female") => Sex::Female,
            _ => Sex::Unknown,
        }
    }

    pub fn word(self) -> Option<&'static str> {
        match self {
            Sex::Male => Some("male"),
            Sex::Female => Some("female"),
            Sex::Unknown => None,
        }
    }
}

/// The columns of one feed's identities.
pub struct Texts<'a> {
    pub feed: &'a FeedIn<'a>,
    pub id_number: &'a StringArray,
    pub name: &'a StringArray,
    pub sex: &'a StringArray,
    pub birth_date: &'a Date32Array,
    pub rows: &'a Int32Array,
    /// The number of the feed's first identity.
    pub start: usize,
}

/// Everything that was said, numbered over all feeds.
pub struct Said<'a> {
    pub feeds: Vec<Texts<'a>>,
    pub all: Vec<Identity>,
}

impl Said<'_> {
    fn place(&self, number: u32) -> (&Texts<'_>, usize) {
        let texts = &self.feeds[usize::from(self.all[number as usize].feed)];
        (texts, number as usize - texts.start)
    }

    /// The identity with this number.
    pub fn get(&self, number: u32) -> &Identity {
        &self.all[number as usize]
    }

    /// The ID text as the mapping left it, empty without one.
    pub fn id_text(&self, number: u32) -> &str {
        let (texts, row) = self.place(number);
        text(texts.id_number, row)
    }

    /// The name as the source writes it, empty without one.
    pub fn name(&self, number: u32) -> &str {
        let (texts, row) = self.place(number);
        text(texts.name, row)
    }

    /// How many rows carry the identity.
    pub fn rows(&self, number: u32) -> i32 {
        let (texts, row) = self.place(number);
        texts.rows.value(row)
    }

    /// What kind of source speaks.
    pub fn rank(&self, number: u32) -> Rank {
        self.get(number).rank
    }

    /// `department/feed`.
    pub fn feed(&self, number: u32) -> &str {
        self.place(number).0.feed.feed
    }
}

/// The text of a cell, empty for null.
pub fn text(texts: &StringArray, row: usize) -> &str {
    if texts.is_valid(row) { texts.value(row) } else { "" }
}

/// Reads every feed. A number whose birth date is after `tonight` is not valid.
pub fn read<'a>(feeds: &'a [FeedIn<'a>], units: &Units, tonight: NaiveDate) -> Said<'a> {
    let mut all = Vec::with_capacity(feeds.iter().map(|it| it.identities.num_rows()).sum());
    let mut read = Vec::with_capacity(feeds.len());
    for (at, (feed, unit_of)) in feeds.iter().zip(&units.unit_of).enumerate() {
        let rank = Rank::of(feed.table.name);
        let texts = texts(feed, all.len());
        let unit_at: &Int32Array = column(feed, "unit_at").as_primitive::<Int32Type>();
        let unit = |row| if unit_at.is_valid(row) { unit_of.get(unit_at.value(row) as usize).copied().unwrap_or(-1) } else { -1 };
        let rows = feed.identities.num_rows();
        all.extend(parallel::fill(rows, Identity::NONE, |row| Identity {
            feed: at as u16,
            unit: unit(row),
            rank,
            ..identity(&texts, row, tonight)
        }));
        read.push(texts);
    }
    Said { feeds: read, all }
}

fn texts<'a>(feed: &'a FeedIn<'a>, start: usize) -> Texts<'a> {
    Texts {
        feed,
        id_number: column(feed, "id_number").as_string(),
        name: column(feed, "name").as_string(),
        sex: column(feed, "sex").as_string(),
        birth_date: column(feed, "birth_date").as_primitive::<Date32Type>(),
        rows: column(feed, "rows").as_primitive::<Int32Type>(),
        start,
    }
}

fn column<'a>(feed: &'a FeedIn<'a>, name: &str) -> &'a dyn Array {
    feed.identities.column_by_name(name).expect("sealed identities have it")
}

/// What one row says; the feed, its rank and the unit are the caller's.
fn identity(texts: &Texts, row: usize, tonight: NaiveDate) -> Identity {
    let reading = reading(text(texts.id_number, row), tonight);
    Identity {
        id: reading.id.map_or(0, PersonId::body),
        name: name::key_hash(text(texts.name, row)),
        birth: if texts.birth_date.is_valid(row) { texts.birth_date.value(row) } else { NO_DAY },
        unit: -1,
        feed: 0,
        rank: Rank::Population,
        repairs: reading.repairs,
        state: reading.state,
        sex: Sex::read(texts.sex.is_valid(row).then(|| texts.sex.value(row))),
    }
}

/// What an ID text is, seen from tonight.
pub fn reading(text: &str, tonight: NaiveDate) -> Reading {
    let reading = person_id::classify(text);
    match reading.id {
        Some(id) if id.birth() > tonight => Reading { state: State::Date, id: None, ..reading },
        _ => reading,
    }
}

/// Days since 1970.
pub fn day_number(day: NaiveDate) -> i32 {
    // 1970-01-01 is day 719163 of the common era.
    day.num_days_from_ce() - 719_163
}

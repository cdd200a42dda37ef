//! The residual: what the exact pass could not link, one record for identities that are equal in all that could tell them apart.

use hashbrown::HashMap;

use super::identity::{Identity, NO_DAY, Rank, Said, Sex};
use super::kernel::{DIGITS_MAX, Digits, Pattern};
use super::linked::{Linked, Method, NOBODY};
use crate::person_id::repair::candidates;
use crate::person_id::{PersonId, Repairs, State};

/// Why a record is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The number is broken or missing.
    Broken,
    /// The fifteen digits are nobody else's: there is no check character, so they may be mistyped.
    Lonely15,
    /// The number passes, but ends as a spreadsheet leaves numbers: one in eleven of those passes.
    Cut,
    /// The number is somebody else's, or the name on it was changed.
    Disputed {
        /// Whose number it is.
        owner: u32,
    },
}

/// Identities that are linked together or not at all.
#[derive(Debug)]
pub struct Record {
    pub cause: Cause,
    pub members: Vec<u32>,
    /// The number that is compared, empty where the record's is known to be somebody else's.
    pub text: String,
    /// The same, ready to be compared with many numbers.
    pub written: Written,
    pub state: State,
    /// Where they stay if nobody is found.
    pub home: u32,
    pub register: bool,
    pub population: bool,
    /// Valid numbers one edit away.
    pub near: Vec<(PersonId, Repairs)>,
}

/// A number as it was written, ready to be compared with many others.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub digits: Digits,
    pub pattern: Pattern,
}

impl Written {
    /// Of a text; what follows the place where no number is any longer is not looked at.
    pub fn of(text: &str) -> Written {
        let end = text.char_indices().nth(DIGITS_MAX).map_or(text.len(), |(at, _)| at);
        let digits = Digits::pack(&text[..end]).unwrap_or(Digits::EMPTY);
        Written { digits, pattern: Pattern::new(digits) }
    }
}

impl Record {
    fn new(said: &Said, cause: Cause, members: Vec<u32>, home: u32) -> Record {
        let ranks = || members.iter().map(|it| said.rank(*it));
        let (register, population) = (ranks().any(Rank::register), ranks().all(|it| it == Rank::Population));
        let id = PersonId::from_body(said.get(members[0]).id);
        let (text, state) = match (cause, id) {
            (Cause::Disputed { .. }, _) => (String::new(), State::Missing),
            (Cause::Cut, Some(id)) => (id.to_string(), State::DamagedExcel),
            (Cause::Lonely15, Some(id)) => (id.short().map(|it| format!("{it:015}")).unwrap_or_default(), State::Valid15),
            _ => (said.id_text(members[0]).to_owned(), said.get(members[0]).state),
        };
        let near = if cause == Cause::Broken { candidates(&text) } else { Vec::new() };
        Record { cause, members, written: Written::of(&text), text, state, home, register, population, near }
    }
}

/// Every record of the residual. Broken identities get clusters of their own on the way; those that say neither a number nor a
/// name stay nobody.
pub fn collect(said: &Said, linked: &mut Linked) -> Vec<Record> {
    let mut records = broken(said, linked);
    records.extend(disputed(said, linked));
    records.extend(doubtful_numbers(said, linked));
    records
}

/// Identities without a valid number. Those with the same text and name are one: the same damage travels from source to source.
/// Without a usable text, name, birth date and unit together must be equal.
fn broken(said: &Said, linked: &mut Linked) -> Vec<Record> {
    let mut groups: HashMap<Sameness, Vec<u32>> = HashMap::new();
    for (number, identity) in said.all.iter().enumerate().filter(|(_, it)| it.id == 0) {
        if identity.name != 0 || !matches!(identity.state, State::Missing | State::Placeholder) {
            groups.entry(sameness(said, number as u32, identity)).or_default().push(number as u32);
        }
    }
    let mut groups: Vec<Vec<u32>> = groups.into_values().collect();
    groups.sort_unstable();
    let record = |members: Vec<u32>| {
        let home = linked.open(0);
        let alone = members.len() == 1;
        let method = match (alone, usable(said.get(members[0]).state, said.id_text(members[0]))) {
            (true, _) => Method::Own,
            (false, true) => Method::IdExact,
            (false, false) => Method::NameBirth,
        };
        for number in &members {
            linked.put(*number, home, method, if alone { 1.0 } else { 0.97 });
        }
        Record::new(said, Cause::Broken, members, home)
    };
    groups.into_iter().map(record).collect()
}

#[derive(PartialEq, Eq, Hash)]
enum Sameness<'a> {
    Number(&'a str, u64),
    /// What a mask shows or nothing; name, birth date, unit, sex.
    Birth(&'a str, u64, i32, i32, Sex),
    Alone(u32),
}

fn sameness<'a>(said: &'a Said, number: u32, identity: &Identity) -> Sameness<'a> {
    let text = said.id_text(number);
    let shown = if nothing(identity.state, text) { "" } else { text };
    if usable(identity.state, text) && identity.name != 0 {
        Sameness::Number(text, identity.name)
    } else if identity.name != 0 && identity.birth != NO_DAY && identity.unit >= 0 {
        Sameness::Birth(shown, identity.name, identity.birth, identity.unit, identity.sex)
    } else {
        Sameness::Alone(number)
    }
}

/// Whether an equal text under an equal name means the same person: a mask is too little, and so is a short number in a list.
fn usable(state: State, text: &str) -> bool {
    state != State::Masked && !nothing(state, text) && text.chars().count() >= 7
}

/// Whether a text says nothing about the number: `3.30683E+17` shows no more than the division.
pub fn nothing(state: State, text: &str) -> bool {
    matches!(state, State::Missing | State::Placeholder) || state == State::DamagedExcel && text.contains('.')
}

fn disputed(said: &Said, linked: &Linked) -> Vec<Record> {
    let mut by_home: Vec<(u32, u32, u32)> = Vec::new();
    for dispute in &linked.disputes {
        let home = linked.links[dispute.identity as usize].cluster;
        // Believed with doubt: each identity is asked for alone. Refused: all under that name together.
        let alone = if home == dispute.owner { dispute.identity } else { NOBODY };
        by_home.push((home, alone, dispute.identity));
    }
    by_home.sort_unstable();
    let owner: HashMap<u32, u32> = linked.disputes.iter().map(|it| (it.identity, it.owner)).collect();
    let groups = by_home.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    groups
        .map(|group| {
            let members: Vec<u32> = group.iter().map(|it| it.2).collect();
            Record::new(said, Cause::Disputed { owner: owner[&members[0]] }, members, group[0].0)
        })
        .collect()
}

/// Valid numbers that no register knows and that may be damaged all the same.
fn doubtful_numbers(said: &Said, linked: &Linked) -> Vec<Record> {
    let (kinds, members) = (linked.kinds(said), linked.members(said));
    let cut = |id: u64| id.is_multiple_of(100) && PersonId::from_body(id).is_some_and(|it| it.to_string().ends_with("000"));
    let cause = |id: u64, home: u32| match (kinds.staff(home), kinds.old_form(home)) {
        (true, _) => None,
        (false, true) => Some(Cause::Lonely15),
        (false, false) => cut(id).then_some(Cause::Cut),
    };
    let record = |(id, home): &(u64, u32)| Some(Record::new(said, cause(*id, *home)?, members.of_cluster(*home).to_vec(), *home));
    linked.numbers.iter().filter_map(record).collect()
}

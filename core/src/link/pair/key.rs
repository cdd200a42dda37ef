//! Blocking: the keys under which two records of one person are likely to meet.
//!
//! Every key joins two facts that are seldom wrong together. A record is compared with everybody who shares one of its keys; what no
//! key brings together is never compared.

use super::form::Script;
use super::hash;
use super::person::Person;
use super::place::{NONE, Places};
use super::side::Evidence;
use crate::person_id::repair::candidates;

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Number,
    /// A valid number that one slip makes of a broken one.
    Repair,
    AreaBirth,
    BirthSequence,
    AreaTail,
    TailName,
    /// Half a name beside the last four characters.
    TailFamily,
    TailPlace,
    HeadPlace,
    NumberHead,
    NumberTail,
    Name,
    Spelled,
    NameBirth,
    SpelledBirth,
    FamilyBirth,
    GivenBirth,
    Sounds,
    HalfYear,
    Birth,
    Contact,
    NamePlace,
    SpelledPlace,
    HalfPlace,
    BirthPlace,
    PlacePlace,
    /// Keys of one fact and a hint, which bring many: followed only where few meet.
    InitialsYear,
    InitialsDay,
    HalfSound,
    ContactPart,
    TwoLetters,
    /// Only counted: how common a family name or a given name is.
    FamilyCount,
    GivenCount,
    FamilySoundCount,
    GivenSoundCount,
    BirthCount,
}

impl Kind {
    /// Whether records meet under it.
    pub fn meets(self) -> bool {
        self < Kind::FamilyCount
    }

    /// Whether it brings so many that it has a limit of its own.
    pub fn wide(self) -> bool {
        self >= Kind::InitialsYear && self.meets()
    }

    /// The word for it in explanations.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Repair => "number-repaired",
            Kind::AreaBirth => "number-area-birth",
            Kind::BirthSequence => "number-birth-sequence",
            Kind::AreaTail => "number-area-tail",
            Kind::TailName => "number-tail+name",
            Kind::TailFamily => "number-tail+half-name",
            Kind::TailPlace => "number-tail+place",
            Kind::HeadPlace => "number-head+place",
            Kind::NumberHead => "number-head",
            Kind::NumberTail => "number-tail",
            Kind::Name => "name",
            Kind::Spelled => "pinyin",
            Kind::NameBirth => "name+birth",
            Kind::SpelledBirth => "pinyin+birth",
            Kind::FamilyBirth => "family+birth",
            Kind::GivenBirth => "given+birth",
            Kind::Sounds => "sound",
            Kind::HalfYear => "half-name+year",
            Kind::Birth => "birth",
            Kind::Contact => "contact",
            Kind::NamePlace => "name+place",
            Kind::SpelledPlace => "pinyin+place",
            Kind::HalfPlace => "half-name+place",
            Kind::BirthPlace => "birth+place",
            Kind::PlacePlace => "place+place",
            Kind::InitialsYear => "initials+year",
            Kind::InitialsDay => "initials+day",
            Kind::HalfSound => "half-name",
            Kind::ContactPart => "contact-part",
            Kind::TwoLetters => "two-characters",
            Kind::FamilyCount | Kind::GivenCount | Kind::FamilySoundCount | Kind::GivenSoundCount | Kind::BirthCount => "",
        }
    }
}

/// Of a Chinese name so many characters are paired.
const LETTERS_MOST: usize = 4;

/// The keys under which a person of the left file and one of the right meet.
pub fn in_common(left: &Person, right: &Person, places: &[Places]) -> Vec<&'static str> {
    let of = |person: &Person, known: bool| {
        let mut found: Vec<(Kind, u64)> = Vec::new();
        keys(person, places, known, &mut |kind, key| found.push((kind, key)));
        found
    };
    let ours = of(left, false);
    let mut kinds: Vec<Kind> = of(right, true).into_iter().filter(|it| it.0.meets() && ours.contains(it)).map(|it| it.0).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(Kind::word).collect()
}

/// Calls `push` with every key of a person. `known`: the person is of the right file and looked for; its places stand for what the left
/// file is known to call them.
pub fn keys(person: &Person, places: &[Places], known: bool, push: &mut impl FnMut(Kind, u64)) {
    let mut push = |kind: Kind, key: u64| {
        if key != 0 {
            push(kind, key);
        }
    };
    let names = person.form.keys;
    let letters = person.form.script == Script::Letters;
    let births = [person.birth, person.number_birth].map(|it| if it.full() { u64::from(it.0) } else { 0 });
    let births = if births[0] == births[1] { &births[..1] } else { &births[..] };

    push(Kind::Name, names.whole);
    names.spelled.iter().for_each(|it| push(Kind::Spelled, *it));
    push(Kind::FamilyCount, names.family_text);
    push(Kind::GivenCount, names.given_text);
    push(Kind::FamilySoundCount, names.family);
    if letters {
        push(Kind::GivenSoundCount, names.given);
    }
    push(Kind::BirthCount, birth_count(person));
    for birth in births {
        push(Kind::NameBirth, hash::all(1, [names.whole, *birth]));
        names.spelled.iter().for_each(|it| push(Kind::SpelledBirth, hash::all(2, [*it, *birth])));
        push(Kind::FamilyBirth, hash::all(3, [names.family, *birth]));
        push(Kind::GivenBirth, hash::all(4, [names.given, *birth]));
    }
    if person.form.script != Script::Han {
        births.iter().for_each(|it| push(Kind::Birth, hash::all(8, [*it])));
    }
    if letters {
        push(Kind::Sounds, hash::all(5, [names.family.min(names.given), names.family.max(names.given)]));
        let year = u64::from(person.birth.parts()[0]);
        // Either name, in whichever column it stands.
        for half in [names.family, names.given] {
            push(Kind::HalfYear, hash::all(6, [half, year]));
            push(Kind::HalfSound, hash::all(9, [half]));
        }
        let initials = person.form.initials();
        if initials != 0 {
            let [year, month, day] = person.birth.parts();
            push(Kind::InitialsYear, hash::all(10, [initials, u64::from(year)]));
            push(Kind::InitialsDay, hash::all(11, [initials, u64::from(month * 100 + day)]));
        }
    }
    // Who has a valid number is found by it; the rest are few enough to be looked for by any two characters.
    if person.form.script == Script::Han && (!known || person.number.body == 0) {
        // A character that is lost, added, mistaken or out of its place leaves two others.
        let letters = person.form.letters.letters();
        for (at, one) in letters.iter().enumerate().take(LETTERS_MOST) {
            for other in letters.iter().take(LETTERS_MOST).skip(at + 1) {
                push(Kind::TwoLetters, hash::all(13, [u64::from(*one.min(other)), u64::from(*one.max(other))]));
            }
        }
    }
    place_keys(person, places, known, births, &mut push);
    number_keys(person, &mut push);
}

fn place_keys(person: &Person, places: &[Places], known: bool, births: &[u64], push: &mut impl FnMut(Kind, u64)) {
    let names = person.form.keys;
    for (at, column) in places.iter().enumerate() {
        let own = person.more[at];
        let others: &[u32] = if known { column.known(own) } else { &[] };
        for place in std::iter::once(&own).chain(others).filter(|it| **it != NONE) {
            let place = hash::mix(at as u64 + 1, u64::from(*place));
            if column.kind() == Evidence::Contact {
                push(Kind::Contact, hash::all(20, [place]));
                column.halves(own).into_iter().for_each(|it| push(Kind::ContactPart, hash::all(27, [at as u64 + 1, it])));
                continue;
            }
            push(Kind::NamePlace, hash::all(21, [names.whole, place]));
            push(Kind::SpelledPlace, hash::all(22, [names.spelled[0], place]));
            push(Kind::HalfPlace, hash::all(23, [names.family, place]));
            push(Kind::HalfPlace, hash::all(23, [names.given, place]));
            births.iter().for_each(|it| push(Kind::BirthPlace, hash::all(25, [*it, place])));
            if let Some(tail) = person.number.tail() {
                push(Kind::TailPlace, hash::all(26, [tail, place]));
            }
            if let Some(head) = person.number.head() {
                push(Kind::HeadPlace, hash::all(28, [head, place]));
            }
        }
        for (later, next) in places.iter().enumerate().skip(at + 1) {
            if column.kind() == Evidence::Address && next.kind() == Evidence::Address && own != NONE && person.more[later] != NONE {
                let both = [u64::from(own), u64::from(person.more[later])];
                push(Kind::PlacePlace, hash::all(30, [(at * 16 + later) as u64 + 1, both[0], both[1]]));
            }
        }
    }
}

fn number_keys(person: &Person, push: &mut impl FnMut(Kind, u64)) {
    let (number, names) = (&person.number, person.form.keys);
    if number.silent() {
        return;
    }
    if number.other != 0 {
        push(Kind::Number, number.other);
        let (length, half) = (number.shown.len(), number.shown.len() / 2);
        if length >= 6 {
            push(Kind::NumberHead, fold(40, number.shown.part(0, half)));
            push(Kind::NumberTail, fold(41, number.shown.part(half, length)));
        }
        return;
    }
    if number.body != 0 {
        push(Kind::Repair, hash::all(42, [number.body]));
    } else if !number.masked() {
        push(Kind::Number, fold(43, number.shown.part(0, number.shown.len())));
        number.text(|text| candidates(text).iter().for_each(|(id, _)| push(Kind::Repair, hash::all(42, [id.body()]))));
    }
    let [area_birth, birth_sequence, area_tail] = number.pieces();
    push(Kind::AreaBirth, area_birth);
    push(Kind::BirthSequence, birth_sequence);
    push(Kind::AreaTail, area_tail);
    if let Some(tail) = number.tail() {
        push(Kind::TailName, hash::all(44, [tail, names.whole]));
        names.spelled.iter().for_each(|it| push(Kind::TailName, hash::all(45, [tail, *it])));
        push(Kind::TailFamily, hash::all(46, [tail, names.family]));
        push(Kind::TailFamily, hash::all(47, [tail, names.given]));
    }
}

/// The key under which birth dates are counted, 0 where none is told.
pub fn birth_count(person: &Person) -> u64 {
    if person.birth.told() { hash::all(12, [u64::from(person.birth.0)]) } else { 0 }
}

/// The hash of a part of a number.
pub fn fold(kind: u8, part: u128) -> u64 {
    hash::all(kind, [(part as u64).max(1), ((part >> 64) as u64) + 1])
}

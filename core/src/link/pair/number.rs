//! ID numbers made ready for comparison, and what two of them say about each other.

use super::hash;
use crate::link::kernel::{Digits, Pattern};
use crate::person_id::{PersonId, State, classify, clean};

/// An ID number as a file has it.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The seventeen digits of a valid resident number, 0 without one.
    pub body: u64,
    pub state: State,
    /// The text, packed; a valid number in its eighteen characters.
    pub shown: Digits,
    /// The hash of a number of another scheme, 0 without one.
    pub other: u64,
}

/// What two numbers say about each other, as the model names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agree {
    /// One of them says nothing.
    Silent,
    /// The same valid number.
    Same,
    /// The valid number is that of somebody else in the other file.
    Elsewhere,
    /// Both are valid and differ as a spreadsheet or two slips would make them differ.
    ValidNear,
    /// Both are valid, of one area and birth date: a twin, or somebody invented after a real person.
    ValidTwin,
    /// Both are valid and two people's.
    ValidFar,
    /// One slip of the hand.
    OneEdit,
    /// Fifteen or more digits from the beginning.
    PrefixFifteen,
    /// Area and birth date.
    PrefixFourteen,
    TwoEdits,
    /// Birth date and sequence.
    BirthAndSequence,
    /// Up to four edits.
    FourEdits,
    /// A broken number that is far.
    Far,
    /// All that a mask shows.
    MaskFits,
    MaskDiffers,
    /// The same number of another scheme.
    OtherSame,
    OtherNear,
    OtherFar,
}

impl Number {
    /// No number.
    pub const NONE: Number = Number { body: 0, state: State::Missing, shown: Digits::EMPTY, other: 0 };

    /// Reads a text.
    pub fn read(raw: &str) -> Number {
        if raw.is_empty() {
            return Number::NONE;
        }
        if let Some(id) = PersonId::parse(raw) {
            return Number::valid(id, State::Valid18);
        }
        let reading = classify(raw);
        if let Some(id) = reading.id {
            return Number::valid(id, reading.state);
        }
        let text = clean(raw);
        let says_nothing = matches!(reading.state, State::Missing | State::Placeholder) || text.contains('.');
        // A number that is neither nearly a resident number nor hidden belongs to another scheme: a passport, a staff number.
        let resident = matches!(reading.state, State::Checksum | State::Date | State::DamagedExcel | State::Masked)
            || matches!(reading.state, State::Length | State::Charset) && (13..=20).contains(&text.len());
        if says_nothing {
            Number { state: State::Missing, ..Number::NONE }
        } else if resident {
            let shown = Digits::pack(&text).unwrap_or_default();
            Number { body: 0, state: if shown.is_empty() { State::Missing } else { reading.state }, shown, other: 0 }
        } else {
            let plain: String = text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_uppercase).collect();
            let shown = Digits::pack(&plain).unwrap_or_default();
            Number { body: 0, state: State::OtherDocument, shown, other: hash::text(&plain) }
        }
    }

    fn valid(id: PersonId, state: State) -> Number {
        Number { body: id.body(), state, shown: Digits::of_body(id.body(), id.check_digit()), other: 0 }
    }

    /// Whether it tells nothing.
    pub fn silent(&self) -> bool {
        self.state == State::Missing
    }

    /// The last four characters, where they are shown.
    pub fn tail(&self) -> Option<u64> {
        let length = self.shown.len();
        let shown = length >= 8 && self.other == 0 && self.shown.plain(length - 4, length);
        (shown && length != 15).then(|| self.shown.part(length - 4, length) as u64 + 1)
    }

    /// Area and year of birth, where they are shown in eighteen characters or nearly as many.
    pub fn head(&self) -> Option<u64> {
        let shown = self.shown.len() >= 16 && self.other == 0 && self.shown.plain(0, 10);
        shown.then(|| self.shown.part(0, 10) as u64 + 1)
    }

    /// Two-part keys, 0 where one of the parts is not shown: area and birth date, birth date and sequence, area and tail. Without the
    /// century, which the old form does not tell.
    pub fn pieces(&self) -> [u64; 3] {
        let (shown, length) = (self.shown, self.shown.len());
        let key = |kind: u8, from: usize, to: usize| {
            if shown.plain(from, to) { super::key::fold(kind, shown.part(from, to)) } else { 0 }
        };
        match length {
            15 => {
                let area_birth = if shown.plain(0, 12) { hash::all(50, [area(shown), shown.part(6, 12) as u64 + 1]) } else { 0 };
                [area_birth, key(51, 6, 15), 0]
            }
            _ => {
                let has = |from: usize, to: usize| shown.plain(from, to);
                let area_birth = if has(0, 6) && has(8, 14) { hash::all(50, [area(shown), shown.part(8, 14) as u64 + 1]) } else { 0 };
                let tail =
                    if length == 18 && has(0, 6) && has(14, 18) { hash::all(52, [area(shown), shown.part(14, 18) as u64 + 1]) } else { 0 };
                [area_birth, key(51, 8, 17), tail]
            }
        }
    }

    /// The text as characters.
    pub fn text<T>(&self, with: impl FnOnce(&str) -> T) -> T {
        let mut letters = [b'*'; crate::link::kernel::DIGITS_MAX];
        let length = self.shown.len();
        for (place, letter) in letters[..length].iter_mut().enumerate() {
            *letter = match self.shown.at(place) {
                digit @ 0..=9 => b'0' + digit as u8,
                10 => b'X',
                _ => b'*',
            };
        }
        with(std::str::from_utf8(&letters[..length]).unwrap_or_default())
    }

    /// Hidden characters among shown ones.
    pub fn masked(&self) -> bool {
        self.state == State::Masked
    }

    /// Valid, but ending as a spreadsheet leaves numbers.
    fn cut(&self) -> bool {
        self.body.is_multiple_of(100) && self.shown.at(17) == 0
    }

    /// Whether a program that holds numbers as IEEE doubles makes this one of it: eighteen digits are more than they can keep.
    fn rounds_to(&self, other: &Number) -> bool {
        let whole = |it: &Number| (it.shown.at(17) < 10).then(|| it.body * 10 + it.shown.at(17) as u64);
        whole(self).is_some_and(|it| Some((it as f64) as u64) == whole(other))
    }

    /// What two numbers say; `elsewhere` is asked whether a valid number of ours is somebody else's on the other side, and the other
    /// way round.
    pub fn agree(&self, pattern: &Pattern, other: &Number, elsewhere: bool) -> Agree {
        match (self.body, other.body) {
            _ if self.silent() || other.silent() => Agree::Silent,
            (a, b) if a == b && a != 0 => Agree::Same,
            _ if elsewhere => Agree::Elsewhere,
            // Fifteen digits have no check character: they may be anything that was cut to that length.
            _ if self.state == State::Valid15 || other.state == State::Valid15 => self.as_written().broken_by(&other.as_written()),
            (a, b) if a != 0 && b != 0 => self.valid_pair(pattern, other),
            _ if self.masked() || other.masked() => self.mask(other),
            _ if self.other != 0 || other.other != 0 => self.other_scheme(pattern, other),
            _ => self.broken(pattern, other),
        }
    }

    /// Fifteen digits as they are in the file.
    fn as_written(&self) -> Number {
        let shown = if self.state == State::Valid15 { self.shown.old_form() } else { self.shown };
        Number { shown, ..*self }
    }

    fn broken_by(&self, other: &Number) -> Agree {
        if self.masked() || other.masked() {
            return Agree::Silent;
        }
        self.broken(&Pattern::new(self.shown), other)
    }

    fn valid_pair(&self, pattern: &Pattern, other: &Number) -> Agree {
        let same_birth = self.body / 1000 == other.body / 1000;
        if self.rounds_to(other) || other.rounds_to(self) || (self.cut() || other.cut()) && self.body / 100 == other.body / 100 {
            Agree::PrefixFifteen
        } else if same_birth {
            Agree::ValidTwin
        } else if pattern.osa(other.shown) <= 2 {
            Agree::ValidNear
        } else {
            Agree::ValidFar
        }
    }

    fn other_scheme(&self, pattern: &Pattern, other: &Number) -> Agree {
        match (self.other, other.other) {
            (a, b) if a == b => Agree::OtherSame,
            (0, _) | (_, 0) => Agree::OtherFar,
            _ if pattern.osa(other.shown) <= 1 && self.shown.len() >= 5 => Agree::OtherNear,
            _ => Agree::OtherFar,
        }
    }

    fn broken(&self, pattern: &Pattern, other: &Number) -> Agree {
        let (ours, theirs) = (self.shown, other.shown);
        // Fifteen digits of the old form are compared with the same places of a new number.
        if ours.len().min(theirs.len()) <= 16 && ours.len().max(theirs.len()) == 18 {
            let (short, long) = if ours.len() < theirs.len() { (ours, theirs) } else { (theirs, ours) };
            let prefix = short.common_prefix(long);
            if prefix >= 14 {
                return if prefix >= 15 { Agree::PrefixFifteen } else { Agree::PrefixFourteen };
            }
            return match Pattern::new(short).osa(long.old_form()) {
                0 | 1 => Agree::OneEdit,
                2 => Agree::TwoEdits,
                3 => Agree::FourEdits,
                _ => Agree::Far,
            };
        }
        let prefix = ours.common_prefix(theirs);
        match pattern.osa(theirs) {
            0 | 1 => Agree::OneEdit,
            _ if prefix >= 15 => Agree::PrefixFifteen,
            2 => Agree::TwoEdits,
            _ if prefix >= 14 => Agree::PrefixFourteen,
            _ if ours.len() == 18 && theirs.len() == 18 && ours.part(6, 17) == theirs.part(6, 17) => Agree::BirthAndSequence,
            3 | 4 => Agree::FourEdits,
            _ => Agree::Far,
        }
    }

    fn mask(&self, other: &Number) -> Agree {
        if mask_shows(self, other).is_some_and(|it| it.count() >= 3) { Agree::MaskFits } else { Agree::MaskDiffers }
    }
}

fn area(shown: Digits) -> u64 {
    shown.part(0, 6) as u64 + 1
}

/// Which places of eighteen two numbers both show and agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(u32);

impl Shown {
    /// How many places.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether all of some places are shown.
    pub fn all(self, from: u32, to: u32) -> bool {
        let places = (1 << to) - (1 << from);
        self.0 & places == places
    }

    /// How many of some places are shown.
    pub fn among(self, from: u32, to: u32) -> u32 {
        (self.0 & ((1 << to) - (1 << from))).count_ones()
    }
}

/// What two numbers both show, if nothing of it differs. A mask of another length is read from both ends.
pub fn mask_shows(one: &Number, other: &Number) -> Option<Shown> {
    let (ours, theirs) = (one.shown.spread()?, other.shown.spread()?);
    let mut shown = 0;
    for (at, (a, b)) in ours.iter().zip(theirs).enumerate() {
        match (a, b) {
            (11, _) | (_, 11) => {}
            _ if *a == b => shown |= 1 << at,
            _ => return None,
        }
    }
    Some(Shown(shown))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agree(one: &str, other: &str) -> Agree {
        let (a, b) = (Number::read(one), Number::read(other));
        a.agree(&Pattern::new(a.shown), &b, false)
    }

    #[test]
    fn what_numbers_say() {
        let right = "330683198001011243";
        for (other, level) in [
            ("330683198001011243", Agree::Same),
            (" 330683800101124", Agree::Same),
            ("330683198001011247", Agree::OneEdit),
            ("33068319800101124", Agree::OneEdit),
            ("330683198001011000", Agree::PrefixFifteen),
            ("330683198001019999", Agree::PrefixFourteen),
            ("330683198011011245", Agree::TwoEdits),
            ("330683********1243", Agree::MaskFits),
            ("330***********1243", Agree::MaskFits),
            ("330***1243", Agree::MaskFits),
            ("330***********1299", Agree::MaskDiffers),
            ("33068319800101126X", Agree::ValidTwin),
            ("330623197505120039", Agree::ValidFar),
            ("E12345678", Agree::OtherFar),
            ("", Agree::Silent),
            ("无", Agree::Silent),
            ("3.30683E+17", Agree::Silent),
        ] {
            assert_eq!(agree(right, other), level, "{other}");
        }
        assert_eq!(agree("E12345678", "e12345678"), Agree::OtherSame);
        assert_eq!(agree("5304218", "5304128"), Agree::OtherNear);
        assert_eq!(agree("5304218", "4066625"), Agree::OtherFar);
    }

    proptest! {
        #[test]
        fn no_number_panics(one in "\\PC{0,30}", other in "[0-9X*?]{0,24}") {
            prop_assert_eq!(agree(&one, &other), agree(&other, &one));
            agree(&one, "330683198001011243");
        }
    }
}

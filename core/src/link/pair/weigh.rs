//! What the levels of a pair are worth together, in bits.

use hashbrown::HashMap;

use super::number::{Agree, Shown, mask_shows};
use super::person::{FIELDS_MAX, Levels, Person};
use super::place::Places;
use super::side::Evidence;
use crate::link::model::{Chance, Model};

/// The model after it has seen the files.
pub struct Weights {
    /// By field and level.
    pub chances: Vec<Vec<Chance>>,
    /// People of the left file.
    pub people: f64,
    /// Of the right file, the share that the left does not know.
    pub unknown: f64,
    /// Bits for a left person whom a settled row of the right file is already, and for one who is still free.
    pub claimed: [f64; 2],
    /// Of a person of the left file, how many further rows it has.
    pub twice: f64,
    stray: f64,
    kinds: Vec<Evidence>,
    /// How many of the left file's valid numbers have each area, and how many there are.
    areas: HashMap<u64, u32>,
    numbers: f64,
}

/// How common the right person's facts are in the left file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Common {
    pub whole: u32,
    pub spelled: u32,
    pub family_text: u32,
    pub given_text: u32,
    pub family: u32,
    pub given: u32,
    pub birth: u32,
    pub number: u32,
    pub more: [u32; super::person::MORE_MAX],
}

/// The index of the number's field; the others follow as in [`Levels`].
pub const NUMBER: usize = 0;
const WHOLE: usize = 1;
const GIVEN: usize = 2;
const FAMILY: usize = 3;
const BIRTH: usize = 4;
const SEX: usize = 5;
/// The first of the further columns.
pub const MORE: usize = 6;

/// Shipped frequencies count for so many people when a file's own are small.
const SMOOTH: f64 = 1000.0;
/// One in a hundred stands in a register twice, if nothing else is known.
pub const TWICE_LEAST: f64 = 0.01;
/// Days of birth are nearly alike in number, but for those that people write who do not know the day.
const SMOOTH_BIRTH: f64 = 20_000.0;
/// Several parts of one address say the same thing again; together they are worth no more bits than this.
const ADDRESS_MOST: f64 = 12.0;

impl Weights {
    /// The shipped chances, for these files.
    pub fn new(model: &Model, people: usize, places: &[Places], left_numbers: &[u64]) -> Weights {
        let mut chances: Vec<Vec<Chance>> =
            ["number", "whole", "given", "family", "birth", "sex"].into_iter().map(|it| model.field(it)).collect();
        chances.extend(places.iter().map(|it| model.field(it.kind().word())));
        let mut areas: HashMap<u64, u32> = HashMap::new();
        let valid = left_numbers.iter().filter(|it| **it != 0 && **it >> 63 == 0);
        let mut numbers = 0_u32;
        for body in valid {
            *areas.entry(body / 100_000_000_000).or_default() += 1;
            numbers += 1;
        }
        Weights {
            chances,
            people: people.max(1) as f64,
            unknown: model.prior.unknown,
            claimed: [0.0; 2],
            twice: TWICE_LEAST,
            stray: model.prior.stray,
            kinds: places.iter().map(Places::kind).collect(),
            areas,
            numbers: f64::from(numbers.max(1)),
        }
    }

    /// The prior: this one of all people of the left file, against nobody of them.
    pub fn prior(&self) -> f64 {
        ((1.0 - self.unknown) / (self.unknown * self.people)).log2()
    }

    /// The prior that two rows of the left file are one person.
    pub fn prior_twice(&self) -> f64 {
        (self.twice / self.people).log2()
    }

    /// The bits of each field; all of them, with prior and claim, are the log-odds of the pair.
    pub fn bits(&self, levels: &Levels, left: &Person, right: &Person, common: &Common) -> [f64; FIELDS_MAX] {
        let mut bits = [0.0; FIELDS_MAX];
        for (field, chances) in self.chances.iter().enumerate() {
            bits[field] = weight(chances[usize::from(levels[field])]);
        }
        if levels[BIRTH] == 1 {
            let chance = self.chances[BIRTH][1];
            // The pair itself is one of them.
            let others = f64::from(common.birth.saturating_sub(1));
            bits[BIRTH] = (chance.m * (self.people + SMOOTH_BIRTH) / (others + SMOOTH_BIRTH * chance.u)).log2();
        }
        let told_by_number = self.number(levels, left, right, common, &mut bits);
        self.names(levels, common, &mut bits);
        if told_by_number {
            bits[BIRTH] = bits[BIRTH].min(0.0);
            bits[SEX] = bits[SEX].min(0.0);
        }
        let mut address = 0.0;
        for (at, kind) in self.kinds.iter().enumerate() {
            let field = MORE + at;
            if levels[field] == 1 {
                bits[field] = self.counted(field, 1, common.more[at]);
            }
            if *kind == Evidence::Address {
                address += bits[field];
            }
        }
        if address > ADDRESS_MOST {
            let share = ADDRESS_MOST / address;
            let parts = self.kinds.iter().enumerate().filter(|it| *it.1 == Evidence::Address);
            parts.for_each(|(at, _)| bits[MORE + at] *= share);
        }
        bits
    }

    /// Says whether the number tells birth date and sex by itself.
    fn number(&self, levels: &Levels, left: &Person, right: &Person, common: &Common, bits: &mut [f64; FIELDS_MAX]) -> bool {
        let level = levels[NUMBER];
        let of = |it: Agree| level == it as u8;
        if of(Agree::Same) {
            bits[NUMBER] = (self.chances[NUMBER][usize::from(level)].m * self.people / self.stray).log2();
        } else if of(Agree::OtherSame) {
            bits[NUMBER] += (self.people / f64::from(common.number.max(1))).log2();
        } else if of(Agree::MaskFits) {
            let shown = mask_shows(&left.number, &right.number);
            bits[NUMBER] += shown.map_or(0.0, |it| self.mask(it, left));
            return shown.is_some_and(|it| it.among(6, 14) >= 4);
        }
        [Agree::ValidNear, Agree::ValidTwin, Agree::OneEdit, Agree::PrefixFifteen, Agree::PrefixFourteen]
            .into_iter()
            .chain([Agree::TwoEdits, Agree::BirthAndSequence, Agree::FourEdits])
            .any(of)
    }

    /// What the shown places are worth: the area by how common it is, a birth date by the days of forty years.
    fn mask(&self, shown: Shown, left: &Person) -> f64 {
        let area = left.number.body / 100_000_000_000;
        let head = (1..=6).rev().find(|it| shown.all(0, *it)).unwrap_or(0);
        let unit = 10_u64.pow(6 - head);
        let alike: u32 = match head {
            0 => 0,
            6 => self.areas.get(&area).copied().unwrap_or(0),
            _ => self.areas.iter().filter(|it| it.0 / unit == area / unit).map(|it| it.1).sum(),
        };
        let area_bits = if head == 0 { 0.0 } else { (self.numbers / f64::from(alike.max(1))).log2() };
        let birth_bits = if shown.all(6, 14) { 13.8 } else { f64::from(shown.among(8, 14)) * 1.5 };
        area_bits + birth_bits + f64::from(shown.among(14, 18)) * 3.2
    }

    fn names(&self, levels: &Levels, common: &Common, bits: &mut [f64; FIELDS_MAX]) {
        const SAME: u8 = 1;
        const NEAR: u8 = 2;
        let family_share = (f64::from(common.family) + SMOOTH * 0.01) / (self.people + SMOOTH);
        match levels[WHOLE] {
            SAME => bits[WHOLE] = self.counted(WHOLE, 1, common.whole),
            2 => bits[WHOLE] = self.counted(WHOLE, 2, common.spelled),
            3 => bits[WHOLE] += (0.02 / family_share).log2().clamp(-1.0, 4.0),
            4 | 5 => bits[WHOLE] += (0.03 / family_share).log2().clamp(-1.0, 4.0),
            _ => {}
        }
        if levels[GIVEN] == SAME {
            bits[GIVEN] = self.counted(GIVEN, 1, common.given_text);
        }
        if levels[FAMILY] == SAME {
            bits[FAMILY] = self.counted(FAMILY, 1, common.family_text);
        }
        // Where many names sound so, a near one is no wonder.
        for (field, alike) in [(GIVEN, common.given), (FAMILY, common.family)] {
            if levels[field] == NEAR {
                bits[field] = bits[field].min(self.counted(field, usize::from(NEAR), alike));
            }
        }
    }

    /// The weight of a level whose u is counted.
    fn counted(&self, field: usize, level: usize, count: u32) -> f64 {
        let chance = self.chances[field][level];
        let u = (f64::from(count) + SMOOTH * chance.u) / (self.people + SMOOTH);
        (chance.m / u.min(1.0)).log2()
    }
}

/// log2(m / u).
pub fn weight(chance: Chance) -> f64 {
    (chance.m / chance.u).log2()
}

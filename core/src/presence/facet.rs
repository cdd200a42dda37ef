//! Dense arrays over months and persons.

use std::ops::RangeInclusive;

use super::Window;

/// One value per month and person; months lie one after another, as payrolls do.
#[derive(Debug)]
pub(super) struct Months<T> {
    persons: usize,
    values: Vec<Vec<T>>,
}

impl<T: Copy + Default> Months<T> {
    pub fn new(window: Window, persons: usize) -> Months<T> {
        Months { persons, values: vec![vec![T::default(); persons]; window.months()] }
    }

    /// The value; the default for who is not of tonight.
    pub fn get(&self, month: usize, person: usize) -> T {
        self.values[month].get(person).copied().unwrap_or_default()
    }

    pub fn put(&mut self, month: usize, person: usize, value: T) {
        if let Some(place) = self.values[month].get_mut(person) {
            *place = value;
        }
    }

    pub fn months(&self) -> impl Iterator<Item = &[T]> {
        self.values.iter().map(Vec::as_slice)
    }

    pub fn month(&self, month: usize) -> &[T] {
        &self.values[month]
    }
}

impl Months<u16> {
    pub fn set(&mut self, month: usize, person: usize, flags: u16) {
        if let Some(place) = self.values[month].get_mut(person) {
            *place |= flags;
        }
    }

    pub fn has(&self, month: usize, person: usize, flags: u16) -> bool {
        self.get(month, person) & flags == flags
    }

    /// Adds the flags of `other`, which has the same shape.
    pub fn merge(&mut self, other: &Months<u16>) {
        debug_assert_eq!(self.persons, other.persons);
        for (into, from) in self.values.iter_mut().zip(&other.values) {
            into.iter_mut().zip(from).for_each(|(into, from)| *into |= from);
        }
    }
}

/// One unit per month and person, or none. Two bytes each while numbers fit, four in a province.
#[derive(Debug)]
pub(super) enum Units {
    /// The number plus one; 0 is none.
    Narrow(Months<u16>),
    /// The number plus one; 0 is none.
    Wide(Months<u32>),
}

impl Units {
    pub fn new(window: Window, persons: usize, units: usize) -> Units {
        if units < usize::from(u16::MAX) { Units::Narrow(Months::new(window, persons)) } else { Units::Wide(Months::new(window, persons)) }
    }

    pub fn get(&self, month: usize, person: usize) -> Option<i32> {
        let stored = match self {
            Units::Narrow(months) => u32::from(months.get(month, person)),
            Units::Wide(months) => months.get(month, person),
        };
        stored.checked_sub(1).map(|it| it as i32)
    }

    /// Numbers that are not of tonight count as none.
    pub fn put(&mut self, month: usize, person: usize, unit: Option<i32>) {
        let stored = unit.and_then(|it| u32::try_from(it).ok()).map_or(0, |it| it + 1);
        match self {
            Units::Narrow(months) => months.put(month, person, u16::try_from(stored).unwrap_or(0)),
            Units::Wide(months) => months.put(month, person, stored),
        }
    }
}

/// Something that lasts some months.
pub(super) struct Spell {
    pub person: i32,
    pub unit: Option<i32>,
    /// Months of the window, from 0.
    pub months: RangeInclusive<u8>,
    /// Where two overlap the higher one wins, the later row among equals.
    pub rank: (bool, i32),
}

/// Writes spells into the arrays.
pub(super) fn spread(mut spells: Vec<Spell>, flag: u16, flags: &mut Months<u16>, mut units: Option<&mut Units>) {
    if units.is_some() {
        spells.sort_by_key(|it| it.rank);
    }
    for spell in spells {
        let Ok(person) = usize::try_from(spell.person) else { continue };
        for month in spell.months.map(usize::from) {
            flags.set(month, person, flag);
            if let Some(units) = units.as_deref_mut() {
                units.put(month, person, spell.unit);
            }
        }
    }
}

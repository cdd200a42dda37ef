//! One person of one file, made ready for comparison, and the levels on which two of them agree.

use super::birth::{Birth, Order};
use super::form::{Form, Part, Script, Whole, compare_parts, compare_whole};
use super::number::{Agree, Number};
use super::place::{NONE, Places};
use super::side::{Side, text};
use crate::link::kernel::Pattern;
use crate::person_id::PersonId;

/// Most columns of further evidence.
pub const MORE_MAX: usize = 10;

/// Fields of a comparison: number, whole, given, family, birth, sex, then the further columns.
pub const FIELDS_MAX: usize = 6 + MORE_MAX;

/// The level of each field, by its place in the model.
pub type Levels = [u8; FIELDS_MAX];

/// One person of one file.
#[derive(Clone, Debug)]
pub struct Person {
    pub form: Form,
    pub number: Number,
    pub pattern: Pattern,
    /// The column's date, or the number's where the column tells none.
    pub birth: Birth,
    /// Whether birth date and sex are the columns' own words.
    pub own: [bool; 2],
    /// The date that a valid number tells.
    pub number_birth: Birth,
    /// 1 for a man, 2 for a woman, 0 where it is not told.
    pub sex: u8,
    pub more: [u32; MORE_MAX],
}

impl Person {
    /// Reads a row; `more` are its further texts as the file numbers them.
    pub fn read(side: &Side, row: usize, order: Order, more: [u32; MORE_MAX]) -> Person {
        let number = Number::read(text(side.id.as_ref(), row));
        let id = PersonId::from_body(number.body);
        let number_birth = id.map_or(Birth::default(), |it| Birth((it.body() / 1000 % 100_000_000) as u32));
        let own = Birth::read(text(side.birth.as_ref(), row), order);
        let own_sex = read_sex(text(side.sex.as_ref(), row));
        let number_sex = id.map_or(0, |it| if it.sequence() % 2 == 1 { 1 } else { 2 });
        Person {
            form: Form::of(side, row),
            pattern: Pattern::new(number.shown),
            number,
            birth: if own.told() { own } else { number_birth },
            own: [own.told(), own_sex != 0],
            number_birth,
            sex: if own_sex == 0 { number_sex } else { own_sex },
            more,
        }
    }

    /// The levels on which this person of the left file agrees with one of the right. `elsewhere`: the right one's valid number is
    /// somebody else's in the left file, or the other way round.
    pub fn levels(&self, right: &Person, elsewhere: bool, places: &[Places]) -> Levels {
        let mut levels = [0; FIELDS_MAX];
        levels[0] = right.number.agree(&right.pattern, &self.number, elsewhere) as u8;
        if self.form.script == Script::Letters && right.form.script == Script::Letters {
            let (given, family) = compare_parts(&self.form, &right.form);
            (levels[2], levels[3]) = (given as u8, family as u8);
        } else {
            levels[1] = compare_whole(&self.form, &right.form) as u8;
        }
        // What a number says of itself is no second evidence beside that number.
        let same = levels[0] == Agree::Same as u8 || levels[0] == Agree::Elsewhere as u8;
        let counts = |field: usize| right.own[field] || self.own[field] && !same;
        levels[4] = if counts(0) { self.birth.compare(right.birth) as u8 } else { 0 };
        levels[5] = match (self.sex, right.sex) {
            (0, _) | (_, 0) => 0,
            _ if !counts(1) => 0,
            (a, b) if a == b => 1,
            _ => 2,
        };
        for (at, places) in places.iter().enumerate() {
            levels[6 + at] = places.compare(self.more[at], right.more[at]) as u8;
        }
        levels
    }
}

/// The numbers of a row's further texts.
pub fn more(side: &Side, row: usize, places: &mut [Places]) -> [u32; MORE_MAX] {
    let mut more = [NONE; MORE_MAX];
    for ((slot, places), (_, texts)) in more.iter_mut().zip(places).zip(&side.more) {
        *slot = places.number(texts, row);
    }
    more
}

fn read_sex(text: &str) -> u8 {
    match text {
        "" => 0,
        "男" | "1" | "M" | "m" | "male" | "Male" | "MALE" | "男性" | "1.0" | "man" => 1,
        "女" | "2" | "F" | "f" | "female" | "Female" | "FEMALE" | "女性" | "2.0" | "W" | "woman" => 2,
        _ => 0,
    }
}

/// Whether a level says that the number is the same.
pub fn same_number(levels: &Levels) -> bool {
    levels[0] == Agree::Same as u8 || levels[0] == Agree::OtherSame as u8
}

/// Whether the names are two people's.
pub fn other_name(levels: &Levels) -> bool {
    let parts = levels[2] == Part::Other as u8 || levels[3] == Part::Other as u8;
    levels[1] == Whole::Other as u8 || levels[1] == Whole::Family as u8 || parts
}

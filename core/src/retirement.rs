//! The statutory retirement month.
//!
//! Decision of the Standing Committee of the National People's Congress of 13 September 2024 on raising the statutory
//! retirement age step by step, in force from 1 January 2025: men from 60 to 63 and women from 55 to 58, one month later for
//! every four months; women from 50 to 55, one month later for every two months.

use chrono::{Datelike, NaiveDate};

/// Which of the three original ages holds for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Men: 60 before 2025, 63 in the end.
    Man,
    /// Women whose original age is 55 (cadres, professional posts): 58 in the end.
    Woman55,
    /// Women whose original age is 50 (workers): 55 in the end.
    Woman50,
}

/// January 2025, counted in months since year 0: the first month the decision moves.
const FIRST: i32 = 2025 * 12;

impl Category {
    /// The category called `word`: `man`, `woman-55`, `woman-50`.
    pub fn parse(word: &str) -> Option<Category> {
        match word {
            "man" => Some(Category::Man),
            "woman-55" => Some(Category::Woman55),
            "woman-50" => Some(Category::Woman50),
            _ => None,
        }
    }

    /// Original age in years; how many months of delay make one month of shift; the longest shift in months.
    fn terms(self) -> (i32, i32, i32) {
        match self {
            Category::Man => (60, 4, 36),
            Category::Woman55 => (55, 4, 36),
            Category::Woman50 => (50, 2, 60),
        }
    }
}

/// The month, yyyymm, in which somebody born on `birth` reaches the statutory age.
/// Early and late retirement by agreement are not in it: they need a document.
pub fn retirement_month(birth: NaiveDate, category: Category) -> i32 {
    let (years, step, longest) = category.terms();
    let original = (birth.year() + years) * 12 + birth.month0() as i32;
    let late = original - FIRST;
    let shift = if late < 0 { 0 } else { (late / step + 1).min(longest) };
    let month = original + shift;
    month.div_euclid(12) * 100 + month.rem_euclid(12) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(year: i32, month: u32, category: Category, expected: i32) {
        let birth = NaiveDate::from_ymd_opt(year, month, 15).expect("a real day");
        assert_eq!(retirement_month(birth, category), expected, "{birth} {category:?}");
    }

    #[test]
    fn before_2025_nothing_moved() {
        check(1964, 12, Category::Man, 202_412);
        check(1969, 12, Category::Woman55, 202_412);
    }

    #[test]
    fn the_first_four_months_move_by_one() {
        check(1965, 1, Category::Man, 202_502);
        check(1965, 4, Category::Man, 202_505);
        check(1965, 5, Category::Man, 202_507);
    }

    #[test]
    fn women_of_55_and_of_50() {
        check(1971, 4, Category::Woman55, 202_608);
        check(1975, 1, Category::Woman50, 202_502);
        check(1975, 3, Category::Woman50, 202_505);
    }

    #[test]
    fn the_shift_ends_at_three_and_at_five_years() {
        check(1990, 6, Category::Man, 205_306);
        check(1990, 6, Category::Woman55, 204_806);
        check(1990, 6, Category::Woman50, 204_506);
    }
}

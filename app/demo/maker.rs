//! Throws people: birthdays, sexes, career dates, units by the number of their staff.

use chrono::NaiveDate;
use muster_core::retirement::{Category, retirement_month};

use super::calendar::{Sex, add_months, day_in, first_day, month_of, months_between, plus, working_day_from};
use super::dice::{Dice, Wheel};
use super::names::Names;
use super::units::{QuotaType, Unit};

/// Throws people.
#[derive(Debug)]
pub struct Maker {
    /// Chance.
    pub dice: Dice,
    /// Names.
    pub names: Names,
}

impl Maker {
    /// Female with that probability.
    pub fn sex(&mut self, women: f64) -> Sex {
        if self.dice.chance(women) { Sex::Female } else { Sex::Male }
    }

    /// As they are spread over the kinds of quota.
    pub fn sex_and_category(&mut self, quota: QuotaType) -> (Sex, Category) {
        let women = match quota {
            QuotaType::PoliticalLegal => 0.18,
            QuotaType::Administrative => 0.34,
            QuotaType::Worker => 0.25,
            QuotaType::CivilLike => 0.38,
            QuotaType::Institution | QuotaType::Pool => 0.62,
        };
        let sex = self.sex(women);
        let category = match (sex, quota) {
            (Sex::Male, _) => Category::Man,
            (Sex::Female, QuotaType::Worker) => Category::Woman50,
            (Sex::Female, _) => Category::Woman55,
        };
        (sex, category)
    }

    /// A birthday of somebody who is between two ages at the end of a month; the middle ages are the likeliest.
    pub fn born(&mut self, month: i32, youngest: i32, oldest: i32) -> NaiveDate {
        let span = f64::from(oldest - youngest);
        let age = f64::from(youngest) + span * (self.dice.fraction() * 0.55 + self.dice.fraction() * 0.45);
        let months = (age * 12.0) as i32;
        day_in(add_months(month, -months), 1 + self.dice.below(31) as u32)
    }

    /// A birthday whose bearer reaches the statutory age that month; None where the staircase of the law skips it.
    pub fn born_to_retire_in(&mut self, month: i32, category: Category) -> Option<NaiveDate> {
        let candidates: Vec<i32> = (49 * 12..64 * 12)
            .map(|ago| add_months(month, -ago))
            .filter(|born| retirement_month(first_day(*born), category) == month)
            .collect();
        let born = *candidates.get(self.dice.below(candidates.len()))?;
        Some(day_in(born, 1 + self.dice.below(31) as u32))
    }

    /// When a career before the window began: after school, never later than the month before the window.
    pub fn career_start(&mut self, birth: NaiveDate, first: i32) -> NaiveDate {
        let earliest = add_months(month_of(birth), 12 * 21);
        let latest = add_months(month_of(birth), 12 * 30).min(add_months(first, -2)).max(earliest);
        let month = add_months(earliest, self.dice.between(0, i64::from(months_between(earliest, latest))) as i32);
        self.working_day_in(month.min(add_months(first, -2)))
    }

    /// Some working day of a month, on or before the 27th.
    pub fn working_day_in(&mut self, month: i32) -> NaiveDate {
        working_day_from(plus(day_in(month, 1 + self.dice.below(24) as u32), -1), 1)
    }

    /// Some working day of some month.
    pub fn working_day_between(&mut self, first: i32, last: i32) -> NaiveDate {
        let month = add_months(first, self.dice.below((months_between(first, last) + 1).max(1) as usize) as i32);
        self.working_day_in(month)
    }

    /// Some day of some month.
    pub fn day_between(&mut self, first: i32, last: i32) -> NaiveDate {
        let month = add_months(first, self.dice.below((months_between(first, last) + 1).max(1) as usize) as i32);
        day_in(month, 1 + self.dice.below(27) as u32)
    }
}

/// Where people are: units by the number of their staff.
#[derive(Debug)]
pub struct Wheels {
    all: Wheel,
    by_group: [(Vec<usize>, Wheel); 2],
}

impl Wheels {
    /// By the staff that units have.
    pub fn of(units: &[Unit]) -> Wheels {
        let staff = |unit: &Unit| f64::from(unit.quotas.iter().map(|it| it.actual).sum::<u32>());
        let group = |administrative: bool| {
            let members: Vec<usize> = (0..units.len())
                .filter(|at| units[*at].quotas.first().is_some_and(|it| it.kind.is_administrative() == administrative))
                .collect();
            let wheel = Wheel::new(members.iter().map(|at| staff(&units[*at])));
            (members, wheel)
        };
        Wheels { all: Wheel::new(units.iter().map(staff)), by_group: [group(false), group(true)] }
    }

    /// A unit of the same group of quotas.
    pub fn spin(&self, dice: &mut Dice, quota: QuotaType) -> usize {
        let (members, wheel) = &self.by_group[usize::from(quota.is_administrative())];
        members[wheel.spin(dice)]
    }

    /// Any existing unit, and its main kind of quota.
    pub fn anywhere(&self, dice: &mut Dice, units: &[Unit]) -> (usize, QuotaType) {
        let unit = self.all.spin(dice);
        (unit, units[unit].quotas.first().map_or(QuotaType::Institution, |it| it.kind))
    }
}

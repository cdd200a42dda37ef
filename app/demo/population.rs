//! Who is in the city: staff, those who left, people without a quota, retirees, survivors, and citizens of the register of deaths.

use chrono::{Datelike, NaiveDate};
use muster_core::retirement::{Category, retirement_month};

use super::calendar::{Sex, add_months, day_in, month_of, months_between, plus, plus_months, working_day_from};
use super::city::{City, Window};
use super::dice::Dice;
use super::maker::{Maker, Wheels};
use super::person::{
    Death, Employer, Insured, Job, JobKind, Move, MoveKind, Pay, PayKind, Pension, Person, Reason, Register, Role, Scheme,
};
use super::units::QuotaType;

impl City {
    /// Lets everybody live in it.
    pub fn populate(&mut self, maker: &mut Maker) {
        self.staff(maker);
        self.leavers(maker);
        self.non_quota(maker);
        self.retirees(maker);
        self.others(maker);
        self.namesakes(&mut maker.dice);
    }

    /// Everybody on a quota on the last day of the window.
    fn staff(&mut self, maker: &mut Maker) {
        let places: Vec<(usize, QuotaType)> = (0..self.units.len())
            .flat_map(|unit| self.units[unit].quotas.iter().flat_map(move |it| std::iter::repeat_n((unit, it.kind), it.actual as usize)))
            .collect();
        let wheels = Wheels::of(&self.units);
        for (unit, quota) in places {
            let person = self.staff_member(maker, &wheels, unit, quota);
            self.people.push(person);
        }
    }

    /// Somebody on a quota of that unit since before the window or, one in forty a year, hired within it.
    fn staff_member(&mut self, maker: &mut Maker, wheels: &Wheels, unit: usize, quota: QuotaType) -> Person {
        let window = self.window.length();
        let is_hire = maker.dice.chance(0.026 * f64::from(window) / 12.0);
        let (sex, category) = maker.sex_and_category(quota);
        let birth = loop {
            let birth = if is_hire { maker.born(self.window.last, 22, 33) } else { maker.born(self.window.last, 23 + window / 12, 62) };
            if retirement_month(birth, category) > self.window.last {
                break birth;
            }
        };
        let mut person = self.somebody(maker, sex, category, birth, Role::Staff);
        let entered = if is_hire {
            maker.working_day_between(self.window.first, self.window.last)
        } else {
            maker.career_start(birth, self.window.first)
        };
        let order = self.entry_order(entered);
        let moved = (!is_hire && maker.dice.chance(0.012 * f64::from(window) / 12.0)).then(|| {
            let from = wheels.spin(&mut maker.dice, quota);
            (from, maker.working_day_between(add_months(self.window.first, 2), add_months(self.window.last, -1)))
        });
        match moved {
            Some((from, on)) if from != unit => {
                person.enter(from, quota, entered, order.clone());
                self.transfer(&mut person, maker, unit, quota, on);
            }
            _ => person.enter(unit, quota, entered, order),
        }
        if is_hire {
            person.moves.push(Move {
                kind: MoveKind::Entry,
                from: None,
                to: Some(unit),
                quota,
                effective: entered,
                registered: Some(self.window.by_now(working_day_from(entered, maker.dice.below(4) as i32))),
            });
        }
        person.pay_and_insure(self.window.first, self.window.last, maker);
        person
    }

    /// Moves somebody to another unit that day: the old unit pays the month of the move, the new one the next.
    fn transfer(&self, person: &mut Person, maker: &mut Maker, to: usize, quota: QuotaType, on: NaiveDate) {
        let from = person.register.last().map(|it| it.unit);
        let registered = Some(self.window.by_now(working_day_from(on, maker.dice.below(4) as i32)));
        if let Some(spell) = person.register.last_mut() {
            spell.exited = Some((plus(on, -1), Reason::Transfer));
        }
        if let Some(job) = person.jobs.last_mut() {
            job.end = Some((plus(on, -1), Reason::Transfer));
        }
        person.register.push(Register { unit: to, quota, counts: true, entered: Some(on), document: None, exited: None });
        person.jobs.push(Job { unit: to, kind: JobKind::OnQuota, off_post: false, start: Some(on), end: None });
        person.moves.push(Move { kind: MoveKind::Transfer, from, to: Some(to), quota, effective: on, registered });
    }

    /// Everybody who went within the window.
    fn leavers(&mut self, maker: &mut Maker) {
        let wheels = Wheels::of(&self.units);
        let staff = self.people.len() as f64;
        for month in super::calendar::months(self.window.first, self.window.last) {
            // Yearly rates: retirement 2.4 %, resignation 0.5 %, moves out of the city 0.15 %, deaths in service 0.12 %, dismissal 0.02 %.
            let yearly = [
                (Reason::Retirement, 0.024),
                (Reason::Resignation, 0.005),
                (Reason::Transfer, 0.0015),
                (Reason::Death, 0.0012),
                (Reason::Dismissal, 0.0002),
            ];
            for (reason, rate) in yearly {
                for _ in 0..maker.dice.about(staff * rate / 12.0) {
                    if let Some(person) = self.leaver(maker, &wheels, month, reason) {
                        self.people.push(person);
                    }
                }
            }
        }
    }

    fn leaver(&mut self, maker: &mut Maker, wheels: &Wheels, month: i32, reason: Reason) -> Option<Person> {
        let (unit, quota) = wheels.anywhere(&mut maker.dice, &self.units);
        let (sex, category) = maker.sex_and_category(quota);
        let birth = match reason {
            Reason::Retirement => maker.born_to_retire_in(month, category)?,
            Reason::Death => maker.born(self.window.last, 32, 58),
            _ => maker.born(self.window.last, 26, 50),
        };
        if reason != Reason::Retirement && retirement_month(birth, category) <= self.window.last {
            return None;
        }
        // On or before the 27th: an order dated on the last days of a month would be registered in the next.
        let on = match reason {
            Reason::Retirement => day_in(month, 27.min(birth.day())),
            Reason::Death => day_in(month, 1 + maker.dice.below(27) as u32),
            _ => maker.working_day_in(month),
        };
        let mut person = self.somebody(maker, sex, category, birth, Role::Leaver);
        let entered = maker.career_start(birth, self.window.first);
        let order = self.entry_order(entered);
        person.enter(unit, quota, entered, order);
        person.pay_and_insure(self.window.first, self.window.last, maker);
        person.leave(self.window, on, reason, maker.dice.below(5) as i32);
        if reason == Reason::Death {
            let late = maker.dice.chance(0.032);
            // One death in thirty is reported late, by half a year on average (Shuozhou's comparison).
            let days = if late { 60 + maker.dice.below(260) } else { 2 + maker.dice.below(16) } as i64;
            person.death = Some(Death { died_on: on, registered_on: plus(on, days) });
        }
        Some(person)
    }

    /// Contract staff paid by units, and staff of dispatch companies whom the companies pay.
    fn non_quota(&mut self, maker: &mut Maker) {
        let wheels = Wheels::of(&self.units);
        for n in 0..self.scale.people(700) {
            let (unit, _) = wheels.anywhere(&mut maker.dice, &self.units);
            let sex = maker.sex(0.6);
            let birth = maker.born(self.window.last, 22, 48);
            let category = if sex == Sex::Male { Category::Man } else { Category::Woman55 };
            let mut person = self.somebody(maker, sex, category, birth, Role::NonQuota);
            person.gross_fen = 380_000 + maker.dice.below(240_000) as i64;
            let dispatched = n % 9 == 8;
            let start = maker
                .working_day_between(add_months(self.window.first, -48), add_months(self.window.last, -6))
                .max(plus_months(birth, 12 * 19));
            let end = maker.dice.chance(0.15).then(|| {
                maker.working_day_between(month_of(start).max(add_months(self.window.first, 3)), add_months(self.window.last, -1))
            });
            let kind = if dispatched { JobKind::Dispatch } else { JobKind::Contract };
            person.jobs.push(Job { unit, kind, off_post: false, start: Some(start), end: end.map(|on| (on, Reason::ContractEnd)) });
            let (from, to) = (month_of(start).max(self.window.first), end.map_or(self.window.last, month_of));
            let employer = if dispatched { Employer::Outside(n as usize % 2) } else { Employer::Unit(unit) };
            if !dispatched {
                person.pay.push(Pay { unit, kind: PayKind::NonQuota, from, to, percent: 100 });
            }
            person.insured.push(Insured { employer, scheme: Scheme::Enterprise, from, to, made_up_in: None });
            self.people.push(person);
        }
    }

    /// People who retired before the window: the older ones are still paid by the treasury, the others by the insurer.
    fn retirees(&mut self, maker: &mut Maker) {
        let wheels = Wheels::of(&self.units);
        for n in 0..self.scale.people(2_000) {
            let (unit, quota) = wheels.anywhere(&mut maker.dice, &self.units);
            let (sex, category) = maker.sex_and_category(quota);
            let by_treasury = n % 2 == 0;
            let birth = loop {
                let birth = if by_treasury { maker.born(self.window.last, 72, 92) } else { maker.born(self.window.last, 58, 78) };
                if retirement_month(birth, category) < add_months(self.window.first, -1) {
                    break birth;
                }
            };
            let mut person = self.somebody(maker, sex, category, birth, Role::Retiree);
            person.gross_fen = 420_000 + maker.dice.below(380_000) as i64;
            let retired = day_in(retirement_month(birth, category), 27.min(birth.day()));
            if months_between(month_of(retired), self.window.first) < 72 {
                let start = plus_months(birth, 12 * 22);
                person.jobs.push(Job {
                    unit,
                    kind: JobKind::OnQuota,
                    off_post: false,
                    start: Some(start),
                    end: Some((retired, Reason::Retirement)),
                });
            }
            let mut last = self.window.last;
            if maker.dice.chance(0.03 * f64::from(months_between(self.window.first, self.window.last)) / 12.0) {
                let died_on = maker.day_between(self.window.first, add_months(self.window.last, -1));
                let days = if maker.dice.chance(0.032) { 60 + maker.dice.below(260) } else { 2 + maker.dice.below(20) } as i64;
                person.death = Some(Death { died_on, registered_on: plus(died_on, days) });
                last = month_of(died_on);
            }
            if by_treasury {
                person.pay.push(Pay { unit, kind: PayKind::Retirement, from: self.window.first, to: last, percent: 100 });
            } else {
                person.pensions.push(Pension { from: self.window.first, to: last, amount_fen: person.gross_fen });
            }
            self.people.push(person);
        }
    }

    /// Survivors, experts paid by the piece, and citizens whose deaths the register holds.
    fn others(&mut self, maker: &mut Maker) {
        let wheels = Wheels::of(&self.units);
        for _ in 0..self.scale.people(140).max(4) {
            let (unit, _) = wheels.anywhere(&mut maker.dice, &self.units);
            let mut person = self.anybody(maker, 9, 84, Role::Survivor);
            person.gross_fen = 90_000 + maker.dice.below(60_000) as i64;
            person.pay.push(Pay { unit, kind: PayKind::Survivor, from: self.window.first, to: self.window.last, percent: 100 });
            self.people.push(person);
        }
        for _ in 0..self.scale.people(24).max(2) {
            let (unit, _) = wheels.anywhere(&mut maker.dice, &self.units);
            let mut person = self.anybody(maker, 35, 68, Role::Expert);
            let month = month_of(maker.day_between(self.window.first, self.window.last));
            let gross_fen = 50_000 + maker.dice.below(30) as i64 * 10_000;
            person.singles.push(super::person::Single { unit, kind: PayKind::OneOff, month, gross_fen, arrears: None });
            self.people.push(person);
        }
        for _ in 0..self.scale.people(420).max(5) {
            let mut person = self.anybody(maker, 40, 96, Role::Citizen);
            let died_on = maker.day_between(self.window.first, self.window.last);
            person.death = Some(Death { died_on, registered_on: self.window.by_now(plus(died_on, 2 + maker.dice.below(20) as i64)) });
            self.people.push(person);
        }
    }

    /// Gives some people the name of somebody else, of the same unit half of the time.
    fn namesakes(&mut self, dice: &mut Dice) {
        let staff: Vec<usize> = (0..self.people.len()).filter(|it| self.people[*it].is_ordinary_since(self.window.first)).collect();
        for n in 0..self.scale.people(20).max(2) {
            let (a, b) = if n % 2 == 0 {
                let at = dice.below(staff.len() - 1);
                (staff[at], staff[at + 1])
            } else {
                (*dice.pick(&staff), *dice.pick(&staff))
            };
            if a != b && self.people[a].sex == self.people[b].sex {
                let name = self.people[a].name.clone();
                self.people[b].name = name;
            }
        }
    }
}

impl Person {
    /// Ends a career that day, everything in time: the form within `days` working days, the pay with the month.
    pub fn leave(&mut self, window: Window, on: NaiveDate, reason: Reason, days: i32) {
        let month = month_of(on);
        if let Some(spell) = self.register.last_mut() {
            spell.exited = Some((on, reason));
            let (from, quota) = (Some(spell.unit), spell.quota);
            let registered = Some(window.by_now(working_day_from(on, days)));
            self.moves.push(Move { kind: MoveKind::Exit(reason), from, to: None, quota, effective: on, registered });
        }
        if let Some(job) = self.jobs.last_mut() {
            job.end = Some((on, reason));
        }
        self.stop_pay_after(month);
        self.stop_insurance_after(month);
        if reason == Reason::Retirement && month < window.last {
            self.pensions.push(Pension { from: add_months(month, 1), to: window.last, amount_fen: self.gross_fen * 62 / 100 });
        }
    }

    /// Comes on a quota and into HR's books that day.
    pub fn enter(&mut self, unit: usize, quota: QuotaType, on: NaiveDate, order: String) {
        self.register.push(Register { unit, quota, counts: true, entered: Some(on), document: Some(order), exited: None });
        self.jobs.push(Job { unit, kind: JobKind::OnQuota, off_post: false, start: Some(on), end: None });
    }

    /// Pay and insurance of every spell within the window.
    pub fn pay_and_insure(&mut self, first: i32, last: i32, maker: &mut Maker) {
        for at in 0..self.register.len() {
            let spell = &self.register[at];
            let entered = spell.entered.map_or(first, |on| {
                // Those who come after the tenth are first paid with the next month.
                let paid_at_once = on.day() <= 10 && at == 0;
                add_months(month_of(on), i32::from(!paid_at_once))
            });
            let from = entered.max(first);
            let to = spell.exited.map_or(last, |(on, _)| month_of(plus(on, 1)));
            if from > to {
                continue;
            }
            self.pay.push(Pay { unit: spell.unit, kind: PayKind::Salary, from, to, percent: 100 });
            let insured_from = if at == 0 && from > first { add_months(from, i32::from(maker.dice.chance(0.3))) } else { from };
            if insured_from <= to {
                let employer = Employer::Unit(spell.unit);
                self.insured.push(Insured { employer, scheme: Scheme::Public, from: insured_from, to, made_up_in: None });
            }
        }
    }
}

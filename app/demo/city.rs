//! The city: its units, and everybody who is or was paid by them, as they truly are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Plan;
use super::archive::Archive;
use super::calendar::{
    Category, Sex, add_months, day_in, first_day, last_day, month_of, months_between, plus, plus_months, retirement_month, working_day_from,
};
use super::dice::{Dice, Stream, Wheel};
use super::names::Names;
use super::number;
use super::person::{
    Death, Employer, Insured, Job, JobKind, Move, MoveKind, Pay, PayKind, Pension, Person, Reason, Register, Role, Scheme,
};
use super::units::{self, QuotaType, Scale, Unit, published};

/// An employer outside the city's public bodies.
#[derive(Debug)]
pub struct Outside {
    /// Its name.
    pub name: &'static str,
    /// Unified social credit code.
    pub uscc: String,
    /// Pooling area of its insurance.
    pub region: &'static str,
}

/// The months that departments have reported, and the night on which the hub asks.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First month.
    pub first: i32,
    /// Last month.
    pub last: i32,
    /// The night of the demo, in the month after the last.
    pub as_of: NaiveDate,
}

impl Window {
    /// How many months it has.
    pub fn length(self) -> i32 {
        months_between(self.first, self.last) + 1
    }

    /// A day, or tonight when the day has not come yet.
    pub fn by_now(self, day: NaiveDate) -> NaiveDate {
        day.min(self.as_of)
    }
}

/// Everything there is.
#[derive(Debug)]
pub struct City {
    /// How large it is.
    pub scale: Scale,
    /// The months that departments have reported.
    pub window: Window,
    /// Units: organs, townships, institutions, and those abolished.
    pub units: Vec<Unit>,
    /// Approval documents.
    pub archive: Archive,
    /// Employers outside: the first two send labour to the city's units.
    pub outside: Vec<Outside>,
    /// Everybody.
    pub people: Vec<Person>,
    ids: BTreeSet<String>,
    entry_orders: BTreeMap<i32, String>,
}

/// Pooling area of an aid posting, far away.
pub const AID_REGION: &str = "652900";

/// Dispatch companies of the city first, then enterprises elsewhere.
const OUTSIDE: [(&str, &str); 8] = [
    ("嵊州市越乡人力资源有限公司", "330683"),
    ("嵊州市剡源劳务派遣有限公司", "330683"),
    ("杭州云栖智联科技有限公司", "330100"),
    ("宁波甬江进出口有限公司", "330200"),
    ("绍兴镜湖建筑设计有限公司", "330600"),
    ("上海浦汇教育科技有限公司", "310000"),
    ("义乌商城贸易有限公司", "330782"),
    ("阿瓦提县教育服务中心", AID_REGION),
];

/// The index of the host of aid postings among the employers outside.
pub const AID_HOST: usize = 7;

impl City {
    /// A city in which everything is in order.
    pub fn build(plan: &Plan) -> City {
        let scale = Scale::of(plan.people);
        let (units, archive) = units::build(scale, &mut Dice::new(plan.seed, Stream::Units));
        let last = add_months(month_of(plan.as_of), -1);
        let outside = OUTSIDE
            .iter()
            .zip(0..)
            .map(|((name, region), at)| Outside { name, region, uscc: number::credit_code('9', '1', region, 58_400_000 + at * 137) })
            .collect();
        let mut city = City {
            scale,
            window: Window { first: add_months(last, 1 - plan.months as i32), last, as_of: plan.as_of },
            units,
            archive,
            outside,
            people: Vec::new(),
            ids: BTreeSet::new(),
            entry_orders: BTreeMap::new(),
        };
        let mut maker = Maker { dice: Dice::new(plan.seed, Stream::People), names: Names::new() };
        let dice = &mut maker;
        city.staff(dice);
        city.leavers(dice);
        city.non_quota(dice);
        city.retirees(dice);
        city.others(dice);
        city.namesakes(&mut dice.dice);
        city
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
            Reason::Retirement => day_in(month, 27.min(chrono::Datelike::day(&birth))),
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
            let retired = day_in(retirement_month(birth, category), 27.min(chrono::Datelike::day(&birth)));
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
                self.people[b].name = self.people[a].name.clone();
            }
        }
    }

    /// Somebody of that sex and birth, with a number that nobody else has.
    pub fn somebody(&mut self, maker: &mut Maker, sex: Sex, category: Category, birth: NaiveDate, role: Role) -> Person {
        let id = loop {
            let division = number::division(&mut maker.dice, birth);
            let id = number::id_number(&mut maker.dice, division, birth, sex);
            if self.ids.insert(id.clone()) {
                break id;
            }
        };
        let name = maker.names.throw(&mut maker.dice, sex, chrono::Datelike::year(&birth));
        let mut person = Person::new(id, name, sex, birth, category, role);
        person.account = format!("62{:017}", maker.dice.between(1, 99_999_999_999_999_999));
        let age = i64::from(person.age_on(last_day(self.window.last)));
        person.gross_fen = (640_000 + (age - 22).clamp(0, 38) * 14_000 + maker.dice.below(260_000) as i64) / 10 * 10;
        // Six people of the true city came from far away, with names that have a dot.
        if role == Role::Staff && maker.dice.chance(0.0004) {
            Names::transliterated(&mut maker.dice).clone_into(&mut person.name);
        }
        person
    }

    fn anybody(&mut self, maker: &mut Maker, youngest: i32, oldest: i32, role: Role) -> Person {
        let sex = maker.sex(0.5);
        let birth = maker.born(self.window.last, youngest, oldest);
        let category = if sex == Sex::Male { Category::Man } else { Category::Woman55 };
        self.somebody(maker, sex, category, birth, role)
    }

    /// Takes somebody who fits and has no part in a story yet, and marks them; None when there is nobody.
    pub fn take(&mut self, dice: &mut Dice, fits: impl Fn(&Person, &[Unit]) -> bool) -> Option<usize> {
        let units = &self.units;
        let fitting: Vec<usize> = (0..self.people.len()).filter(|at| !self.people[*at].marked && fits(&self.people[*at], units)).collect();
        let at = *fitting.get(dice.below(fitting.len()))?;
        self.people[at].mark();
        Some(at)
    }

    /// One more person of an organ, beyond its filled places, on the books since before the window; they are to leave within it.
    pub fn another_official(&mut self, maker: &mut Maker, who: Option<(Sex, NaiveDate)>) -> Option<usize> {
        let organs = self.units.iter().filter(|it| it.exists() && !it.is_institution()).count();
        let unit = maker.dice.below(organs);
        let quota = self.units[unit].quotas.first()?.kind;
        let (sex, birth) = who.unwrap_or_else(|| (maker.sex(0.3), maker.born(self.window.last, 30, 48)));
        let category = if sex == Sex::Male { Category::Man } else { Category::Woman55 };
        let mut person = self.somebody(maker, sex, category, birth, Role::Leaver);
        let entered = maker.career_start(birth, self.window.first);
        person.enter(unit, quota, entered, self.entry_order(entered));
        person.pay_and_insure(self.window.first, self.window.last, maker);
        self.people.push(person);
        Some(self.people.len() - 1)
    }

    /// Whether somebody has that number.
    pub fn has_number(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// How many people have a number that begins like this.
    pub fn numbers_beginning_with(&self, beginning: &str) -> usize {
        self.ids.range(beginning.to_owned()..).take_while(|it| it.starts_with(beginning)).count()
    }

    /// The order by which people came on a quota that day: one a year before the window, one a month within it.
    fn entry_order(&mut self, entered: NaiveDate) -> String {
        let month = month_of(entered);
        let key = if month < self.window.first { month / 100 * 100 + 9 } else { month };
        let archive = &mut self.archive;
        self.entry_orders
            .entry(key)
            .or_insert_with(|| {
                let signed = first_day(key);
                archive.file("RB", signed, format!("关于{}年{}月人员入编的批复", key / 100, key % 100))
            })
            .clone()
    }

    /// Fills the archive to the published number of documents with adjustments of past years.
    pub fn fill_archive(&mut self) {
        let wanted = self.scale.units(published::DOCUMENTS) as usize;
        for n in self.archive.documents.len()..wanted {
            let unit = &self.units[n * 7 % self.units.len()];
            let signed = units::day(2013 + (n % 11) as i32, 1 + (n % 12) as u32, 1 + (n % 27) as u32);
            self.archive.file("TZ", signed, format!("关于调整{}编制的通知", unit.name));
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
    fn enter(&mut self, unit: usize, quota: QuotaType, on: NaiveDate, order: String) {
        self.register.push(Register { unit, quota, counts: true, entered: Some(on), document: Some(order), exited: None });
        self.jobs.push(Job { unit, kind: JobKind::OnQuota, off_post: false, start: Some(on), end: None });
    }

    /// Pay and insurance of every spell within the window.
    fn pay_and_insure(&mut self, first: i32, last: i32, maker: &mut Maker) {
        for at in 0..self.register.len() {
            let spell = &self.register[at];
            let entered = spell.entered.map_or(first, |on| {
                // Those who come after the tenth are first paid with the next month.
                let paid_at_once = chrono::Datelike::day(&on) <= 10 && at == 0;
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

    fn sex_and_category(&mut self, quota: QuotaType) -> (Sex, Category) {
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
    fn career_start(&mut self, birth: NaiveDate, first: i32) -> NaiveDate {
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
struct Wheels {
    all: Wheel,
    by_group: [(Vec<usize>, Wheel); 2],
}

impl Wheels {
    fn of(units: &[Unit]) -> Wheels {
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
    fn spin(&self, dice: &mut Dice, quota: QuotaType) -> usize {
        let (members, wheel) = &self.by_group[usize::from(quota.is_administrative())];
        members[wheel.spin(dice)]
    }

    /// Any existing unit, and its main kind of quota.
    fn anywhere(&self, dice: &mut Dice, units: &[Unit]) -> (usize, QuotaType) {
        let unit = self.all.spin(dice);
        (unit, units[unit].quotas.first().map_or(QuotaType::Institution, |it| it.kind))
    }
}

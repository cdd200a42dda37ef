//! The truth: what was put into the city for the hub to find. Two people of organs are paid who should not be, six people of
//! institutions are on the books and not at work, as in the published comparison.

use muster_core::retirement::Category;

use super::calendar::{Sex, add_months, day_in, last_day, months, plus, plus_months, working_days_in};
use super::city::City;
use super::dice::{Dice, Stream};
use super::life;
use super::maker::Maker;
use super::names::Names;
use super::pay;
use super::person::{Attended, Employer, Insured, Leave, Pay, PayKind, Reason, Role, Scheme, Secondment};
use super::units::QuotaType;

/// Something that is wrong, and the rules of which at least one must say so.
#[derive(Clone, Debug)]
pub struct Case {
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Who, by index.
    pub person: Option<usize>,
    /// The wrong number, where that is the case.
    pub written: Option<String>,
    /// Whether a department writes the number of somebody guilty wrongly.
    pub damaged: bool,
    /// Which unit, by index.
    pub unit: Option<usize>,
    /// Rules that may say so, separated by `|`: one of them must, none of them is wrong to.
    pub rules: &'static str,
    /// The months concerned.
    pub months: Vec<i32>,
    /// What was paid without cause.
    pub amount_fen: Option<i64>,
    /// How it came about.
    pub note: String,
}

impl Case {
    /// A case about somebody.
    pub fn of(city: &City, kind: &'static str, person: usize, rules: &'static str, note: &str) -> Case {
        Case {
            kind,
            person: Some(person),
            written: None,
            damaged: false,
            unit: city.people[person].unit(),
            rules,
            months: Vec::new(),
            amount_fen: None,
            note: note.into(),
        }
    }

    /// The months it spans.
    pub fn in_months(mut self, from: i32, to: i32) -> Case {
        self.months = months(from, to).collect();
        self
    }

    /// What the salary of its months cost: gross, and the employer's contributions on top.
    pub fn with_cost(self, city: &City) -> Case {
        self.with_salary(city, |it| it.gross + it.employer)
    }

    /// The salary of its months.
    pub fn with_gross(self, city: &City) -> Case {
        self.with_salary(city, |it| it.gross)
    }

    fn with_salary(mut self, city: &City, counted: fn(pay::Amounts) -> i64) -> Case {
        let Some(person) = self.person.map(|it| &city.people[it]) else { return self };
        let of_month = |month: &i32| {
            let paid = person.pay.iter().filter(|it| it.kind == PayKind::Salary && it.from <= *month && *month <= it.to);
            paid.map(|it| counted(pay::line(person, it.kind, it.percent, city.window.first, *month))).sum::<i64>()
        };
        self.amount_fen = Some(self.months.iter().map(of_month).sum());
        self
    }
}

/// Puts the two and the six into the city.
pub fn inject(city: &mut City, seed: u64) -> Vec<Case> {
    let mut maker = Maker { dice: Dice::new(seed, Stream::Truth), names: Names::new() };
    let mut ghosts = [paid_after_death, paid_after_resignation, paid_to_a_stranger, paid_after_retirement];
    maker.dice.shuffle(&mut ghosts);
    let mut absent = vec![absent_without_leave, overstayed_leave, expired_secondment, works_elsewhere];
    absent.push(*maker.dice.pick(&absent));
    absent.push(*maker.dice.pick(&absent));
    let mut cases = Vec::new();
    for story in ghosts.into_iter().take(2) {
        let months = length(city, &mut maker, 5, 14);
        cases.extend(story(city, &mut maker, months));
    }
    for story in absent {
        let months = length(city, &mut maker, 3, 9);
        cases.extend(story(city, &mut maker, months));
    }
    cases
}

/// Each of the stories once.
pub fn all(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let mut cases = Vec::new();
    for story in [paid_after_death, paid_after_resignation, paid_to_a_stranger, paid_after_retirement] {
        let months = length(city, maker, 5, 14);
        cases.extend(story(city, maker, months));
    }
    for story in [absent_without_leave, overstayed_leave, expired_secondment, works_elsewhere] {
        let months = length(city, maker, 3, 9);
        cases.extend(story(city, maker, months));
    }
    cases
}

/// How many months a story has gone on: within bounds, and within the window.
fn length(city: &City, maker: &mut Maker, least: i64, most: i64) -> i32 {
    let room = i64::from(city.window.length()) - 2;
    maker.dice.between(least.min(room), most.min(room)) as i32
}

/// Takes somebody ordinary of the organs.
fn take_official(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, _| {
        person.is_ordinary_since(since) && matches!(person.register[0].quota, QuotaType::Administrative | QuotaType::PoliticalLegal)
    })
}

/// Takes somebody ordinary of an institution that reports attendance.
fn take_institution_staff(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, units| {
        person.is_ordinary_since(since)
            && !person.register[0].quota.is_administrative()
            && person.unit().is_some_and(|unit| units[unit].keeps_attendance)
    })
}

/// The unit told nobody: every register but the registrar's goes on as before.
fn paid_after_death(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = take_official(city, &mut maker.dice)?;
    let last = city.window.last;
    let died_on = day_in(add_months(last, -count), 2 + maker.dice.below(24) as u32);
    city.people[at].death = Some(super::person::Death { died_on, registered_on: plus(died_on, 6) });
    let note = "死亡后单位未报告，编制、人事未变动，工资照发；the unit reported nothing and went on paying";
    Some(Case::of(city, "ghost-dead", at, "G01|T08", note).in_months(add_months(last, 1 - count), last).with_cost(city))
}

/// HR and the register closed the spell in time; the payroll did not.
fn paid_after_resignation(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = city.another_official(maker, None)?;
    let last = city.window.last;
    let on = maker.working_day_in(add_months(last, -count));
    let days = 1 + maker.dice.below(3) as i32;
    go_on_paying(city, at, Reason::Resignation, on, days);
    let note = "辞职、出编均已办理，工资未停；resigned and struck off in time, still paid";
    Some(Case::of(city, "ghost-resigned", at, "G04|G06|T04", note).in_months(add_months(last, 1 - count), last).with_cost(city))
}

/// Pension and full salary.
fn paid_after_retirement(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let last = city.window.last;
    // The law's staircase skips some months: take the next one that it does not.
    let (month, birth) = (0..3).find_map(|later| {
        let month = add_months(last, later - count);
        maker.born_to_retire_in(month, Category::Man).map(|birth| (month, birth))
    })?;
    let at = city.another_official(maker, Some((Sex::Male, birth)))?;
    go_on_paying(city, at, Reason::Retirement, day_in(month, 16), 2);
    let note = "已退休并领取养老金，在职工资未停；retired on a pension, still paid as active";
    Some(Case::of(city, "ghost-retired", at, "G03|G13|G06|T04", note).in_months(add_months(month, 1), last).with_cost(city))
}

fn go_on_paying(city: &mut City, at: usize, reason: Reason, on: chrono::NaiveDate, days: i32) {
    let window = city.window;
    let person = city.people[at].mark();
    person.leave(window, on, reason, days);
    if let Some(pay) = person.pay.last_mut() {
        pay.to = window.last;
    }
}

/// A payee who has the name of a colleague and nothing else: no quota, no file, no insurance, a number of their own.
fn paid_to_a_stranger(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let double = take_official(city, &mut maker.dice)?;
    let (sex, category, unit) = (city.people[double].sex, city.people[double].category, city.people[double].unit()?);
    let birth = plus(city.people[double].birth, maker.dice.between(200, 2_000));
    let last = city.window.last;
    let mut stranger = city.somebody(maker, sex, category, birth, Role::Stranger);
    stranger.name.clone_from(&city.people[double].name);
    stranger.pay.push(Pay { unit, kind: PayKind::Salary, from: add_months(last, 1 - count), to: last, percent: 100 });
    stranger.mark();
    city.people.push(stranger);
    let at = city.people.len() - 1;
    let note = "与在编人员同名不同号，编制、人事、社保均无记录；a colleague's name, a number that no register knows";
    let mut case = Case::of(city, "ghost-unknown-payee", at, "G06", note).in_months(add_months(last, 1 - count), last).with_cost(city);
    case.unit = Some(unit);
    Some(case)
}

/// Never there, the machine says so, the pay comes.
fn absent_without_leave(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = take_institution_staff(city, &mut maker.dice)?;
    let from = add_months(city.window.last, 1 - count);
    let mut longest = 0;
    for month in months(from, city.window.last) {
        let days = working_days_in(month);
        longest += days;
        city.people[at].attendance.push((month, Attended { present: 0, absent: days, longest }));
    }
    let note = "连续旷工，工资照发；absent for months without leave, paid in full";
    Some(Case::of(city, "absent-without-leave", at, "P01|P02|G12|P15", note).in_months(from, city.window.last).with_cost(city))
}

/// Went on approved leave and did not come back.
fn overstayed_leave(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = take_institution_staff(city, &mut maker.dice)?;
    let kind = *maker.dice.pick(&["事假", "因私出国", "学习进修"]);
    let to = day_in(add_months(city.window.last, -count), 8 + maker.dice.below(18) as u32);
    let from = plus(to, -maker.dice.between(10, 30));
    let window = city.window;
    let person = &mut city.people[at];
    person.leaves.push(Leave { kind, from, to, returned: None, effect: "无" });
    life::be_away(window, person, from, last_day(window.last));
    let note = "假期届满未归，工资照发；never came back from an approved leave, paid in full";
    Some(
        Case::of(city, "absent-overstayed-leave", at, "P03|P15", note)
            .in_months(add_months(window.last, 1 - count), window.last)
            .with_cost(city),
    )
}

/// Lent out, and neither sent back nor extended.
fn expired_secondment(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = take_institution_staff(city, &mut maker.dice)?;
    let to = day_in(add_months(city.window.last, -count), 5 + maker.dice.below(20) as u32);
    let from = plus(plus_months(to, -3), 1);
    let window = city.window;
    let host = maker.dice.below(6);
    let person = &mut city.people[at];
    person.secondments.push(Secondment { kind: "借调", unit: Some(host), elsewhere: None, from, to, returned: None });
    life::be_away(window, person, from, last_day(window.last));
    let note = "借调期满未返回，借入单位亦无考勤；neither returned from an expired secondment nor seen by the host";
    Some(
        Case::of(city, "absent-expired-secondment", at, "P04|P05|P15", note)
            .in_months(add_months(window.last, 1 - count), window.last)
            .with_cost(city),
    )
}

/// The unit's attendance list is full; an enterprise elsewhere pays contributions.
fn works_elsewhere(city: &mut City, maker: &mut Maker, count: i32) -> Option<Case> {
    let at = take_institution_staff(city, &mut maker.dice)?;
    let from = add_months(city.window.last, 1 - count);
    let employer = Employer::Outside(2 + maker.dice.below(5));
    city.people[at].insured.push(Insured { employer, scheme: Scheme::Enterprise, from, to: city.window.last, made_up_in: None });
    let note = "在外地企业参保就业，本单位工资照发；insured by an enterprise elsewhere, paid here in full";
    Some(Case::of(city, "absent-works-elsewhere", at, "P13|D06", note).in_months(from, city.window.last).with_gross(city))
}

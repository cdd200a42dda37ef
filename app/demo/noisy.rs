//! The noisy city: every kind of case many times over, and every second of them with a wrong number in one department.
//!
//! The model city has the two ghosts and six absentees that were published; recall cannot be measured on eight people. Here every story of
//! `truth` and `irregular` happens again and again, and further stories put cases before rules that the model city never asks.

use super::calendar::{add_months, day_in, last_day, month_of, months_between, plus, plus_months, working_day_from};
use super::city::City;
use super::dice::{Dice, Stream};
use super::maker::Maker;
use super::names::Names;
use super::person::{
    Employer, Insured, Job, JobKind, Leave, MoveKind, Pay, PayKind, Person, Reason, Register, Role, Sanction, Scheme, Secondment,
};
use super::truth::{self, Case};
use super::{irregular, life};

type Story = fn(&mut City, &mut Maker) -> Vec<Case>;

const STORIES: &[Story] = &[
    two_quotas,
    paid_not_insured,
    insured_after_leaving,
    pension_after_death,
    detained_on_full_pay,
    stop_order_not_executed,
    entered_without_approval,
    unpaid_leave_over,
    paid_before_entry,
    sick_on_full_pay,
    personal_leave_on_full_pay,
    paid_on_start_up_leave,
    employed_without_entry,
    sudden_raise,
    abolished_unit_pays,
    borrower_pays_too,
    four_on_one_account,
];

/// Puts every story into the city some times: six at 14,000 people, two at least.
pub fn inject(city: &mut City, seed: u64) -> Vec<Case> {
    let mut maker = Maker { dice: Dice::new(seed, Stream::Noisy), names: Names::new() };
    let times = city.scale.people(6).max(2);
    let mut cases = Vec::new();
    for n in 0..times {
        cases.extend(truth::all(city, &mut maker));
        cases.extend(irregular::all(city, &mut maker.dice, n));
        for story in STORIES {
            cases.extend(story(city, &mut maker));
        }
    }
    cases
}

/// Staff with one quiet spell, whom a story may befall.
fn take_staff(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, _| person.is_ordinary_since(since))
}

/// The same, of a unit that reports attendance.
fn take_clocked(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, units| person.is_ordinary_since(since) && person.unit().is_some_and(|it| units[it].keeps_attendance))
}

/// Another unit of the same group of quotas.
fn another_unit(city: &City, dice: &mut Dice, person: usize) -> Option<usize> {
    let spell = city.people[person].register.first()?;
    let same = |it: &usize| {
        *it != spell.unit
            && city.units[*it].quotas.first().is_some_and(|quota| quota.kind.is_administrative() == spell.quota.is_administrative())
    };
    let others: Vec<usize> = (0..city.units.len()).filter(|it| city.units[*it].exists()).filter(same).collect();
    others.get(dice.below(others.len())).copied()
}

fn one(case: Option<Case>) -> Vec<Case> {
    case.into_iter().collect()
}

fn two_quotas(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    one((|| {
        let at = take_staff(city, &mut maker.dice)?;
        let unit = another_unit(city, &mut maker.dice, at)?;
        let entered = working_day_from(day_in(add_months(city.window.last, -5), 8), 1);
        let document = Some(city.entry_order(entered));
        let quota = city.people[at].register[0].quota;
        city.people[at].register.push(Register { unit, quota, counts: true, entered: Some(entered), document, exited: None });
        Some(Case::of(city, "two-quotas", at, "D04", "在两个单位同时占编；on the quotas of two units at once"))
    })())
}

fn paid_not_insured(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let last = city.window.last;
    one(take_staff(city, &mut maker.dice).map(|at| {
        city.people[at].stop_insurance_after(add_months(last, -8));
        Case::of(city, "paid-not-insured", at, "M06", "在发工资，停保八个月；paid, and not insured for eight months")
    }))
}

/// Left four to eight months ago, everything in time.
fn take_leaver(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let last = city.window.last;
    city.take(dice, |person, _| {
        let ago = person.register.last().and_then(|it| it.exited).map(|(on, _)| months_between(month_of(on), last));
        let reason = person.register.last().and_then(|it| it.exited).map(|it| it.1);
        let plain = matches!(reason, Some(Reason::Resignation | Reason::Retirement | Reason::Dismissal));
        person.role == Role::Leaver && plain && ago.is_some_and(|it| (4..=8).contains(&it)) && !person.insured.is_empty()
    })
}

fn insured_after_leaving(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let last = city.window.last;
    one(take_leaver(city, &mut maker.dice).map(|at| {
        if let Some(spell) = city.people[at].insured.last_mut() {
            spell.to = last;
        }
        Case::of(city, "insured-after-leaving", at, "M10", "离职退休后单位继续参保；still insured by the unit that was left")
    }))
}

fn pension_after_death(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let window = city.window;
    let dead = |person: &Person, _: &[_]| {
        person.role == Role::Retiree
            && !person.pensions.is_empty()
            && person.death.is_some_and(|it| it.registered_on <= window.as_of && months_between(month_of(it.died_on), window.last) >= 4)
    };
    one(city.take(&mut maker.dice, dead).map(|at| {
        if let Some(pension) = city.people[at].pensions.last_mut() {
            pension.to = window.last;
        }
        Case::of(city, "pension-after-death", at, "G14", "死亡后养老金未停；the pension went on after death")
    }))
}

/// Kept from work by a measure that also cuts the pay, which the payroll never hears of.
fn measure(city: &mut City, maker: &mut Maker, kind: &'static str, effect: &'static str) -> Option<usize> {
    let at = take_clocked(city, &mut maker.dice)?;
    let window = city.window;
    let from = working_day_from(day_in(add_months(window.last, -5), 3), 1);
    let person = &mut city.people[at];
    person.sanctions.push(Sanction { kind, from, to: None, effect });
    life::be_away(window, person, from, last_day(window.last));
    Some(at)
}

fn detained_on_full_pay(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let note = "被采取强制措施，工资未减；detained, and paid in full";
    one(measure(city, maker, "刑事拘留", "75%生活费").map(|at| Case::of(city, "detained-on-full-pay", at, "G10", note)))
}

fn stop_order_not_executed(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let note = "停职停薪未执行；suspended without pay, and paid";
    one(measure(city, maker, "停职", "停发").map(|at| Case::of(city, "stop-order-not-executed", at, "G26", note)))
}

/// Took unpaid leave fourteen months ago; it is over, nobody came back, and the place is still taken. The rule waits a year.
fn unpaid_leave_over(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    if city.window.length() < 16 {
        return Vec::new();
    }
    one(take_clocked(city, &mut maker.dice).map(|at| {
        let window = city.window;
        let from = working_day_from(day_in(add_months(window.last, -14), 2), 1);
        let to = day_in(add_months(window.last, -2), 20);
        let person = &mut city.people[at];
        person.leaves.push(Leave { kind: "停薪留职", from, to, returned: None, effect: "停发" });
        person.stop_pay_after(month_of(from));
        life::be_away(window, person, from, last_day(window.last));
        Case::of(city, "unpaid-leave-over", at, "P10|P18", "停薪留职期满未归，仍占编；unpaid leave is over, the place still taken")
    }))
}

/// Hired six months or more after the window began.
fn take_hire(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let window = city.window;
    city.take(dice, |person, _| {
        let entry = person.moves.first().filter(|it| it.kind == MoveKind::Entry && person.moves.len() == 1);
        let settled = |month: i32| months_between(window.first, month) >= 6 && months_between(month, window.last) >= 2;
        person.role == Role::Staff
            && person.register.len() == 1
            && person.pay.len() == 1
            && person.leaves.is_empty()
            && entry.is_some_and(|it| settled(month_of(it.effective)))
    })
}

fn entered_without_approval(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    one(take_hire(city, &mut maker.dice).map(|at| {
        city.people[at].moves.clear();
        city.people[at].register[0].document = None;
        Case::of(city, "entered-without-approval", at, "E13", "入编无文号、无审批；on the register without a paper or a form")
    }))
}

/// On the payroll four months before the entry.
fn paid_before_entry(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    one(take_hire(city, &mut maker.dice).map(|at| {
        let entered = month_of(city.people[at].moves[0].effective);
        city.people[at].pay[0].from = add_months(entered, -4);
        Case::of(city, "paid-before-entry", at, "G23", "入编前四个月起已发工资；paid from four months before entry")
            .in_months(add_months(entered, -4), add_months(entered, -1))
    }))
}

/// Away on a leave that says what becomes of the pay, which nobody reads.
fn on_leave(city: &mut City, maker: &mut Maker, kind: &'static str, effect: &'static str, ago: i32, days: Option<i64>) -> Option<usize> {
    let at = take_clocked(city, &mut maker.dice)?;
    let window = city.window;
    let from = working_day_from(day_in(add_months(window.last, -ago), 2), 1);
    let person = &mut city.people[at];
    match days {
        Some(days) => life::leave(window, person, kind, from, days, effect),
        None => {
            person.leaves.push(Leave { kind, from, to: plus_months(from, 24), returned: None, effect });
            life::be_away(window, person, from, last_day(window.last));
        }
    }
    Some(at)
}

fn sick_on_full_pay(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let note = "长期病假，工资未减发；on sick leave for long, and paid in full";
    one(on_leave(city, maker, "病假", "无", 7, None).map(|at| Case::of(city, "sick-on-full-pay", at, "P06", note)))
}

fn personal_leave_on_full_pay(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let note = "事假超过 20 个工作日，工资未减发；more than 20 working days of personal leave, paid in full";
    one(on_leave(city, maker, "事假", "无", 5, Some(50)).map(|at| Case::of(city, "personal-leave-on-full-pay", at, "P07", note)))
}

fn paid_on_start_up_leave(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let note = "离岗创业应停发，工资照发；on start-up leave without pay, and paid";
    one(on_leave(city, maker, "离岗创业", "停发", 7, None).map(|at| Case::of(city, "paid-on-start-up-leave", at, "P09", note)))
}

/// In HR's books as staff on a quota, paid and insured, and never entered on the register.
fn employed_without_entry(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    one((|| {
        let colleague = take_staff(city, &mut maker.dice)?;
        let unit = city.people[colleague].unit()?;
        let window = city.window;
        let start = working_day_from(day_in(add_months(window.last, -8), 5), 1);
        let from = month_of(start);
        let mut person = city.anybody(maker, 25, 40, Role::Stranger);
        person.jobs.push(Job { unit, kind: JobKind::OnQuota, off_post: false, start: Some(start), end: None });
        person.pay.push(Pay { unit, kind: PayKind::Salary, from, to: window.last, percent: 100 });
        person.insured.push(Insured { employer: Employer::Unit(unit), scheme: Scheme::Public, from, to: window.last, made_up_in: None });
        person.mark();
        city.people.push(person);
        let mut case = Case::of(
            city,
            "employed-without-entry",
            city.people.len() - 1,
            "T01",
            "在册在发，从未办理入编；employed and paid, never entered",
        );
        case.unit = Some(unit);
        Some(case)
    })())
}

fn sudden_raise(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let last = city.window.last;
    one(take_staff(city, &mut maker.dice).and_then(|at| {
        let pay = city.people[at].pay.first()?.clone();
        city.people[at].stop_pay_after(add_months(last, -1));
        city.people[at].pay.push(Pay { from: last, to: last, percent: 190, ..pay });
        Some(
            Case::of(city, "sudden-raise", at, "M02", "当月工资无故增加九成；nine tenths more in one month, without a reason")
                .in_months(last, last),
        )
    }))
}

/// A payee of a unit that was abolished years ago. The case is the unit's: where a unit pays nobody whom a register knows, G06 holds back,
/// because most of those are units that the other departments do not cover.
fn abolished_unit_pays(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let gone: Vec<usize> = (0..city.units.len()).filter(|it| !city.units[*it].exists()).collect();
    let Some(unit) = gone.get(maker.dice.below(gone.len())).copied() else { return Vec::new() };
    let last = city.window.last;
    let mut person = city.anybody(maker, 30, 50, Role::Stranger);
    person.pay.push(Pay { unit, kind: PayKind::Salary, from: add_months(last, -4), to: last, percent: 100 });
    person.mark();
    city.people.push(person);
    let note = "以撤销单位名义发放工资；paid in the name of an abolished unit";
    let payee = Case::of(city, "abolished-unit-pays", city.people.len() - 1, "E04", note);
    vec![Case { person: None, unit: Some(unit), ..payee }]
}

fn borrower_pays_too(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    one((|| {
        let at = take_clocked(city, &mut maker.dice)?;
        let host = another_unit(city, &mut maker.dice, at)?;
        let window = city.window;
        let from = working_day_from(day_in(add_months(window.last, -6), 6), 1);
        let person = &mut city.people[at];
        person.secondments.push(Secondment {
            kind: "借调",
            unit: Some(host),
            elsewhere: None,
            from,
            to: plus(last_day(window.last), 60),
            returned: None,
        });
        life::be_away(window, person, from, last_day(window.last));
        let pay = Pay { unit: host, kind: PayKind::Salary, from: add_months(month_of(from), 1), to: window.last, percent: 70 };
        person.pay.push(pay);
        Some(Case::of(city, "borrower-pays-too", at, "D08|D01", "借入单位另发工资；the borrower pays a salary beside the lender"))
    })())
}

fn four_on_one_account(city: &mut City, maker: &mut Maker) -> Vec<Case> {
    let taken: Vec<usize> = (0..4).filter_map(|_| take_staff(city, &mut maker.dice)).collect();
    let Some(account) = taken.first().map(|it| city.people[*it].account.clone()) else { return Vec::new() };
    for at in &taken {
        city.people[*at].account.clone_from(&account);
    }
    taken.iter().map(|at| Case::of(city, "four-on-one-account", *at, "G20", "四人工资进同一账户；four people on one account")).collect()
}

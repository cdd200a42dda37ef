//! Late, double and careless: what registers are full of without anybody meaning harm. All of it belongs to the truth.

use super::calendar::{add_months, day_in, first_day, last_day, month_of, months_between, plus, working_day_from, working_days};
use super::city::City;
use super::dice::{Dice, Stream};
use super::person::{Death, Move, MoveKind, Pay, PayKind, Pension, Person, Reason, Repeat, Role};
use super::truth::Case;

/// How often at full size, and how the `n`-th of its kind happens to somebody.
type Story = (u32, fn(&mut City, &mut Dice, u32) -> Option<Case>);

const STORIES: &[Story] = &[
    (6, exit_not_registered),
    (4, never_struck_off),
    (3, unknown_to_hr),
    (2, salary_and_pension),
    (2, paid_by_the_old_unit),
    (2, paid_by_two_units),
    (3, line_paid_twice),
    (2, two_open_files),
    (2, file_entered_twice),
    (1, paid_after_late_death_report),
];

/// Puts late registrations, double payments and careless rows into the city.
pub fn inject(city: &mut City, seed: u64) -> Vec<Case> {
    let mut dice = Dice::new(seed ^ 0x0001_9980, Stream::Truth);
    let dice = &mut dice;
    let mut cases = over_quota(city);
    cases.extend(late_exits(city, dice));
    let some = |city: &City, at_full_size: u32| city.scale.people(at_full_size).max(1);
    for (at_full_size, story) in STORIES {
        for n in 0..some(city, *at_full_size) {
            cases.extend(story(city, dice, n));
        }
    }
    cases
}

/// Each of the stories once, for the `n`-th time.
pub fn all(city: &mut City, dice: &mut Dice, n: u32) -> Vec<Case> {
    STORIES.iter().filter_map(|(_, story)| story(city, dice, n)).collect()
}

/// The units that the published figures say have too many people.
fn over_quota(city: &City) -> Vec<Case> {
    let over = (0..city.units.len()).filter(|at| city.units[*at].over);
    over.map(|at| Case {
        kind: "over-quota",
        person: None,
        written: None,
        damaged: false,
        unit: Some(at),
        rules: "E01",
        months: Vec::new(),
        amount_fen: None,
        note: "实有人数超过核定编制；more people than approved places".into(),
    })
    .collect()
}

/// Working days that an approval may take.
const APPROVAL_DAYS: i32 = 22;

/// One exit in twenty-five of the last year was registered late; the city sees those of the last weeks, the older ones are history.
fn late_exits(city: &mut City, dice: &mut Dice) -> Vec<Case> {
    let last = city.window.last;
    let gone = |person: &Person, months: std::ops::RangeInclusive<i32>| {
        let exit = |it: &Move| matches!(it.kind, MoveKind::Exit(_)) && months.contains(&months_between(month_of(it.effective), last));
        person.role == Role::Leaver && person.moves.iter().any(exit)
    };
    let as_of = city.window.as_of;
    // An approval may take a month; an exit whose form took longer is late, whoever had it.
    let lately = working_day_from(as_of, -2);
    let long_ago = |person: &Person| {
        let exits = person.moves.iter().filter(|it| matches!(it.kind, MoveKind::Exit(_)));
        exits.map(|it| it.effective).max().is_some_and(|it| working_day_from(it, APPROVAL_DAYS + 1) <= lately)
    };
    let count = (city.people.iter().filter(|it| gone(it, 0..=11)).count() as f64 * 0.04).ceil() as usize;
    let mut cases = Vec::new();
    for _ in 0..count {
        let Some(at) = city.take(dice, |person, _| gone(person, 1..=3) && long_ago(person)) else { break };
        let told = working_day_from(as_of, -2 - dice.below(14) as i32);
        let mut days = 0;
        for form in city.people[at].moves.iter_mut().filter(|it| matches!(it.kind, MoveKind::Exit(_))) {
            let registered = working_day_from(form.effective, APPROVAL_DAYS + 1).max(told);
            days = working_days(form.effective, registered);
            form.registered = Some(registered);
        }
        let note = format!("出编登记迟{days}个工作日；exit registered {days} working days after the order");
        cases.push(Case::of(city, "exit-registered-late", at, "T02", &note));
    }
    cases
}

/// Staff with one quiet spell, whom a story may befall.
fn take_staff(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, _| person.is_ordinary_since(since))
}

/// HR and the payroll know that somebody left; the register does not yet.
fn end_without_striking_off(city: &mut City, dice: &mut Dice, months_ago: i32, reason: Reason) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let on = working_day_from(day_in(add_months(city.window.last, -months_ago), 4 + dice.below(18) as u32), 1);
    let person = &mut city.people[at];
    if let Some(job) = person.jobs.last_mut() {
        job.end = Some((on, reason));
    }
    person.stop_pay_after(month_of(on));
    person.stop_insurance_after(month_of(on));
    if reason == Reason::Death {
        person.death = Some(Death { died_on: on, registered_on: plus(on, 5) });
    }
    Some(at)
}

fn exit_not_registered(city: &mut City, dice: &mut Dice, n: u32) -> Option<Case> {
    let at = end_without_striking_off(city, dice, 1 + n as i32 % 2, Reason::Resignation)?;
    let person = &mut city.people[at];
    let (on, spell) = (person.jobs.last()?.end?.0, person.register.last()?.clone());
    person.moves.push(Move {
        kind: MoveKind::Exit(Reason::Resignation),
        from: Some(spell.unit),
        to: None,
        quota: spell.quota,
        effective: on,
        registered: None,
    });
    Some(Case::of(city, "exit-not-registered", at, "T02|G08", "出编申请未登记；the exit was applied for and not registered"))
}

fn never_struck_off(city: &mut City, dice: &mut Dice, n: u32) -> Option<Case> {
    let ago = 4 + dice.below((city.window.length() as usize).saturating_sub(6).clamp(1, 8)) as i32;
    let reason = if n.is_multiple_of(2) { Reason::Death } else { Reason::Resignation };
    let at = end_without_striking_off(city, dice, ago, reason)?;
    let last = city.window.last;
    let case = Case::of(city, "quota-occupied", at, "G08|T02", "人已离去，编制未核减；gone from every other register, still on a quota");
    Some(case.in_months(add_months(last, 1 - ago), last))
}

fn unknown_to_hr(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let at = take_staff(city, dice)?;
    city.people[at].jobs.clear();
    Some(Case::of(city, "unknown-to-hr", at, "G07", "在编在发，人事库无此人；on a quota and paid, not in the personnel system"))
}

fn salary_and_pension(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let at = take_staff(city, dice)?;
    let (from, last) = (add_months(city.window.last, -3), city.window.last);
    let person = &mut city.people[at];
    let amount_fen = person.gross_fen * 55 / 100;
    person.pensions.push(Pension { from, to: last, amount_fen });
    let case = Case::of(city, "salary-and-pension", at, "G13|G03", "同月领取工资与养老金；salary and pension in the same months");
    // The smaller of the two was paid without cause.
    Some(Case { amount_fen: Some(4 * amount_fen), ..case.in_months(from, last) })
}

fn paid_by_the_old_unit(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let last = city.window.last;
    let moved_on = |person: &Person| person.moves.iter().find(|it| it.kind == MoveKind::Transfer).map(|it| month_of(it.effective));
    let at = city.take(dice, |person, _| {
        person.role == Role::Staff && person.pay.len() == 2 && moved_on(person).is_some_and(|month| months_between(month, last) >= 4)
    })?;
    let month = moved_on(&city.people[at])?;
    let to = add_months(month, 4);
    city.people[at].pay[0].to = to;
    let mut case = Case::of(city, "paid-by-old-unit", at, "G05|D01", "调出后原单位未停薪；the old unit went on paying after the move");
    case.unit = Some(city.people[at].register[0].unit);
    Some(case.in_months(add_months(month, 1), to))
}

fn paid_by_two_units(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let at = take_staff(city, dice)?;
    let (from, last) = (add_months(city.window.last, -2), city.window.last);
    let unit = city.people[at].unit()?;
    let administrative = city.people[at].register[0].quota.is_administrative();
    let others: Vec<usize> = (0..city.units.len())
        .filter(|it| *it != unit && city.units[*it].quotas.first().is_some_and(|quota| quota.kind.is_administrative() == administrative))
        .collect();
    let second = *others.get(dice.below(others.len()))?;
    city.people[at].pay.push(Pay { unit: second, kind: PayKind::Salary, from, to: last, percent: 90 });
    Some(
        Case::of(city, "paid-by-two-units", at, "D01|G05", "两个单位同月发放工资；two units pay a salary in the same months")
            .in_months(from, last),
    )
}

fn line_paid_twice(city: &mut City, dice: &mut Dice, n: u32) -> Option<Case> {
    let at = take_staff(city, dice)?;
    // Some in the newest files, some in the older ones.
    let month = add_months(city.window.last, -(n as i32 * 3 % city.window.length()));
    city.people[at].repeated.push((month, Repeat::Twice));
    Some(Case::of(city, "line-paid-twice", at, "D09", "同一批次重复发放；the same line twice in a batch").in_months(month, month))
}

/// Moved within the city, and the old unit's file was never closed.
fn two_open_files(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let at = city.take(dice, |person, _| person.role == Role::Staff && person.jobs.len() == 2 && person.register.len() == 2)?;
    city.people[at].jobs[0].end = None;
    Some(Case::of(city, "two-open-files", at, "Q10|D05", "调动后原单位人事记录未终止；the old unit's file was never closed"))
}

fn file_entered_twice(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let at = take_staff(city, dice)?;
    let again = city.people[at].jobs.last()?.clone();
    city.people[at].jobs.push(again);
    Some(Case::of(city, "file-entered-twice", at, "Q10|D05|D03", "人事库重复录入；entered twice in the personnel system"))
}

/// The family told nobody for months; when it did, everything was stopped at once. Innocent of intent, but the money is gone.
fn paid_after_late_death_report(city: &mut City, dice: &mut Dice, _: u32) -> Option<Case> {
    let last = city.window.last;
    let first = city.window.first;
    let at = city.take(dice, |person, _| {
        person.role == Role::Leaver
            && person.death.is_some_and(|it| months_between(month_of(it.died_on), last) >= 4 && month_of(it.died_on) > first)
            && person.pay.len() == 1
    })?;
    let died_in = month_of(city.people[at].death?.died_on);
    let told = add_months(died_in, 3);
    let person = &mut city.people[at];
    person.pay[0].to = told;
    for form in person.moves.iter_mut().filter(|it| matches!(it.kind, MoveKind::Exit(_))) {
        form.registered = Some(working_day_from(last_day(told), 1));
    }
    if let Some(death) = &mut person.death {
        death.registered_on = first_day(told);
    }
    let case = Case::of(city, "late-death-report", at, "G01|T02|T08|G06", "死亡迟报，停薪滞后；reported late, pay stopped late");
    Some(case.in_months(add_months(died_in, 1), told).with_cost(city))
}

//! What happens to people at work: leave, secondments, sanctions, bonuses. All of it approved, recorded and paid as it should be.

use chrono::NaiveDate;

use super::calendar::{Sex, add_months, first_day, is_working, last_day, month_of, plus, plus_months, working_day_from};
use super::city::{City, Window};
use super::dice::{Dice, Stream};
use super::person::{Attended, Leave, PayKind, Person, Role, Sanction, Secondment, Single};

/// Hosts of people sent outside the city.
pub const ELSEWHERE: [&str; 4] = ["新疆阿瓦提县教育局", "绍兴市委组织部", "浙江省农业农村厅", "四川省马边县人民政府"];

/// Lives two years of working life.
pub fn live(city: &mut City, seed: u64) {
    let mut dice = Dice::new(seed, Stream::Life);
    let years = f64::from(city.window.length()) / 12.0;
    for at in 0..city.people.len() {
        if city.people[at].role != Role::Staff || city.people[at].register.len() != 1 {
            continue;
        }
        let roll = dice.fraction() / years;
        // Yearly rates: leave 5 %, secondment 1.2 %, sanction 0.12 %, kept away without pay 0.04 %.
        if roll < 0.05 {
            take_leave(city, at, &mut dice);
        } else if roll < 0.062 {
            go_elsewhere(city, at, &mut dice);
        } else if roll < 0.0632 {
            be_sanctioned(city, at, &mut dice);
        } else if roll < 0.0636 {
            stay_away_unpaid(city, at, &mut dice);
        }
    }
    year_end_pay(city, &mut dice);
}

/// A day on which something may begin, at least `room` days before the window ends.
fn begin(city: &City, person: &Person, dice: &mut Dice, room: i64) -> Option<NaiveDate> {
    let entered = person.register.first().and_then(|it| it.entered).map_or(first_day(city.window.first), |on| plus(on, 40));
    let earliest = entered.max(first_day(city.window.first));
    let latest = plus(last_day(city.window.last), -room);
    (earliest < latest).then(|| {
        let days = (latest - earliest).num_days();
        working_day_from(plus(earliest, dice.between(0, days) - 1), 1)
    })
}

/// Records a leave from `from` for `days`, with the return to work on the next working day, once that has come.
pub fn leave(window: Window, person: &mut Person, kind: &'static str, from: NaiveDate, days: i64, effect: &'static str) {
    let to = plus(from, days - 1);
    let back = working_day_from(to, 1);
    let returned = (back <= window.as_of).then_some(back);
    person.leaves.push(Leave { kind, from, to, returned, effect });
    be_away(window, person, from, to);
}

/// Takes the working days between two days out of the attendance.
pub fn be_away(window: Window, person: &mut Person, from: NaiveDate, to: NaiveDate) {
    for month in super::calendar::months(month_of(from).max(window.first), month_of(to).min(window.last)) {
        let (start, end) = (from.max(first_day(month)), to.min(last_day(month)));
        let days = start.iter_days().take_while(|day| *day <= end).filter(|day| is_working(*day)).count() as i32;
        let present = super::calendar::working_days_in(month) - days;
        person.attendance.push((month, Attended { present: present.max(0), absent: 0, longest: 0 }));
    }
}

fn take_leave(city: &mut City, at: usize, dice: &mut Dice) {
    let age = city.people[at].age_on(city.window.as_of);
    let female = city.people[at].sex == Sex::Female;
    let (kind, days) = match dice.below(20) {
        0..=4 => ("病假", dice.between(8, 130)),
        5..=8 if female && age < 40 => ("产假", 158),
        5..=8 if age < 42 => ("陪产假", 15),
        9..=10 => ("事假", dice.between(1, 12)),
        11..=12 if age < 36 => ("婚假", 13),
        11..=12 => ("丧假", 3),
        13 => ("工伤假", dice.between(20, 90)),
        14 => ("因公外出", dice.between(3, 40)),
        15 => ("学习进修", dice.between(30, 180)),
        16 => ("因私出国", dice.between(7, 20)),
        _ => ("年休假", dice.between(5, 14)),
    };
    // Some leaves reach beyond tonight: they have no return because nobody is due back.
    let Some(from) = begin(city, &city.people[at], dice, 3) else { return };
    let long_sick = kind == "病假" && days > 62;
    let person = &mut city.people[at];
    leave(city.window, person, kind, from, days, if long_sick { "降低" } else { "无" });
    if long_sick {
        // After two months of illness the pay is cut, from the month after.
        cut_pay(person, add_months(month_of(from), 3), month_of(plus(from, days)), 80);
    }
}

/// Pays only `percent` of the full pay from one month to another.
pub fn cut_pay(person: &mut Person, from: i32, to: i32, percent: i64) {
    let Some(index) = person.pay.iter().position(|it| it.kind == PayKind::Salary && it.from <= from && from <= it.to) else { return };
    let whole = person.pay[index].clone();
    let to = to.min(whole.to);
    if from > to {
        return;
    }
    let mut parts =
        vec![(whole.from, add_months(from, -1), whole.percent), (from, to, percent), (add_months(to, 1), whole.to, whole.percent)];
    parts.retain(|(from, to, percent)| from <= to && *percent > 0);
    person.pay.splice(
        index..=index,
        parts.into_iter().map(|(from, to, percent)| super::person::Pay { unit: whole.unit, kind: whole.kind, from, to, percent }),
    );
}

fn go_elsewhere(city: &mut City, at: usize, dice: &mut Dice) {
    let (kind, months) = match dice.below(10) {
        0..=4 => ("借调", 2 + dice.below(5) as i32),
        5..=6 => ("专班", 2 + dice.below(4) as i32),
        7 => ("挂职", 12),
        8 => ("驻村", 24),
        _ => ("援派", 18),
    };
    let Some(from) = begin(city, &city.people[at], dice, 20) else { return };
    let organs = city.units.iter().filter(|it| it.quotas.first().is_some_and(|quota| quota.kind.is_administrative())).count();
    let elsewhere = (kind == "援派").then_some(ELSEWHERE[0]);
    let unit = elsewhere.is_none().then(|| dice.below(organs));
    second(city.window, &mut city.people[at], kind, (unit, elsewhere), from, months);
}

/// Sends somebody elsewhere for some months, with the return on the next working day, once that has come.
pub fn second(
    window: Window,
    person: &mut Person,
    kind: &'static str,
    (unit, elsewhere): (Option<usize>, Option<&'static str>),
    from: NaiveDate,
    months: i32,
) {
    let to = plus(plus_months(from, months), -1);
    let back = working_day_from(to, 1);
    let returned = (back <= window.as_of).then_some(back);
    person.secondments.push(Secondment { kind, unit, elsewhere, from, to, returned });
    // The own unit's machine does not see them; the host's list goes to the host.
    be_away(window, person, from, to);
}

fn be_sanctioned(city: &mut City, at: usize, dice: &mut Dice) {
    let Some(from) = begin(city, &city.people[at], dice, 60) else { return };
    let person = &mut city.people[at];
    let sanction = match dice.below(6) {
        0 => {
            // In custody: only a living allowance from the next month on.
            cut_pay(person, add_months(month_of(from), 1), 999_912, 31);
            Sanction { kind: "刑事拘留", from, to: None, effect: "75%生活费" }
        }
        1 => {
            cut_pay(person, add_months(month_of(from), 1), add_months(month_of(from), 6), 60);
            Sanction { kind: "停职", from, to: Some(plus_months(from, 6)), effect: "降低" }
        }
        _ => Sanction { kind: "警告处分", from, to: Some(plus_months(from, 6)), effect: "无" },
    };
    if matches!(sanction.kind, "刑事拘留" | "停职") {
        let to = sanction.to.unwrap_or(last_day(city.window.last));
        be_away(city.window, person, from, to);
    }
    person.sanctions.push(sanction);
}

/// Start-up leave keeps the insurance, unpaid leave of the old kind keeps nothing; neither is paid.
fn stay_away_unpaid(city: &mut City, at: usize, dice: &mut Dice) {
    let Some(from) = begin(city, &city.people[at], dice, 120) else { return };
    let old_kind = dice.chance(0.35);
    unpaid_leave(city.window, &mut city.people[at], from, old_kind);
}

/// Leave for years without pay, still running.
pub fn unpaid_leave(window: Window, person: &mut Person, from: NaiveDate, old_kind: bool) {
    let to = plus(plus_months(from, 36), -1);
    let kind = if old_kind { "停薪留职" } else { "离岗创业" };
    person.leaves.push(Leave { kind, from, to, returned: None, effect: "停发" });
    be_away(window, person, from, last_day(window.last));
    person.stop_pay_after(month_of(from));
    if old_kind {
        person.stop_insurance_after(month_of(from));
    }
    if let Some(job) = person.jobs.last_mut() {
        job.off_post = true;
    }
}

/// Organs pay a bonus for the year in January, also to those who retired or left during it.
fn year_end_pay(city: &mut City, dice: &mut Dice) {
    let januaries: Vec<i32> = super::calendar::months(city.window.first, city.window.last).filter(|month| month % 100 == 1).collect();
    let first = city.window.first;
    for person in &mut city.people {
        let Some(spell) = person.register.last() else { continue };
        if !spell.quota.is_administrative() {
            continue;
        }
        let unit = spell.unit;
        for january in &januaries {
            let year = january / 100 - 1;
            let entered_before = spell.entered.is_none_or(|on| month_of(on) <= year * 100 + 6);
            let left_before = spell.exited.is_some_and(|(on, _)| month_of(on) < year * 100 + 6);
            if entered_before && !left_before && person.death.is_none() {
                let gross_fen = super::pay::gross(person, first, *january) * (12 + dice.below(4) as i64) / 10;
                person.singles.push(Single { unit, kind: PayKind::Performance, month: *january, gross_fen, arrears: None });
            }
        }
    }
}

//! The look-alikes: people whose rows resemble a case and who have done nothing. Nobody here may be accused; a finding about the
//! quality of a row is no accusation.

use std::collections::BTreeMap;

use super::calendar::{Sex, add_months, day_in, first_day, last_day, month_of, months_between, plus, working_day_from, working_days_in};
use super::city::{AID_HOST, City};
use super::dice::{Dice, Stream};
use super::life::{self, ELSEWHERE};
use super::maker::Maker;
use super::names::Names;
use super::person::{
    Attended, Death, Employer, Insured, Job, JobKind, Leave, Move, MoveKind, Pay, PayKind, Person, Reason, Register, Repeat, Role, Scheme,
    Single,
};
use super::units::QuotaType;

/// Somebody who must not be accused.
#[derive(Clone, Debug)]
pub struct Innocent {
    /// What makes them look guilty.
    pub kind: &'static str,
    /// Who, by index.
    pub person: usize,
    /// Why they are not.
    pub why: &'static str,
}

/// A story: how often at full size, its name, why it is innocent, and how it happens to somebody.
type Story = (u32, &'static str, &'static str, fn(&mut City, &mut Dice) -> Option<usize>);

const STORIES: &[Story] = &[
    (4, "died-one-month-of-lag", "死亡次月多发一个月，随后停发；one more salary was under way when the death became known", died_with_lag),
    (3, "death-benefit", "以死者名义发放的丧葬抚恤金；a death benefit paid under the dead person's number", death_benefit),
    (8, "arrears-after-leaving", "离职、退休后补发在职期间工资；arrears for months of work, paid later", arrears_after_leaving),
    (4, "leave-renewed", "假期届满前已续假；the leave was renewed before it ended", leave_renewed),
    (4, "return-not-recorded", "已返岗但未销假，考勤正常；came back, as attendance shows, and nobody noted it", return_not_recorded),
    (4, "certificate-came-late", "考勤记旷工，病假证明后补；marked absent, the sick leave was approved afterwards", certificate_came_late),
    (3, "new-kind-of-leave", "新增假别，编码表尚无；a kind of leave that the mapping does not know yet", new_kind_of_leave),
    (6, "short-absence", "短期旷工，未达期限；absent for some days, below every limit", short_absence),
    (4, "unpaid-leave", "经批准离岗创业，停发工资；approved leave without pay", unpaid_leave),
    (5, "on-secondment", "经批准借调，未到期；on an approved secondment that has not ended", on_secondment),
    (4, "on-posting", "挂职、驻村，未到期；on a posting that has not ended", on_posting),
    (2, "aid-worker", "援派期间由受援单位参加工伤保险；insured against accidents by the host of an aid posting", aid_worker),
    (5, "transfer-month-split", "调动当月两单位各发一半；each unit paid half of the month of the move", transfer_split),
    (5, "pay-moved-a-month-later", "工资关系次月转移；the old unit paid one more month, the new one began after it", pay_moved_later),
    (8, "earlier-employer", "入编前在企业参保；insured by an enterprise before coming on a quota", earlier_employer),
    (2, "old-contributions-made-up", "原单位补缴入编前社保费；contributions for months before the entry, paid later", made_up),
    (4, "concurrent-post", "兼任职务，不占编；a second post held concurrently, without a quota", concurrent_post),
    (3, "exit-pending", "离职手续在五个工作日期限内；the exit is still within its five working days", exit_pending),
    (3, "line-corrected", "冲正后重发；a line was reversed and written again", line_corrected),
    (3, "split-funding", "工资由两个科目分别列支；one salary from two funds", split_funding),
    (12, "shared-account", "夫妻共用工资账户；a married couple on one account", shared_account),
    (30, "rehired-retiree", "退休返聘，领取劳务费；re-hired after retirement, paid a fee beside the pension", rehired),
    (5, "namesake-died", "与死亡人员同名；somebody else of that name died", namesake_died),
    (4, "namesake-elsewhere", "与外地企业职工同名；somebody else of that name works for an enterprise elsewhere", namesake_elsewhere),
];

/// Puts the look-alikes into the city, and names those whom life has made already.
pub fn inject(city: &mut City, seed: u64) -> Vec<Innocent> {
    let mut dice = Dice::new(seed, Stream::Innocent);
    let mut all = Vec::new();
    for (at_full_size, kind, why, story) in STORIES {
        // One row that cannot be read is too large a share of a small city's leaves: there the night would leave the feed out.
        let least = u32::from(*kind != "new-kind-of-leave");
        for _ in 0..city.scale.people(*at_full_size).max(least) {
            all.extend(story(city, &mut dice).map(|person| Innocent { kind, person, why }));
        }
    }
    all.extend(named_by_life(city));
    all
}

/// Those whom everyday life made look guilty: the first few of each.
fn named_by_life(city: &mut City) -> Vec<Innocent> {
    type Look = (usize, &'static str, &'static str, fn(&Person, &City) -> bool);
    const LOOKS: &[Look] = &[
        (6, "retired-last-month", "上月退休，当月照发，次月停发；retired last month, that month was still paid", retired_last_month),
        (6, "retires-this-month", "本月到龄，手续办理中；reaches the age this month", retires_this_month),
        (5, "died-in-service", "死亡当月工资照发；paid for the month of death and no longer", died_in_service),
        (5, "bonus-after-leaving", "离任后发放上年度绩效；last year's bonus came after the exit", bonus_after_leaving),
        (6, "transferred", "调动手续齐全；moved within the city, everything in time", transferred),
        (6, "hired-last-month", "上月新入编；came on a quota last month", hired_last_month),
        (6, "maternity-leave", "产假期内；on maternity leave", |it, _| on_leave(it, "产假")),
        (6, "long-sick-leave", "长期病假，已减发；long ill, pay reduced", |it, _| {
            it.leaves.iter().any(|leave| leave.effect == "降低")
        }),
        (3, "in-custody", "刑拘期间只发生活费；in custody, on a living allowance", |it, _| {
            it.sanctions.iter().any(|sanction| sanction.kind == "刑事拘留")
        }),
        (6, "survivor", "遗属生活困难补助；a survivor's allowance", |it, _| it.role == Role::Survivor),
        (4, "expert", "一次性评审劳务；a fee for one piece of work", |it, _| it.role == Role::Expert),
        (6, "contract-staff", "编外合同聘用；contract staff without a quota", |it, _| it.role == Role::NonQuota),
        (6, "retired-on-treasury", "由财政发放离退休费；retirement pay from the treasury", |it, _| {
            it.role == Role::Retiree && !it.pay.is_empty()
        }),
    ];
    let mut all = Vec::new();
    for (most, kind, why, look) in LOOKS {
        let who: Vec<usize> =
            (0..city.people.len()).filter(|at| !city.people[*at].marked && look(&city.people[*at], city)).take(*most).collect();
        for person in who {
            city.people[person].mark();
            all.push(Innocent { kind, person, why });
        }
    }
    all.extend(namesakes(city));
    all
}

/// Pairs of staff who share a name: both of the first twenty pairs.
fn namesakes(city: &City) -> Vec<Innocent> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, person) in city.people.iter().enumerate() {
        if person.role == Role::Staff && !person.marked {
            by_name.entry(&person.name).or_default().push(at);
        }
    }
    let why = "同名不同人；another of the staff has the same name";
    by_name.into_values().filter(|it| it.len() > 1).take(20).flatten().map(|person| Innocent { kind: "namesake", person, why }).collect()
}

fn retired_last_month(person: &Person, city: &City) -> bool {
    left_in(person, Reason::Retirement, city.window.last)
}

fn left_in(person: &Person, reason: Reason, month: i32) -> bool {
    person.role == Role::Leaver && person.moves.iter().any(|it| it.kind == MoveKind::Exit(reason) && month_of(it.effective) == month)
}

fn retires_this_month(person: &Person, city: &City) -> bool {
    person.role == Role::Staff
        && muster_core::retirement::retirement_month(person.birth, person.category) == add_months(city.window.last, 1)
}

fn died_in_service(person: &Person, _: &City) -> bool {
    person.role == Role::Leaver && person.death.is_some()
}

fn bonus_after_leaving(person: &Person, _: &City) -> bool {
    let left = person.register.last().and_then(|it| it.exited).map(|(on, _)| month_of(on));
    person.role == Role::Leaver
        && left.is_some_and(|left| person.singles.iter().any(|it| it.kind == PayKind::Performance && it.month > left))
}

fn transferred(person: &Person, _: &City) -> bool {
    person.role == Role::Staff && person.moves.iter().any(|it| it.kind == MoveKind::Transfer)
}

fn hired_last_month(person: &Person, city: &City) -> bool {
    person.role == Role::Staff && person.register[0].entered.is_some_and(|on| month_of(on) == city.window.last)
}

fn on_leave(person: &Person, kind: &str) -> bool {
    person.leaves.iter().any(|it| it.kind == kind)
}

fn take_staff(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let since = city.window.first;
    city.take(dice, |person, units| person.is_ordinary_since(since) && person.unit().is_some_and(|unit| units[unit].keeps_attendance))
}

/// Takes somebody who left for this reason, between two numbers of months ago, and was simply paid until then.
fn take_leaver(city: &mut City, dice: &mut Dice, reason: Reason, ago: std::ops::RangeInclusive<i32>) -> Option<usize> {
    let last = city.window.last;
    city.take(dice, |person, _| person.pay.len() == 1 && ago.clone().any(|ago| left_in(person, reason, add_months(last, -ago))))
}

fn died_with_lag(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_leaver(city, dice, Reason::Death, 1..=20)?;
    let pay = &mut city.people[at].pay[0];
    pay.to = add_months(pay.to, 1);
    Some(at)
}

fn death_benefit(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_leaver(city, dice, Reason::Death, 2..=20)?;
    let person = &mut city.people[at];
    let (unit, month) = (person.pay[0].unit, add_months(person.pay[0].to, 2));
    let gross_fen = person.gross_fen * 20;
    person.singles.push(Single { unit, kind: PayKind::Survivor, month, gross_fen, arrears: None });
    Some(at)
}

fn arrears_after_leaving(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let reason = *dice.pick(&[Reason::Retirement, Reason::Retirement, Reason::Resignation]);
    let at = take_leaver(city, dice, reason, 3..=16)?;
    let person = &mut city.people[at];
    let (unit, left) = (person.pay[0].unit, person.pay[0].to);
    let arrears = Some((add_months(left, -3), left));
    let single = Single { unit, kind: PayKind::Arrears, month: add_months(left, 2), gross_fen: person.gross_fen * 9 / 100, arrears };
    person.singles.push(single);
    Some(at)
}

fn leave_renewed(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let window = city.window;
    let to = day_in(add_months(window.last, -3), 20);
    let from = plus(to, -60);
    let end = plus(window.as_of, 40);
    let person = &mut city.people[at];
    person.leaves.push(Leave { kind: "病假", from, to, returned: None, effect: "降低" });
    person.leaves.push(Leave { kind: "病假", from: plus(to, 1), to: end, returned: None, effect: "降低" });
    life::be_away(window, person, from, last_day(window.last));
    life::cut_pay(person, add_months(month_of(from), 2), window.last, 80);
    Some(at)
}

fn return_not_recorded(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let window = city.window;
    let to = day_in(add_months(window.last, -4), 12);
    let from = plus(to, -9);
    let person = &mut city.people[at];
    person.leaves.push(Leave { kind: "事假", from, to, returned: None, effect: "无" });
    life::be_away(window, person, from, to);
    Some(at)
}

fn certificate_came_late(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let month = add_months(city.window.last, -2);
    let days = working_days_in(month);
    let absent = days.min(20);
    let person = &mut city.people[at];
    person.attendance.push((month, Attended { present: days - absent, absent, longest: absent }));
    let to = last_day(month);
    let returned = Some(working_day_from(to, 1));
    person.leaves.push(Leave { kind: "病假", from: first_day(month), to, returned, effect: "无" });
    Some(at)
}

fn new_kind_of_leave(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let from = day_in(add_months(city.window.last, -1), 6);
    life::leave(city.window, &mut city.people[at], "独生子女护理假", from, 5, "无");
    Some(at)
}

fn short_absence(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let month = add_months(city.window.last, -(dice.below(6) as i32));
    let absent = 2 + dice.below(8) as i32;
    let present = working_days_in(month) - absent;
    city.people[at].attendance.push((month, Attended { present, absent, longest: absent }));
    Some(at)
}

fn unpaid_leave(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let from = day_in(add_months(city.window.last, -7.min(city.window.length() - 2)), 10);
    life::unpaid_leave(city.window, &mut city.people[at], from, false);
    Some(at)
}

fn on_secondment(city: &mut City, dice: &mut Dice) -> Option<usize> {
    send(city, dice, "借调", 2, 4)
}

fn on_posting(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let kind = *dice.pick(&["挂职", "驻村"]);
    send(city, dice, kind, 5, 24)
}

/// Sends somebody to an organ: it began some months ago and lasts longer.
fn send(city: &mut City, dice: &mut Dice, kind: &'static str, ago: i32, months: i32) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let from = day_in(add_months(city.window.last, -ago), 16);
    let host = dice.below(6);
    life::second(city.window, &mut city.people[at], kind, (Some(host), None), from, months);
    Some(at)
}

fn aid_worker(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let from = first_day(add_months(city.window.last, -4));
    let window = city.window;
    let person = &mut city.people[at];
    life::second(window, person, "援派", (None, Some(ELSEWHERE[0])), from, 18);
    person.insured.push(Insured {
        employer: Employer::Outside(AID_HOST),
        scheme: Scheme::Injury,
        from: month_of(from),
        to: window.last,
        made_up_in: None,
    });
    Some(at)
}

/// Takes somebody who moved within the city and was paid by one unit after the other.
fn take_moved(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let last = city.window.last;
    city.take(dice, |person, _| transferred_and_paid_in_turn(person) && months_between(person.pay[0].to, last) >= 3)
}

fn transferred_and_paid_in_turn(person: &Person) -> bool {
    person.role == Role::Staff
        && person.register.len() == 2
        && person.pay.len() == 2
        && person.pay[1].from == add_months(person.pay[0].to, 1)
}

fn transfer_split(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_moved(city, dice)?;
    let pay = &mut city.people[at].pay;
    let month = pay[0].to;
    let new_unit = pay[1].unit;
    let old_unit = pay[0].unit;
    pay[0].to = add_months(month, -1);
    pay.push(Pay { unit: old_unit, kind: PayKind::Salary, from: month, to: month, percent: 46 });
    pay.push(Pay { unit: new_unit, kind: PayKind::Salary, from: month, to: month, percent: 54 });
    Some(at)
}

fn pay_moved_later(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_moved(city, dice)?;
    let pay = &mut city.people[at].pay;
    pay[0].to = add_months(pay[0].to, 1);
    pay[1].from = add_months(pay[1].from, 1);
    Some(at)
}

/// Takes somebody hired well within the window.
fn take_hire(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let window = city.window;
    city.take(dice, |person, _| {
        person.role == Role::Staff
            && person.leaves.is_empty()
            && person.secondments.is_empty()
            && person.moves.len() == 1
            && person.register[0].entered.is_some_and(|on| months_between(window.first, month_of(on)) >= 2)
    })
}

fn earlier_employer(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_hire(city, dice)?;
    let first = city.window.first;
    let person = &mut city.people[at];
    let to = add_months(month_of(person.register[0].entered?), -1);
    let employer = Employer::Outside(2 + dice.below(5));
    person.insured.push(Insured { employer, scheme: Scheme::Enterprise, from: first, to, made_up_in: None });
    Some(at)
}

fn made_up(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_hire(city, dice)?;
    let last = city.window.last;
    let person = &mut city.people[at];
    let to = add_months(month_of(person.register[0].entered?), -1);
    let employer = Employer::Outside(2 + dice.below(5));
    person.insured.push(Insured { employer, scheme: Scheme::Enterprise, from: to, to, made_up_in: Some(last) });
    Some(at)
}

fn concurrent_post(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let administrative = city.people[at].register[0].quota.is_administrative();
    let own = city.people[at].unit()?;
    let unit = (0..city.units.len())
        .find(|it| *it != own && city.units[*it].quotas.first().is_some_and(|quota| quota.kind.is_administrative() == administrative))?;
    let quota = city.units[unit].quotas.first().map_or(QuotaType::Institution, |it| it.kind);
    let entered = Some(day_in(add_months(city.window.first, 1), 12));
    // First in the list, so that the last spell stays the one that fills a place.
    city.people[at].register.insert(0, Register { unit, quota, counts: false, entered, document: None, exited: None });
    Some(at)
}

fn exit_pending(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let on = working_day_from(city.window.as_of, -2 - dice.below(2) as i32);
    let person = &mut city.people[at];
    let spell = person.register.last()?.clone();
    person.moves.push(Move {
        kind: MoveKind::Exit(Reason::Resignation),
        from: Some(spell.unit),
        to: None,
        quota: spell.quota,
        effective: on,
        registered: None,
    });
    if let Some(job) = person.jobs.last_mut() {
        job.end = Some((on, Reason::Resignation));
    }
    Some(at)
}

fn line_corrected(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let month = add_months(city.window.last, -(dice.below(5) as i32));
    city.people[at].repeated.push((month, Repeat::Corrected));
    Some(at)
}

fn split_funding(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let pay = &mut city.people[at].pay;
    let other = Pay { percent: 35, ..pay[0].clone() };
    pay[0].percent = 65;
    pay.push(other);
    Some(at)
}

fn shared_account(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let (sex, birth) = (city.people[at].sex, city.people[at].birth);
    let since = city.window.first;
    let spouse = city
        .take(dice, |person, _| person.is_ordinary_since(since) && person.sex != sex && (person.birth - birth).num_days().abs() < 2_500)?;
    city.people[spouse].account = city.people[at].account.clone();
    Some(if city.people[at].sex == Sex::Female { at } else { spouse })
}

fn rehired(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let as_of = city.window.as_of;
    let (first, last) = (city.window.first, city.window.last);
    let at = city.take(dice, |person, _| {
        person.role == Role::Retiree && person.pay.is_empty() && person.death.is_none() && person.age_on(as_of) < 72
    })?;
    let units = city.units.iter().filter(|it| it.exists()).count();
    let unit = dice.below(units);
    let from = add_months(first, dice.below(4) as i32);
    let person = &mut city.people[at];
    person.jobs.push(Job { unit, kind: JobKind::Rehired, off_post: false, start: Some(first_day(from)), end: None });
    person.pay.push(Pay { unit, kind: PayKind::Rehired, from, to: last, percent: 45 });
    Some(at)
}

/// Somebody else: another number, the same name and sex, and of about the same age.
fn double(city: &mut City, dice: &mut Dice, at: usize) -> Person {
    let mut maker = Maker { dice: Dice::new(dice.below(1 << 40) as u64, Stream::Innocent), names: Names::new() };
    let (sex, category) = (city.people[at].sex, city.people[at].category);
    let birth = plus(city.people[at].birth, dice.between(-3_000, 3_000));
    let mut other = city.somebody(&mut maker, sex, category, birth, Role::Citizen);
    other.name.clone_from(&city.people[at].name);
    other.mark();
    other
}

fn namesake_died(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let died_on = day_in(add_months(city.window.last, -(2 + dice.below(8) as i32).min(city.window.length() - 1)), 9);
    let mut other = double(city, dice, at);
    other.death = Some(Death { died_on, registered_on: plus(died_on, 4) });
    city.people.push(other);
    Some(at)
}

fn namesake_elsewhere(city: &mut City, dice: &mut Dice) -> Option<usize> {
    let at = take_staff(city, dice)?;
    let mut other = double(city, dice, at);
    let employer = Employer::Outside(2 + dice.below(5));
    other.insured.push(Insured { employer, scheme: Scheme::Enterprise, from: city.window.first, to: city.window.last, made_up_in: None });
    city.people.push(other);
    Some(at)
}

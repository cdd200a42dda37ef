//! What happens to numbers and names between a card and a file. The rates are proposed defaults for 14,000 people.
//!
//! Nobody becomes unrecognisable: a number that is wrong by one character is one step from exactly one real number and stands beside
//! the right name, a number that is missing stands beside name, birth date and unit. Only the reader of the file can be blamed for
//! what follows from it.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::calendar::add_months;
use super::city::City;
use super::dice::{Dice, Stream};
use super::innocent::Innocent;
use super::number;
use super::person::{PayKind, Person, Role, Slip, Source};
use super::truth::Case;
use super::{calendar, names};

/// What was damaged: the cases for the data owners.
#[derive(Debug, Default)]
pub struct Damaged {
    /// Numbers that are wrong in some department.
    pub cases: Vec<Case>,
    /// The people concerned, whom nobody may accuse.
    pub innocent: Vec<Innocent>,
}

/// One kind of slip: where, to how many in a thousand, and how.
type Kind = (Source, f64, fn(&mut Dice, &Person) -> Option<Written>);

/// What a slip leaves on paper.
struct Written {
    id: Option<String>,
    name: Option<String>,
    /// Whether the number is wrong and not merely written oddly.
    wrong: bool,
}

const KINDS: &[Kind] = &[
    (Source::Finance, 4.0, |dice, it| Some(wrong(substituted(dice, &it.id)))),
    (Source::Hr, 2.0, |dice, it| Some(wrong(substituted(dice, &it.id)))),
    (Source::Insurance, 4.0, |dice, it| Some(wrong(substituted(dice, &it.id)))),
    (Source::Finance, 1.0, |dice, it| Some(wrong(transposed(dice, &it.id)?))),
    (Source::Insurance, 1.0, |dice, it| Some(wrong(transposed(dice, &it.id)?))),
    (Source::Finance, 0.5, |_, it| Some(wrong(it.id[..17].to_owned()))),
    (Source::Insurance, 0.5, |_, it| Some(wrong(format!("{}{}", it.id, &it.id[17..])))),
    (Source::Insurance, 0.5, |_, it| Some(odd(it.id.contains('0').then(|| it.id.replacen('0', "O", 1))?))),
    (Source::Insurance, 0.5, |_, it| Some(odd(it.id.ends_with('X').then(|| it.id.replace('X', "×"))?))),
    (Source::Hr, 1.0, |_, _| Some(wrong(String::new()))),
    (Source::Insurance, 3.0, |_, _| Some(wrong(String::new()))),
    (Source::Finance, 10.0, |dice, it| Some(odd(spaced(dice, &it.id)))),
    (Source::Hr, 10.0, |dice, it| Some(odd(spaced(dice, &it.id)))),
    (Source::Finance, 3.0, |_, it| Some(odd(full_width(&it.id)))),
    (Source::Organization, 2.0, |_, it| Some(odd(full_width(&it.id)))),
    (Source::Hr, 5.0, |_, it| Some(odd(format!("'{}", it.id)))),
    (Source::Finance, 5.0, |_, it| Some(odd(fifteen(it)?))),
    (Source::Hr, 5.0, |_, it| Some(odd(fifteen(it)?))),
    (Source::Finance, 80.0, |_, it| Some(odd(lower_x(it)?))),
    (Source::Insurance, 80.0, |_, it| Some(odd(lower_x(it)?))),
    (Source::Finance, 300.0, |_, it| Some(named(names::variant(&it.name)?))),
    (Source::Insurance, 500.0, |_, it| Some(named(names::variant(&it.name)?))),
    (Source::Finance, 8.0, |_, it| Some(named(names::misheard(&it.name)?))),
    (Source::Hr, 2.0, |_, it| Some(named(names::misheard(&it.name)?))),
];

fn wrong(id: String) -> Written {
    Written { id: Some(id), name: None, wrong: true }
}

fn odd(id: String) -> Written {
    Written { id: Some(id), name: None, wrong: false }
}

fn named(name: String) -> Written {
    Written { id: None, name: Some(name), wrong: false }
}

/// Damages rows of people who have no part in a story: at most one slip a person.
pub fn inject(city: &mut City, seed: u64) -> Damaged {
    let mut dice = Dice::new(seed, Stream::Damage);
    let mut damaged = Damaged::default();
    let common = name_counts(city);
    for at in 0..city.people.len() {
        if city.people[at].marked {
            continue;
        }
        for (source, in_a_thousand, how) in KINDS {
            if !dice.chance(in_a_thousand / 1000.0) || !writes(*source, &city.people[at]) {
                continue;
            }
            let Some(written) = how(&mut dice, &city.people[at]) else { continue };
            if written.wrong && !stays_recognisable(city, at, &written, &common) {
                continue;
            }
            slip(city, at, *source, written, &mut dice, &mut damaged);
            break;
        }
    }
    retirees_with_old_cards(city, &mut dice);
    spreadsheets(city, &mut dice, &mut damaged);
    damaged
}

/// Writes the number of every second one of the guilty of a kind wrongly in one department: a wrong number must not be a place to hide. Who
/// stands in one department alone could not be told by anybody then, and is left alone.
pub fn guilty(city: &mut City, cases: &mut [Case], seed: u64) {
    let mut dice = Dice::new(seed ^ 0x0000_0bad, Stream::Damage);
    let common = name_counts(city);
    let mut met: BTreeMap<&str, u32> = BTreeMap::new();
    for case in cases.iter_mut().filter(|it| !it.rules.contains('Q')) {
        let Some(at) = case.person else { continue };
        let nth = met.entry(case.kind).or_default();
        *nth += 1;
        if !nth.is_multiple_of(2) {
            continue;
        }
        if city.people[at].role == Role::Stranger || !city.people[at].slips.is_empty() {
            continue;
        }
        let sources = [Source::Finance, Source::Hr, Source::Insurance];
        let writing: Vec<Source> = sources.into_iter().filter(|it| writes(*it, &city.people[at])).collect();
        let Some(source) = writing.get(dice.below(writing.len())).copied() else { continue };
        let written = wrong(substituted(&mut dice, &city.people[at].id));
        if stays_recognisable(city, at, &written, &common) {
            (case.damaged, case.written) = (true, written.id.clone());
            city.people[at].slips.push(Slip { source, id: written.id, name: None, months: (0, city.window.last) });
        }
    }
}

/// How many people bear a name and birthday.
fn name_counts(city: &City) -> BTreeMap<(String, NaiveDate), u32> {
    let mut counts = BTreeMap::new();
    for person in &city.people {
        *counts.entry((person.name.clone(), person.birth)).or_default() += 1;
    }
    counts
}

/// Whether a department writes of somebody at all.
fn writes(source: Source, person: &Person) -> bool {
    match source {
        Source::Organization => !person.register.is_empty(),
        Source::Hr => !person.jobs.is_empty(),
        Source::Finance => !person.pay.is_empty(),
        Source::Insurance => !person.insured.is_empty(),
    }
}

/// Whether the row still points at one person: a wrong number is one step from no other number, and a missing one stands beside a
/// name and birthday that nobody else has.
fn stays_recognisable(city: &City, at: usize, written: &Written, common: &BTreeMap<(String, NaiveDate), u32>) -> bool {
    let person = &city.people[at];
    match written.id.as_deref() {
        Some("") => common.get(&(person.name.clone(), person.birth)) == Some(&1),
        Some(id) if id.len() == 18 && id.is_ascii() => {
            !number::checks(id) && neighbours(id).into_iter().all(|near| near == person.id || !city.has_number(&near))
        }
        _ => true,
    }
}

/// Every number that differs from `id` by one character or by two neighbours that changed places.
fn neighbours(id: &str) -> Vec<String> {
    let letters: Vec<char> = id.chars().collect();
    let mut all = Vec::new();
    for at in 0..letters.len() {
        for letter in "0123456789X".chars().filter(|it| *it != letters[at]) {
            let mut near = letters.clone();
            near[at] = letter;
            all.push(near.iter().collect());
        }
        if at + 1 < letters.len() && letters[at] != letters[at + 1] {
            let mut near = letters.clone();
            near.swap(at, at + 1);
            all.push(near.iter().collect());
        }
    }
    all
}

fn slip(city: &mut City, at: usize, source: Source, written: Written, dice: &mut Dice, damaged: &mut Damaged) {
    // Half of the wrong numbers were found and put right some time ago, in departments that write every month.
    let monthly = matches!(source, Source::Finance | Source::Insurance);
    let until = if written.wrong && monthly && dice.chance(0.5) {
        let mended = add_months(city.window.last, -(1 + dice.below(city.window.length() as usize / 2) as i32));
        let person = &city.people[at];
        let pay = person.pay.iter().map(|it| it.from);
        let since = if matches!(source, Source::Finance) { pay.min() } else { person.insured.iter().map(|it| it.from).min() };
        // Who came after the mending was never written wrongly.
        if since.is_none_or(|it| it <= mended) { mended } else { city.window.last }
    } else {
        city.window.last
    };
    if written.wrong {
        let (kind, rules) = match written.id.as_deref() {
            Some("") => ("id-missing", "Q08"),
            _ => ("id-wrong", "Q01"),
        };
        let note = format!("{}：{}", source.label(), written.id.as_deref().unwrap_or_default());
        damaged.cases.push(Case { written: written.id.clone(), ..Case::of(city, kind, at, rules, &note) });
        damaged.innocent.push(Innocent { kind: "mistyped-id", person: at, why: "证件号码录入错误；somebody mistyped the number" });
    } else if damaged.innocent.iter().filter(|it| it.kind == "oddly-written").count() < 20 {
        let why = "证件号码或姓名书写不规范；the number or name is written oddly";
        damaged.innocent.push(Innocent { kind: "oddly-written", person: at, why });
    }
    let person = city.people[at].mark();
    person.slips.push(Slip { source, id: written.id, name: written.name, months: (0, until) });
}

impl Source {
    /// The department's name.
    pub fn label(self) -> &'static str {
        match self {
            Source::Organization => "编办 organization",
            Source::Hr => "人社 HR",
            Source::Finance => "财政 finance",
            Source::Insurance => "社保 insurance",
        }
    }
}

fn substituted(dice: &mut Dice, id: &str) -> String {
    let at = dice.below(17);
    let mut bytes = id.as_bytes().to_vec();
    bytes[at] = b'0' + (bytes[at] - b'0' + 1 + dice.below(9) as u8) % 10;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn transposed(dice: &mut Dice, id: &str) -> Option<String> {
    let mut bytes = id.as_bytes().to_vec();
    let places: Vec<usize> = (0..16).filter(|at| bytes[*at] != bytes[at + 1]).collect();
    let at = *places.get(dice.below(places.len()))?;
    bytes.swap(at, at + 1);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn spaced(dice: &mut Dice, id: &str) -> String {
    match dice.below(4) {
        0 => format!("{id} "),
        1 => format!("\u{a0}{id}"),
        2 => format!("{} {} {}", &id[..6], &id[6..14], &id[14..]),
        _ => format!("{id}\u{3000}"),
    }
}

fn full_width(id: &str) -> String {
    id.chars().filter_map(|letter| char::from_u32(letter as u32 + 0xFEE0)).collect()
}

/// The old number, of those old enough to have had one.
fn fifteen(person: &Person) -> Option<String> {
    (person.birth.year() < 1983).then(|| number::fifteen(&person.id))
}

fn lower_x(person: &Person) -> Option<String> {
    person.id.ends_with('X').then(|| person.id.to_lowercase())
}

/// One retiree in ten is still paid under the number of the old card.
fn retirees_with_old_cards(city: &mut City, dice: &mut Dice) {
    for person in city.people.iter_mut().filter(|it| it.role == Role::Retiree && !it.marked) {
        if dice.chance(0.1) {
            person.slips.push(Slip { source: Source::Finance, id: Some(number::fifteen(&person.id)), name: None, months: (0, 999_912) });
        }
    }
}

/// Once a year the list of one middle-sized payer goes through a spreadsheet, which keeps fifteen digits of a number.
fn spreadsheets(city: &mut City, dice: &mut Dice, damaged: &mut Damaged) {
    let middling: Vec<usize> = (0..city.units.len())
        .filter(|at| {
            let staff = city.units[*at].quotas.iter().map(|it| it.actual).sum::<u32>();
            (10..=90).contains(&staff)
        })
        .collect();
    for march in calendar::months(city.window.first, city.window.last).filter(|it| it % 100 == 3) {
        let Some(unit) = middling.get(dice.below(middling.len())).copied() else { break };
        for at in 0..city.people.len() {
            let person = &city.people[at];
            let on_list = person.pay.iter().any(|it| it.kind == PayKind::Salary && it.unit == unit && it.from <= march && march <= it.to);
            if !on_list || person.marked || !loses_digits(city, at) {
                continue;
            }
            let id = Some(format!("{}000", &person.id[..15]));
            let note = format!("{}：{march} 经表格软件截断；cut to fifteen digits by a spreadsheet", Source::Finance.label());
            damaged.cases.push(Case::of(city, "id-cut-by-spreadsheet", at, "Q02", &note));
            let person = city.people[at].mark();
            person.slips.push(Slip { source: Source::Finance, id, name: None, months: (march, march) });
        }
    }
}

/// Numbers that end in X are text and survive. Of the others, one in eleven would still agree with its check digit, and one in some
/// thousand would agree with a neighbour's first fifteen: those rows are left whole, because no reader could tell.
fn loses_digits(city: &City, at: usize) -> bool {
    let id = &city.people[at].id;
    let cut = format!("{}000", &id[..15]);
    !id.ends_with('X') && cut != *id && !number::checks(&cut) && city.numbers_beginning_with(&id[..15]) == 1
}

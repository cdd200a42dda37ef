//! The city as departments would deliver it: the published figures exactly, chance by seed alone, and nobody guilty beyond the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_core::diag::Source;
use muster_core::map::prove;
use muster_core::mapping;

use super::calendar::{last_day, month_of, months, months_between, working_days};
use super::person::{MoveKind, PayKind, Person, Role};
use super::scale::published;
use super::units::Unit;
use super::*;
use crate::shipped;

fn plan(seed: u64, people: usize, months: u32) -> Plan {
    on_night("2026-11-15", seed, people, months)
}

fn on_night(as_of: &str, seed: u64, people: usize, months: u32) -> Plan {
    Plan { seed, people, months, as_of: as_of.parse().expect("a date of the test"), lang: Lang::Zh, noisy: false }
}

/// Places filled on the last day of the window, by the register, in a group of quotas.
fn filled(city: &City, administrative: bool) -> usize {
    let last = last_day(city.window.last);
    let spells = city.people.iter().flat_map(|it| &it.register);
    spells
        .filter(|it| it.counts && it.quota.is_administrative() == administrative)
        .filter(|it| it.entered.is_none_or(|on| on <= last) && it.exited.is_none_or(|(on, _)| on > last))
        .count()
}

fn approved(city: &City, administrative: bool) -> u32 {
    let quotas = city.units.iter().flat_map(|it| &it.quotas);
    quotas.filter(|it| it.kind.is_administrative() == administrative).map(|it| it.approved).sum()
}

#[test]
fn the_true_city_has_the_published_figures() {
    for seed in [1, 20] {
        let made = Made::new(&plan(seed, TRUE_SIZE, 24));
        let city = &made.city;
        assert_eq!((approved(city, true), filled(city, true)), (2_976, 2_592));
        assert_eq!((approved(city, false), filled(city, false)), (13_244, 11_358));
        let institutions = || city.units.iter().filter(|it| it.is_institution());
        assert_eq!(institutions().filter(|it| it.exists()).count(), 435);
        assert_eq!(institutions().filter(|it| !it.exists()).count(), 50);
        let over = city.units.iter().filter(|it| it.quotas.iter().any(|quota| quota.actual > quota.approved));
        assert_eq!(over.count(), 65);
        assert!(city.units.iter().filter(|it| it.over).all(Unit::is_institution));
        assert_eq!(city.units.iter().filter_map(|it| it.account.as_deref()).collect::<BTreeSet<_>>().len(), 291);
        assert_eq!(city.archive.documents.len(), published::DOCUMENTS as usize);
        assert_eq!(city.archive.documents.iter().map(|it| &it.number).collect::<BTreeSet<_>>().len(), 973);
    }
}

#[test]
fn names_of_units_are_unique() {
    let made = Made::new(&plan(1, TRUE_SIZE, 24));
    let names: Vec<&str> =
        made.city.units.iter().flat_map(|it| std::iter::once(&it.name).chain(&it.short).chain(&it.aliases)).map(String::as_str).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let codes: BTreeSet<&str> = made.city.units.iter().flat_map(|it| [it.code.as_str(), &it.finance_code, &it.uscc]).collect();
    assert_eq!(codes.len(), made.city.units.len() * 3);
}

#[test]
fn every_seed_and_size_has_two_ghosts_and_six_absentees() {
    for (seed, people, months) in [(1, 250, 10), (2, 400, 24), (3, 900, 12), (4, 3_000, 36), (5, 30_000, 24)] {
        let made = Made::new(&plan(seed, people, months));
        let count = |beginning: &str| made.cases.iter().filter(|it| it.kind.starts_with(beginning)).count();
        assert_eq!((count("ghost-"), count("absent-")), (2, 6), "seed {seed}");
        assert!(made.innocent.iter().map(|it| it.kind).collect::<BTreeSet<_>>().len() > 25, "seed {seed}");
    }
}

#[test]
fn numbers_are_valid_and_belong_to_one_person() {
    let made = Made::new(&plan(3, TRUE_SIZE, 24));
    let people = &made.city.people;
    assert!(people.iter().all(|it| number::checks(&it.id)));
    assert_eq!(people.iter().map(|it| &it.id).collect::<BTreeSet<_>>().len(), people.len());
    let born_here_before = people.iter().filter(|it| it.birth < "1995-01-01".parse().expect("a date of the test"));
    assert!(born_here_before.clone().all(|it| !it.id.starts_with("330683")));
    assert!(born_here_before.filter(|it| it.id.starts_with("330623")).count() > people.len() / 2);
    for person in people {
        assert_eq!(person.id.as_bytes()[16] % 2 == 1, person.sex == calendar::Sex::Male);
        assert_eq!(person.id[6..14], person.birth.format("%Y%m%d").to_string());
    }
}

/// A plain reading of the rules: what they would say of somebody, without any of their subtleties but the grace of a month.
fn suspicions(city: &City, person: &Person) -> Vec<&'static str> {
    let window = city.window;
    let mut found = Vec::new();
    let paid = |month: i32| -> Vec<usize> {
        let salary = person.pay.iter().filter(|it| it.kind == PayKind::Salary && it.from <= month && month <= it.to);
        salary.map(|it| it.unit).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let employed = |month: i32| {
        person.jobs.iter().any(|it| it.start.is_none_or(|on| month_of(on) <= month) && it.end.is_none_or(|(on, _)| month_of(on) >= month))
    };
    let registered = |month: i32| {
        person
            .register
            .iter()
            .any(|it| it.entered.is_none_or(|on| month_of(on) <= month) && it.exited.is_none_or(|(on, _)| month_of(on) >= month))
    };
    let insured = |month: i32| person.insured.iter().any(|it| it.from <= month && month <= it.to);
    let transferred = |month: i32| person.moves.iter().any(|it| it.kind == MoveKind::Transfer && month_of(it.effective) == month);
    let left = person.register.last().and_then(|it| it.exited).filter(|(_, why)| *why != person::Reason::Death);
    for month in months(window.first, window.last) {
        let payers = paid(month);
        if payers.is_empty() {
            if registered(month) && !employed(month) && !insured(month) {
                found.push("G08");
            }
            continue;
        }
        if person.death.is_some_and(|it| months_between(month_of(it.died_on), month) > 1) {
            found.push("G01");
        }
        if left.is_some_and(|(on, _)| months_between(month_of(on), month) > 1) {
            found.push("G03, G04 or G05");
        }
        if person.register.is_empty() && person.jobs.is_empty() {
            found.push("G06");
        }
        if registered(month) && !employed(month) {
            found.push("G07");
        }
        if person.pensions.iter().any(|it| it.from <= month && month <= it.to) {
            found.push("G13");
        }
        if payers.len() > 1 && !transferred(month) {
            found.push("D01");
        }
        let elsewhere =
            |it: &&person::Insured| matches!(it.employer, person::Employer::Outside(_)) && it.scheme == person::Scheme::Enterprise;
        if registered(month) && person.insured.iter().filter(elsewhere).any(|it| it.from <= month && month <= it.to) {
            found.push("P13");
        }
    }
    for form in person.moves.iter().filter(|it| matches!(it.kind, MoveKind::Exit(_))) {
        if working_days(form.effective, form.registered.unwrap_or(window.as_of)) > 5 {
            found.push("T02");
        }
    }
    for spell in person.register.iter().filter(|it| it.exited.is_none() && it.counts) {
        let ended = |it: &&person::Job| it.unit == spell.unit && it.end.is_some_and(|(on, _)| working_days(on, window.as_of) > 5);
        if person.jobs.iter().any(|it| ended(&it)) {
            found.push("T02");
        }
    }
    for (month, day) in person.attendance.iter().filter(|(_, it)| it.longest > 15) {
        if !person.leaves.iter().any(|it| month_of(it.from) <= *month && *month <= month_of(it.to)) && !paid(*month).is_empty() {
            found.push(if day.present == 0 { "P01, never there" } else { "P01" });
        }
    }
    let overdue = |to: NaiveDate| months_between(month_of(to), window.last) > 1 && !paid(window.last).is_empty();
    for leave in person.leaves.iter().filter(|it| it.returned.is_none() && overdue(it.to)) {
        let renewed = person.leaves.iter().any(|it| it.from > leave.to);
        let seen = !person.attendance.iter().any(|(month, _)| *month == window.last);
        if !renewed && !seen {
            found.push("P03");
        }
    }
    if person.secondments.iter().any(|it| it.returned.is_none() && overdue(it.to)) {
        found.push("P04");
    }
    if person.repeated.iter().any(|(_, it)| *it == person::Repeat::Twice) {
        found.push("D09");
    }
    let open = person.jobs.iter().filter(|it| it.end.is_none() && it.kind == person::JobKind::OnQuota).count();
    if open > 1 {
        found.push("Q10");
    }
    found
}

#[test]
fn nobody_is_guilty_beyond_the_truth_and_everybody_in_it_is() {
    let cities = [
        ("2026-11-15", 1, TRUE_SIZE, 24),
        ("2026-11-02", 2, 4_000, 24),
        ("2026-03-01", 3, 4_000, 12),
        ("2025-12-31", 4, 800, 24),
        ("2026-11-15", 5, 250, 10),
        ("2027-02-08", 6, 4_000, 36),
    ];
    for (as_of, seed, people, months) in cities {
        let made = Made::new(&on_night(as_of, seed, people, months));
        let guilty: BTreeMap<usize, &Case> = made.cases.iter().filter_map(|it| it.person.map(|person| (person, it))).collect();
        for (at, person) in made.city.people.iter().enumerate() {
            let found = suspicions(&made.city, person);
            match guilty.get(&at) {
                None => assert!(found.is_empty(), "seed {seed}: {:?} {found:?} {person:#?}", person.role),
                Some(case) if !case.rules.contains("Q0") => {
                    let right = found.iter().any(|it| case.rules.split('|').any(|rule| it.contains(rule)));
                    assert!(right, "seed {seed}: {} {found:?} {person:#?}", case.kind);
                    let allowed = |it: &&str| case.rules.split('|').any(|rule| it.contains(rule));
                    assert!(found.iter().all(allowed), "seed {seed}: {} {found:?} {person:#?}", case.kind);
                }
                Some(_) => assert!(found.is_empty(), "seed {seed}: {found:?}"),
            }
        }
        let innocent = made.innocent.iter().filter(|it| guilty.get(&it.person).is_some_and(|case| !case.rules.contains('Q')));
        assert_eq!(innocent.count(), 0, "seed {seed}");
    }
}

#[test]
fn wrong_numbers_are_as_frequent_as_proposed_and_point_at_one_person() {
    let made = Made::new(&plan(1, TRUE_SIZE, 24));
    let wrong: Vec<&person::Slip> = made.city.people.iter().flat_map(|it| &it.slips).collect();
    let share = wrong.len() as f64 / made.city.people.len() as f64;
    assert!((0.02..0.08).contains(&share), "{share}");
    let truncated = made.cases.iter().filter(|it| it.kind == "id-cut-by-spreadsheet").count();
    assert!(truncated > 0);
    for person in &made.city.people {
        for slip in &person.slips {
            let valid = slip.id.as_deref().is_some_and(number::checks);
            assert!(!valid || slip.id.as_deref() == Some(&person.id), "a damaged number must not pass for another");
        }
    }
    assert!(made.city.people.iter().filter(|it| it.role == Role::Stranger).all(|it| it.slips.is_empty()));
}

fn all_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).expect("the folder was just written") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below the folder").to_owned();
                files.insert(name, std::fs::read(&path).expect("it can be read"));
            }
        }
    }
    files
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let mut written = Vec::new();
    for seed in [5, 5, 6] {
        let out = tempfile::tempdir().expect("a folder for the test");
        let told = write(out.path(), &plan(seed, 300, 12), &|_| ()).await.expect("the city is written");
        assert_eq!(told.files.iter().filter(|it| it.exists()).count(), told.files.len());
        written.push((all_files(out.path()), told.rows));
    }
    assert_eq!(written[0].0.keys().collect::<Vec<_>>(), written[1].0.keys().collect::<Vec<_>>());
    for (name, bytes) in &written[0].0 {
        assert!(written[1].0[name] == *bytes, "{} differs", name.display());
    }
    assert_eq!(written[0].1, written[1].1);
    assert!(written[0].0[Path::new("truth.csv")] != written[2].0[Path::new("truth.csv")]);
}

#[tokio::test]
async fn the_mappings_of_the_city_are_proved_by_their_examples() {
    let beside = |name: &str| shipped::MAPPINGS.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
    for name in ["organization", "hr", "finance", "insurance", "deaths"].map(|it| format!("shengzhou-{it}.toml")) {
        let source = Source::new(&name, beside(&name).expect("the mapping is shipped"));
        let mapping = mapping::read(&source, &beside).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}"));
        assert!(mapping.feeds.iter().all(|it| !it.examples.is_empty()));
        for proof in prove(&mapping).await {
            assert!(proof.ok, "{name} {} {}: expected {}, found {}", proof.feed, proof.n, proof.expected, proof.found);
        }
    }
}

#[test]
fn who_leads_has_no_part_in_a_story_and_leads_one_unit() {
    let made = Made::new(&plan(1, 4_000, 24));
    let (city, end) = (&made.city, last_day(made.city.window.last));
    let held: Vec<&posts::Post> =
        city.posts.iter().filter(|it| !it.concurrent && it.from <= end && it.to.is_none_or(|to| to > end)).collect();
    let people: BTreeSet<usize> = held.iter().map(|it| it.person).collect();
    assert_eq!(people.len(), held.len(), "nobody has two main posts");
    assert!(people.iter().all(|it| !city.people[*it].marked) && city.posts.iter().any(|it| it.concurrent));
    let told: BTreeSet<usize> = made.cases.iter().filter(|it| it.rules == "E02").filter_map(|it| it.unit).collect();
    for unit in (0..city.units.len()).filter(|it| city.units[*it].exists()) {
        let deputies = held.iter().filter(|it| it.unit == unit && it.class == posts::Class::Deputy).count();
        let approved = posts::approved(&city.units[unit], posts::Class::Deputy).unwrap_or(0) as usize;
        assert_eq!(deputies > approved, told.contains(&unit), "{}", city.units[unit].name);
    }
}

#[test]
fn the_noisy_city_has_every_kind_with_right_and_with_wrong_numbers() {
    let noisy = Made::new(&Plan { noisy: true, ..plan(1, 4_000, 24) });
    let mut kinds: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for case in noisy.cases.iter().filter(|it| it.person.is_some() && !it.rules.contains('Q')) {
        kinds.entry(case.kind).or_default()[usize::from(case.damaged)] += 1;
    }
    assert!(kinds.len() >= 30, "{kinds:?}");
    assert!(kinds.values().all(|[clean, _]| *clean > 0), "{kinds:?}");
    assert!(kinds.values().filter(|[_, damaged]| *damaged > 0).count() >= 25, "{kinds:?}");
    let quiet = Made::new(&plan(1, 4_000, 24));
    assert!(quiet.cases.iter().all(|it| !it.damaged) && quiet.cases.len() < noisy.cases.len());
}

//! Leading posts: who leads which unit, since when, and which chief leads a smaller unit beside the own one.
//!
//! Posts are thrown last and with dice of their own, among people who have no part in a story: a city with them is, person by person and
//! payment by payment, the city without them.

use chrono::NaiveDate;

use super::calendar::{add_months, first_day, last_day, plus, plus_months, working_day_from};
use super::city::City;
use super::dice::{Dice, Stream};
use super::person::Role;
use super::truth::Case;
use super::units::Unit;

/// A class of leading posts, by the establishment office's own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 正职.
    Chief,
    /// 副职.
    Deputy,
}

/// An appointment.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who.
    pub person: usize,
    /// Where.
    pub unit: usize,
    /// Of which class.
    pub class: Class,
    /// Beside the main post.
    pub concurrent: bool,
    /// Since when.
    pub from: NaiveDate,
    /// Until when; None: in force.
    pub to: Option<NaiveDate>,
}

/// How many leading posts of a class a unit may have: one chief, and deputies by size. None where nothing is approved.
pub fn approved(unit: &Unit, class: Class) -> Option<u32> {
    let places: u32 = unit.quotas.iter().map(|it| it.approved).sum();
    (unit.exists() && !unit.quotas.is_empty()).then(|| match class {
        Class::Chief => 1,
        Class::Deputy => (1 + places / 25).min(6),
    })
}

/// Rank of a post's holder: the chief has the unit's own, the deputy the one below.
pub fn rank(unit: &Unit, class: Class) -> usize {
    let of_unit = match unit.kind {
        "organ" | "mass" | "township" => 0,
        "civil-like" => 1,
        _ => 2,
    };
    of_unit + usize::from(class == Class::Deputy)
}

/// Fills the posts of every unit. Nine in ten are held; one unit in seventy has a deputy too many, which the truth tells.
pub fn appoint(city: &mut City, seed: u64) -> Vec<Case> {
    let mut dice = Dice::new(seed, Stream::Posts);
    let window = city.window;
    let mut staff: Vec<Vec<usize>> = vec![Vec::new(); city.units.len()];
    for (at, person) in city.people.iter().enumerate() {
        let settled = person.role == Role::Staff && !person.marked && person.is_ordinary_since(window.first);
        if let Some(spell) = person.register.first().filter(|it| settled && it.counts && person.age_on(window.as_of) >= 30) {
            staff[spell.unit].push(at);
        }
    }
    let roomy = |it: &usize| approved(&city.units[*it], Class::Deputy).is_some_and(|deputies| staff[*it].len() > deputies as usize + 2);
    let mut over: Vec<usize> = (0..city.units.len()).filter(roomy).collect();
    dice.shuffle(&mut over);
    over.truncate((city.units.len() / 70).max(1));
    let mut cases = Vec::new();
    for (unit, mut free) in staff.into_iter().enumerate() {
        let Some(deputies) = approved(&city.units[unit], Class::Deputy) else { continue };
        dice.shuffle(&mut free);
        // A small institution is now and then led by the head of the organ above; nobody else leads it.
        let above = city.units[unit].parent.and_then(|it| chief_of(city, it)).filter(|_| city.units[unit].is_institution());
        if let Some(chief) = above.filter(|_| dice.chance(0.12)) {
            let from = since(city, &mut dice, chief);
            city.posts.push(Post { person: chief, unit, class: Class::Chief, concurrent: true, from, to: None });
        } else if dice.chance(0.94) {
            hold(city, &mut dice, &mut free, unit, Class::Chief);
        }
        let is_over = over.contains(&unit);
        for _ in 0..deputies + u32::from(is_over) {
            if is_over || dice.chance(0.88) {
                hold(city, &mut dice, &mut free, unit, Class::Deputy);
            }
        }
        if is_over {
            cases.push(too_many(unit));
        }
        // Who left a post years ago, and who will take one next month, hold none.
        if dice.chance(0.1)
            && let Some(person) = free.pop()
        {
            let to = working_day_from(plus(first_day(window.first), dice.between(20, 200)), 1);
            city.posts.push(Post { person, unit, class: Class::Deputy, concurrent: false, from: plus_months(to, -60), to: Some(to) });
        }
        if dice.chance(0.02)
            && let Some(person) = free.pop()
        {
            let from = working_day_from(last_day(window.last), 3);
            city.posts.push(Post { person, unit, class: Class::Deputy, concurrent: false, from, to: None });
        }
    }
    cases
}

fn too_many(unit: usize) -> Case {
    Case {
        kind: "over-leader-quota",
        person: None,
        written: None,
        damaged: false,
        unit: Some(unit),
        rules: "E02",
        months: Vec::new(),
        amount_fen: None,
        note: "副职超过核定职数；a deputy more than approved".into(),
    }
}

fn chief_of(city: &City, unit: usize) -> Option<usize> {
    let chief = |it: &&Post| it.unit == unit && it.class == Class::Chief && !it.concurrent && it.to.is_none();
    city.posts.iter().find(chief).map(|it| it.person)
}

fn hold(city: &mut City, dice: &mut Dice, free: &mut Vec<usize>, unit: usize, class: Class) {
    let Some(person) = free.pop() else { return };
    let from = since(city, dice, person);
    city.posts.push(Post { person, unit, class, concurrent: false, from, to: None });
}

/// Some day after they entered and before the last months of the window, fifteen years ago at most.
fn since(city: &City, dice: &mut Dice, person: usize) -> NaiveDate {
    let entered = city.people[person].register.first().and_then(|it| it.entered).unwrap_or(first_day(city.window.first));
    let latest = first_day(add_months(city.window.last, -4));
    let earliest = plus_months(latest, -180).max(plus(entered, 365)).min(latest);
    working_day_from(plus(earliest, dice.between(0, (latest - earliest).num_days()) - 1), 1)
}

//! Two files of people: who of the right file is who of the left.
//!
//! The same idea as the night's linking, for any two files with any columns. It goes from the surest to the least sure:
//!
//! | step        | what it does                                                                                        |
//! |-------------|-----------------------------------------------------------------------------------------------------|
//! | [`exact`]   | equal numbers under equal names; teaches the model how this pair of files agrees                    |
//! | [`key`]     | for everybody else: whom to compare, by keys that join two facts                                    |
//! | [`person`]  | compares: a level of agreement for every field                                                      |
//! | [`weigh`]   | what the levels are worth (Fellegi and Sunter, with frequencies), in bits                           |
//! | [`decide`]  | for each record: its candidates against each other and against nobody                               |
//! | [`complete`]| rows of one person that are found through each other, where a file has people several times         |
//!
//! Two different valid numbers are two people, whatever else agrees. An equal number under another name must be better than any
//! other explanation. Nothing depends on the number of threads, and nothing on the order of rows but where people stand in a file
//! several times: of their rows the earlier ones are asked first.

mod birth;
mod complete;
mod decide;
mod exact;
mod form;
mod group;
mod hash;
mod key;
mod learn;
mod number;
mod person;
mod place;
mod search;
mod side;
mod weigh;

use hashbrown::{HashMap, HashSet};

use birth::Order;
use exact::Exact;
use group::Groups;
use person::{FIELDS_MAX, Levels, MORE_MAX, Person};
use place::Places;
use search::Scored;
use weigh::{Common, Weights};

use super::model::Model;

pub use side::{Evidence, Side, Texts};

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The model to start from.
    pub model: &'a Model,
    /// How many threads compare.
    pub threads: usize,
    /// Both files are one: find who stands in it twice.
    pub same_file: bool,
}

/// One pair of rows that is one person, or may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Row of the left file.
    pub left: u32,
    /// Row of the right file.
    pub right: u32,
    /// The probability that they are one person.
    pub score: f32,
    /// Whether equal numbers and names made it, without any weighing.
    pub exact: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Pairs that are believed, in the order of right rows.
    pub links: Vec<Link>,
    /// Pairs that a person should look at.
    pub reviews: Vec<Link>,
    /// What was done.
    pub tally: Tally,
}

/// What was done, for people who watch drift.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Right rows settled by number and name.
    pub settled: usize,
    /// Right rows that were weighed.
    pub residual: usize,
    /// Pairs compared.
    pub compared: usize,
    /// Keys under which too many met; they were not followed.
    pub crowded: usize,
    /// The largest number of left rows that a key may bring.
    pub crowd: usize,
    /// Of the right file, the share believed unknown to the left.
    pub unknown: f64,
}

/// One field of an explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The field, as the model names it; `prior` and `claimed` besides.
    pub field: &'static str,
    /// The level, as the model names it.
    pub level: &'static str,
    /// What it is worth.
    pub bits: f64,
}

/// Somebody of the left file whom a record of the right may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Row of the left file.
    pub left: u32,
    /// The keys under which they meet; empty where only another pass brought them together.
    pub keys: Vec<&'static str>,
    /// Prior, each field's level, and bits.
    pub steps: Vec<Step>,
    /// The probability that they are one person, beside the other candidates and nobody.
    pub posterior: f64,
}

/// Both files, read, and what the model learned of them.
pub struct Pairing<'a> {
    left: &'a Side,
    right: &'a Side,
    settings: Settings<'a>,
    orders: [Order; 2],
    exact: Exact,
    places: Vec<Places>,
    /// By row and column: numbers of further texts; of the right file for rows that were asked for.
    left_more: Vec<[u32; MORE_MAX]>,
    right_more: Vec<[u32; MORE_MAX]>,
    weights: Weights,
    /// How common the facts of weighed records are, by right row.
    commons: HashMap<u32, Common>,
    /// Bits by which the odds of records without a valid number were moved.
    moved: f64,
    /// Rows of the left file that are believed one person's.
    rows_of_one: Groups,
}

/// Further rows of each person of the left file from which on both files are looked at as one.
const OFTEN: f64 = 0.25;

/// Links two files.
pub fn link(left: &Side, right: &Side, settings: Settings) -> Outcome {
    Pairing::read(left, right, settings).outcome()
}

impl<'a> Pairing<'a> {
    /// Reads both files, joins equal numbers and learns from them.
    pub fn read(left: &'a Side, right: &'a Side, settings: Settings<'a>) -> Pairing<'a> {
        let exact = exact::join(left, right, settings.same_file);
        let mut places: Vec<Places> = left.more.iter().take(MORE_MAX).map(|it| Places::new(it.0)).collect();
        let mut more = |side: &Side| (0..side.rows).map(|row| person::more(side, row, &mut places)).collect::<Vec<_>>();
        let (left_more, right_more) = (more(left), more(right));
        for (at, column) in places.iter_mut().enumerate() {
            column.learn(exact.pairs.iter().map(|(l, r)| (left_more[*l as usize][at], right_more[*r as usize][at])));
        }
        let weights = Weights::new(settings.model, left.rows, &places, &exact.left);
        let orders = [left, right].map(|it| Order::of((0..it.rows.min(100_000)).map(|row| side::text(it.birth.as_ref(), row))));
        let mut pairing = Pairing {
            left,
            right,
            settings,
            orders,
            exact,
            places,
            left_more,
            right_more,
            weights,
            commons: HashMap::new(),
            moved: 0.0,
            rows_of_one: Groups::default(),
        };
        pairing.learn();
        pairing
    }

    fn left_person(&self, row: u32) -> Person {
        Person::read(self.left, row as usize, self.orders[0], self.left_more[row as usize])
    }

    fn right_person(&self, row: u32) -> Person {
        Person::read(self.right, row as usize, self.orders[1], self.right_more[row as usize])
    }

    fn levels(&self, left: &Person, right: &Person, row: u32) -> Levels {
        left.levels(right, self.elsewhere(row, right), &self.places)
    }

    /// Whether the right row's valid number is somebody's of the left file.
    fn elsewhere(&self, row: u32, right: &Person) -> bool {
        right.number.body != 0 && self.exact.known[row as usize]
    }

    /// Learns m and u from the files where they can teach.
    fn learn(&mut self) {
        let strength = self.settings.model.strength;
        let strangers = search::strangers(self);
        learn::from_strangers(&mut self.weights, &strangers, self.settings.model.strangers);
        let prior = self.settings.model.prior;
        let [valid, unknown] = self.exact.valid;
        if valid > 0 && !self.settings.same_file {
            self.weights.unknown = ((unknown as f64 + strength * prior.unknown) / (valid as f64 + strength)).clamp(0.002, 0.9);
        }
        let certain = search::certain(self);
        if certain.len() >= 200 {
            learn::from_certain(&mut self.weights, &certain, strength);
            self.claims();
        }
    }

    /// How much it says that a left person is somebody of the right file already.
    fn claims(&mut self) {
        let claimed = self.exact.claimed.iter().filter(|it| **it).count();
        let settled = self.exact.settled.iter().filter(|it| **it).count();
        if self.settings.same_file || claimed < 200 {
            return;
        }
        let twice = (settled.saturating_sub(claimed) as f64 + 1000.0 * self.settings.model.prior.twice) / (settled as f64 + 1000.0);
        let share = ((claimed as f64 + 1.0) / (self.left.rows as f64 + 2.0)).min(1.0 - 1e-3);
        self.weights.claimed = [(twice / share).log2().clamp(-12.0, 0.0), ((1.0 - twice) / (1.0 - share)).log2().clamp(0.0, 6.0)];
    }

    /// Links, and pairs to be looked at.
    pub fn outcome(&mut self) -> Outcome {
        // Equal resident numbers are the whole story; where other numbers or none are kept, somebody may stand in a file several times.
        let once = !self.settings.same_file && self.exact.valid[0] * 2 > self.right.rows;
        let residual: Vec<u32> = (0..self.right.rows as u32).filter(|it| !once || !self.exact.settled[*it as usize]).collect();
        let mut found = search::Search::new(self, &residual);
        if self.exact.pairs.len() < 200 {
            let patterns = found.patterns(self);
            learn::by_expectation(&mut self.weights, &patterns, self.right.rows, self.settings.model.strength);
        }
        let mut scored = found.score(self);
        decide::without_number(self, &mut scored, &residual);
        if !once && !self.settings.same_file {
            decide::learn_twice(self, &scored);
            if self.weights.twice >= OFTEN {
                return self.as_one_file(residual.len());
            }
        }
        let mut outcome = decide::decide(self, &scored);
        if self.settings.same_file {
            complete::within(self, &mut outcome);
        } else if !once {
            complete::across(self, &mut outcome);
        }
        outcome.tally = Tally {
            settled: self.exact.settled.iter().filter(|it| **it).count(),
            residual: residual.len(),
            unknown: self.weights.unknown,
            ..found.tally
        };
        let certain = self.exact.pairs.iter().map(|(left, right)| Link { left: *left, right: *right, score: 1.0, exact: true });
        outcome.links.extend(certain.filter(|it| !self.settings.same_file || it.left < it.right));
        outcome.links.sort_unstable_by_key(|it| (it.right, it.left, !it.exact));
        outcome.links.dedup_by_key(|it| (it.right, it.left));
        let linked: HashSet<(u32, u32)> = outcome.links.iter().filter(|it| it.exact).map(|it| (it.left, it.right)).collect();
        outcome.reviews.retain(|it| !linked.contains(&(it.left, it.right)));
        outcome
    }

    /// Where people have many rows in both files, those of one file help to find those of the other: all are looked for at once.
    fn as_one_file(&self, residual: usize) -> Outcome {
        let both = self.left.with(self.right);
        let mut outcome = link(&both, &both, Settings { same_file: true, ..self.settings });
        let left_rows = self.left.rows as u32;
        for links in [&mut outcome.links, &mut outcome.reviews] {
            links.retain(|it| it.left < left_rows && it.right >= left_rows);
            links.iter_mut().for_each(|it| it.right -= left_rows);
        }
        outcome.tally.settled = self.exact.settled.iter().filter(|it| **it).count();
        outcome.tally.residual = residual;
        outcome
    }

    /// Whom a row of the right file may be, the most probable first; `asked` of the left file are among them in any case.
    pub fn candidates(&mut self, right: u32, asked: &[u32]) -> Vec<Candidate> {
        let scored = search::Search::new(self, &[right]).score(self);
        let mut lefts: Vec<u32> = scored.iter().map(|it| it.left).chain(asked.iter().copied()).collect();
        lefts.sort_unstable();
        lefts.dedup();
        let steps: Vec<Vec<Step>> = lefts.iter().map(|left| self.explain(*left, right)).collect();
        let odds: Vec<f64> = steps.iter().map(|it| it.iter().map(|it| it.bits).sum::<f64>().min(500.0).exp2()).collect();
        let all = 1.0 + odds.iter().sum::<f64>();
        let keys = |left: u32| key::in_common(&self.left_person(left), &self.right_person(right), &self.places);
        let candidate = |((left, steps), odds): ((u32, Vec<Step>), f64)| Candidate { left, keys: keys(left), steps, posterior: odds / all };
        let mut candidates: Vec<Candidate> = lefts.into_iter().zip(steps).zip(odds).map(candidate).collect();
        candidates.sort_by(|a, b| b.posterior.total_cmp(&a.posterior).then(a.left.cmp(&b.left)));
        candidates
    }

    /// Both files.
    pub fn sides(&self) -> (&Side, &Side) {
        (self.left, self.right)
    }

    /// Why a pair is worth what it is: prior, each field's level, and bits.
    pub fn explain(&self, left: u32, right: u32) -> Vec<Step> {
        let (one, other) = (self.left_person(left), self.right_person(right));
        let levels = self.levels(&one, &other, right);
        let common = self.commons.get(&right).copied().unwrap_or_default();
        let bits = self.weights.bits(&levels, &one, &other, &common);
        let moved = if self.exact.right[right as usize] == 0 { self.moved } else { 0.0 };
        let mut steps = vec![Step { field: "prior", level: "", bits: self.weights.prior() + moved }];
        let names = ["number", "whole", "given", "family", "birth", "sex"].into_iter().chain(self.places.iter().map(|it| it.kind().word()));
        for (at, field) in names.enumerate().take(FIELDS_MAX) {
            let level = super::model::FIELDS.iter().find(|it| it.0 == field).map_or("", |it| it.1[usize::from(levels[at])]);
            if level != "silent" {
                steps.push(Step { field, level, bits: bits[at] });
            }
        }
        // Who is settled by this very row is claimed by nobody else.
        let claim = if self.exact.pairs.binary_search_by_key(&(right, left), |it| (it.1, it.0)).is_ok() { 0.0 } else { self.claim(left) };
        if claim != 0.0 {
            steps.push(Step { field: "claimed", level: if self.exact.claimed[left as usize] { "claimed" } else { "free" }, bits: claim });
        }
        steps
    }

    /// Log-odds of a pair against nobody, with all that an explanation tells.
    fn bits(&self, left: u32, right: u32) -> f64 {
        self.explain(left, right).iter().map(|it| it.bits).sum()
    }

    fn claim(&self, left: u32) -> f64 {
        self.weights.claimed[usize::from(!self.exact.claimed[left as usize])]
    }

    /// Log-odds of a pair against nobody.
    fn total(&self, left: u32, levels: &Levels, one: &Person, other: &Person, common: &Common) -> f64 {
        self.weights.prior() + self.claim(left) + self.weights.bits(levels, one, other, common).iter().sum::<f64>()
    }
}

/// The order of results that are found side by side.
fn in_order(scored: &mut [Scored]) {
    scored.sort_unstable_by_key(|it| (it.right, it.left));
}

#[cfg(test)]
mod tests;

//! A town of the bench: what is wrong about whom comes and goes by chance, at the rates of a real one, and reviewers decide by chance.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use muster_core::case::State;
use muster_core::case::work::{Deed, Outcome, Stage, Verdict};
use muster_core::finding::{Finding, Line, Subject};
use muster_core::rule::Rule;

use crate::demo::dice::{Dice, Stream, Wheel};
use crate::store::work::{Wanted, Worked};

/// What is wrong in a town.
struct Kind {
    rule: &'static str,
    /// New ones a year among a thousand people.
    a_year: f64,
    /// Nights until it is put right by itself, on average.
    lasts: f64,
    /// What every further month adds; 0 where nothing is paid and months do not matter.
    monthly_fen: i64,
    /// Whether it is about a unit.
    of_units: bool,
}

const fn people(rule: &'static str, a_year: f64, lasts: f64, monthly_fen: i64) -> Kind {
    Kind { rule, a_year, lasts, monthly_fen, of_units: false }
}

const fn units(rule: &'static str, a_year: f64, lasts: f64) -> Kind {
    Kind { rule, a_year, lasts, monthly_fen: 0, of_units: true }
}

/// Sixty new ones a year among a thousand people, most of them late registrations.
const KINDS: [Kind; 14] = [
    people("G01", 1.2, 60.0, 620_000),
    people("G03", 1.6, 75.0, 740_000),
    people("G05", 2.0, 60.0, 580_000),
    people("G08", 1.2, 150.0, 0),
    people("P01", 2.0, 60.0, 510_000),
    people("P05", 2.0, 90.0, 530_000),
    people("D01", 4.0, 75.0, 480_000),
    people("D05", 3.0, 90.0, 0),
    people("T01", 16.0, 30.0, 0),
    people("T02", 16.0, 30.0, 0),
    units("E01", 2.0, 200.0),
    units("E05", 0.6, 300.0),
    people("Q01", 6.0, 120.0, 0),
    people("Q03", 2.0, 200.0, 0),
];

/// Months of evidence that a finding carries: what a rule sees.
const MONTHS_MAX: usize = 24;

/// The share of what was put right that comes back.
const COMES_BACK: f64 = 0.12;

/// The share of new things that happen to somebody about whom something is wrong already.
const SAME_PERSON: f64 = 0.1;

/// The share of accusations that people were right about and that are put right then.
const MENDED: f64 = 0.85;

/// How often a reviewer decides so, C1 to C12.
const OUTCOMES: [f64; 12] = [6.0, 8.0, 14.0, 12.0, 10.0, 8.0, 4.0, 4.0, 5.0, 12.0, 10.0, 3.0];

/// The two who work; one seconds what the other decides.
pub const REVIEWERS: [&str; 2] = ["wang-lei", "li-na"];

/// Something that is wrong about somebody, from one night to another.
#[derive(Clone)]
struct Wrong {
    kind: usize,
    subject: usize,
    since: NaiveDate,
    until: NaiveDate,
}

/// The town.
pub struct Town<'a> {
    dice: Dice,
    people: usize,
    /// The card of each of [`KINDS`].
    cards: Vec<&'a Rule>,
    wrong: Vec<Wrong>,
}

impl<'a> Town<'a> {
    /// As it is on its first night: with as much wrong as there is in the long run.
    pub fn new(people: usize, seed: u64, cards: &'a [Rule], first: NaiveDate) -> Town<'a> {
        let card = |it: &Kind| cards.iter().find(|card| card.id == it.rule).expect("the kinds are shipped cards");
        let cards = KINDS.iter().map(card).collect();
        let mut town = Town { dice: Dice::new(seed, Stream::Nights), people, cards, wrong: Vec::new() };
        for (kind, it) in KINDS.iter().enumerate() {
            let many = town.a_night(kind) * it.lasts;
            for _ in 0..town.dice.about(many) {
                town.begins(kind, first);
            }
        }
        town
    }

    /// What comes and goes before `tonight`.
    pub fn next(&mut self, tonight: NaiveDate) {
        let over: Vec<Wrong> = self.wrong.extract_if(.., |it| it.until <= tonight).collect();
        for it in over {
            if self.dice.chance(COMES_BACK) {
                let since = tonight + Days::new(self.dice.between(3, 60).unsigned_abs());
                let until = since + self.nights(KINDS[it.kind].lasts);
                self.wrong.push(Wrong { since, until, ..it });
            }
        }
        for kind in 0..KINDS.len() {
            let many = self.a_night(kind);
            for _ in 0..self.dice.about(many) {
                self.begins(kind, tonight);
            }
        }
    }

    /// What the rules find tonight, one finding per rule and subject.
    pub fn findings(&self, tonight: NaiveDate) -> Vec<Finding> {
        let found = self.wrong.iter().filter(|it| it.since <= tonight && tonight < it.until);
        let found: BTreeMap<(usize, usize), &Wrong> = found.map(|it| ((it.kind, it.subject), it)).collect();
        found.into_values().map(|it| self.finding(it, tonight)).collect()
    }

    /// A feed is lost by chance.
    pub fn loses(&mut self, probability: f64) -> bool {
        self.dice.chance(probability)
    }

    /// What the two reviewers do on this day about the cases, each case at most once; nothing at weekends.
    pub fn worked(&mut self, cases: &[Worked], on: NaiveDate) -> [Vec<Wanted>; 2] {
        let mut wanted = [Vec::new(), Vec::new()];
        if matches!(on.weekday(), Weekday::Sat | Weekday::Sun) {
            return wanted;
        }
        for it in cases.iter().filter(|it| it.case.state != State::Cured) {
            let Some((deed, who)) = self.deed(it, on) else { continue };
            if let Deed::Decided { outcome, .. } = &deed
                && outcome.verdict() == Verdict::Confirmed
                && self.dice.chance(MENDED)
            {
                self.mended(&it.case.subject, on);
            }
            let number = it.case.number.clone().expect("the store gives cases with their numbers");
            wanted[who].push(Wanted {
                number,
                deed,
                text: "依据单位复函及佐证材料 by the unit's reply and its documents".to_owned(),
                after: None,
            });
        }
        wanted
    }

    fn deed(&mut self, it: &Worked, on: NaiveDate) -> Option<(Deed, usize)> {
        let decider =
            it.acts.iter().rfind(|it| matches!(it.deed, Deed::Decided { .. })).map_or(0, |it| usize::from(it.who == REVIEWERS[1]));
        let who = self.dice.below(2);
        let settled = matches!(it.case.state, State::Settled(_));
        let deed = match it.standing.stage {
            Stage::Pending => return self.maybe(0.4, Deed::Seconded).map(|it| (it, 1 - decider)),
            Stage::New => self.maybe(0.2, Deed::Assigned { to: REVIEWERS[who].to_owned() }),
            Stage::Assigned => self.maybe(0.2, Deed::Queried),
            Stage::Querying => self.maybe(0.15, Deed::Replied),
            Stage::Replied if self.dice.chance(0.3) => Some(self.decision(on)),
            Stage::Replied => self.maybe(0.05, Deed::Noted),
            Stage::Decided | Stage::Measures if settled => self.maybe(0.05, Deed::Closed).or_else(|| self.maybe(0.004, Deed::Reopened)),
            Stage::Decided | Stage::Measures | Stage::Closed => self.maybe(0.0005, Deed::Reopened),
        };
        deed.map(|it| (it, who))
    }

    fn maybe(&mut self, probability: f64, deed: Deed) -> Option<Deed> {
        self.dice.chance(probability).then_some(deed)
    }

    fn decision(&mut self, on: NaiveDate) -> Deed {
        let outcome = Outcome::ALL[Wheel::new(OUTCOMES).spin(&mut self.dice)];
        let months = u32::try_from(self.dice.between(1, 15)).expect("a few months");
        let until = (outcome.verdict() == Verdict::Explained).then(|| on + chrono::Months::new(months));
        Deed::Decided { outcome, until, document: None, explanation: None }
    }

    /// What was confirmed about somebody is put right within a month.
    fn mended(&mut self, about: &Subject, on: NaiveDate) {
        let within = on + Days::new(self.dice.between(1, 30).unsigned_abs());
        let theirs: Vec<bool> = self.wrong.iter().map(|it| self.subject(it).key() == about.key()).collect();
        for (it, _) in self.wrong.iter_mut().zip(theirs).filter(|(_, theirs)| *theirs) {
            it.until = it.until.min(within);
        }
    }

    fn begins(&mut self, kind: usize, tonight: NaiveDate) {
        let known: Vec<usize> =
            self.wrong.iter().filter(|it| KINDS[it.kind].of_units == KINDS[kind].of_units).map(|it| it.subject).collect();
        let subject = match known.as_slice() {
            [] => None,
            known => self.dice.chance(SAME_PERSON).then(|| *self.dice.pick(known)),
        };
        let subject = subject.unwrap_or_else(|| self.dice.below(if KINDS[kind].of_units { self.units() } else { self.people }));
        let until = tonight + self.nights(KINDS[kind].lasts);
        self.wrong.push(Wrong { kind, subject, since: tonight, until });
    }

    /// How many new ones of a kind there are a night.
    fn a_night(&self, kind: usize) -> f64 {
        KINDS[kind].a_year * self.people as f64 / 1_000.0 / 365.0
    }

    /// At least one, `mean` on average, as what has no memory lasts.
    fn nights(&mut self, mean: f64) -> Days {
        let nights = -(1.0 - self.dice.fraction()).ln() * mean;
        Days::new(1 + nights.min(3_650.0) as u64)
    }

    fn units(&self) -> usize {
        (self.people / 60).max(1)
    }

    fn subject(&self, it: &Wrong) -> Subject {
        // As long as real keys, and in no order.
        let key = (it.subject as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        if KINDS[it.kind].of_units {
            Subject::Unit { key: format!("u-{}", self.unit(it.subject)), id: 1 }
        } else {
            Subject::Person { key: format!("p-{key:032x}"), id: 1 }
        }
    }

    fn unit(&self, number: usize) -> String {
        format!("330683{:06}", number % self.units())
    }

    fn finding(&self, it: &Wrong, tonight: NaiveDate) -> Finding {
        let (kind, card) = (&KINDS[it.kind], self.cards[it.kind]);
        let months = if kind.monthly_fen > 0 { months(it.since, tonight) } else { Vec::new() };
        let lines: Vec<Line> = match months.as_slice() {
            [] => vec![line(card, None, None)],
            months => months.iter().map(|month| line(card, Some(*month), Some(kind.monthly_fen))).collect(),
        };
        Finding {
            rule: card.id.clone(),
            family: card.family,
            severity: card.severity,
            subject: self.subject(it),
            unit_id: Some(1),
            unit_code: Some(self.unit(it.subject)),
            since: Some(it.since.year() * 100 + it.since.month() as i32),
            amount_fen: (kind.monthly_fen > 0).then(|| kind.monthly_fen * months.len() as i64),
            months,
            confidence: card.confidence,
            settings: BTreeMap::from([("grace_months".to_owned(), card.grace_months.to_string())]),
            lines,
        }
    }
}

/// From the month of `since` to that of `tonight`, the newest that a rule sees.
fn months(since: NaiveDate, tonight: NaiveDate) -> Vec<i32> {
    let index = |it: NaiveDate| it.year() * 12 + it.month0() as i32;
    let months: Vec<i32> = (index(since)..=index(tonight)).map(|it| it / 12 * 100 + it % 12 + 1).collect();
    months[months.len().saturating_sub(MONTHS_MAX)..].to_vec()
}

/// A line of evidence as long as those of real rules.
fn line(card: &Rule, month: Option<i32>, amount_fen: Option<i64>) -> Line {
    let told = month.map(|it| it.to_string()).unwrap_or_default();
    let facts = [("unit_name", "第一人民医院下属社区卫生服务中心"), ("basis", "财政局工资发放"), ("kind", "salary")];
    Line {
        month,
        zh: format!("{}：{told} 仍由 第一人民医院下属社区卫生服务中心 发放在职工资，登记机关记录与之不符", card.title.zh),
        en: format!("{}: in {told} a unit still pays, against what the register says", card.title.en),
        amount_fen,
        places: vec![("finance/payroll".to_owned(), 4_711)],
        facts: facts.into_iter().map(|(name, it)| (name.to_owned(), it.to_owned())).collect(),
    }
}

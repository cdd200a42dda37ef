//! Links two files and says how well: against a truth, or by the matcher's own probabilities where there is none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use muster_core::link::model::Model;
use muster_core::link::pair::{Link, Outcome, Pairing, Settings, Side, Tally};
use serde::Serialize;

use super::columns::{self, Mapping, Role};
use super::read::{self, Table};
use super::truth::{self, Truth};
use crate::cli::EvaluateArgs;
use crate::clock::{self, Stopwatch};
use crate::pull;
use crate::run::Stop;
use crate::words::Lang;

/// Rows of a truth that name nobody are counted beyond these.
const UNREAD_SHOWN_MAX: usize = 8;

/// What came out.
#[derive(Serialize)]
pub struct Told {
    pub left_rows: usize,
    pub right_rows: usize,
    /// The encoding that each file was read in.
    pub encodings: [&'static str; 2],
    /// Columns by role, left and right.
    pub columns: [BTreeMap<String, String>; 2],
    pub links: usize,
    pub reviews: usize,
    pub settled_by_number: usize,
    pub weighed: usize,
    pub compared: usize,
    pub crowded_keys: usize,
    pub unknown_share: f64,
    pub model_version: u32,
    pub against_truth: Option<Score>,
    /// Where there is no truth: what the probabilities themselves expect.
    pub expected: Option<Expected>,
    pub seconds: f64,
    pub seconds_linking: f64,
    pub cpu_seconds: f64,
    pub peak_mib: u64,
}

/// Against the truth.
#[derive(Serialize)]
pub struct Score {
    pub pairs: usize,
    pub right: usize,
    pub false_links: usize,
    pub missed: usize,
    /// Missed pairs that wait in the review queue.
    pub missed_in_review: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    pub errors_per_million: f64,
    pub by_class: BTreeMap<String, Class>,
    pub truth_rows_unread: usize,
    /// The first of them, counted from 1 without the header.
    pub truth_rows_unread_first: Vec<usize>,
}

/// The rows of one kind of damage.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Class {
    pub rows: usize,
    pub false_links: usize,
    pub missed: usize,
    pub errors_per_million: f64,
}

/// What the probabilities expect.
#[derive(Serialize)]
pub struct Expected {
    pub false_links: f64,
    pub missed: f64,
}

/// Reads, links, scores; writes the pairs to `--out` if it is given.
pub fn evaluate(args: &EvaluateArgs, lang: Lang) -> Result<Told, Stop> {
    let clock = Stopwatch::start();
    let cpu = clock::cpu_seconds();
    let trouble = |why: String| Stop::Usage(why);
    let same = args.left == args.right;
    let encoding = args.encoding.as_deref().map(|it| encoding(it, lang)).transpose()?;
    let mut left = read::read(&args.left, encoding, lang).map_err(trouble)?;
    let mut right = read::read(&args.right, encoding, lang).map_err(trouble)?;
    let mapping = match &args.mapping {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|err| trouble(format!("{}: {err}", path.display())))?;
            toml::from_str(&text).map_err(|err| trouble(format!("{}: {err}", path.display())))?
        }
        None => Mapping::default(),
    };
    let model = model(args.model.as_deref())?;
    let roles = |table, told| columns::roles(table, told, lang).map_err(trouble);
    let roles = [roles(&left, &mapping.left)?, roles(&right, &mapping.right)?];
    columns::comparable(&left, &roles[0], &right, &roles[1], lang).map_err(trouble)?;
    let truth = args.truth.as_deref().map(|it| truth::read(it, &left, &right, same, lang)).transpose().map_err(trouble)?;
    let named = |table: &Table, roles: &BTreeMap<Role, usize>| -> BTreeMap<String, String> {
        roles.iter().map(|(role, place)| (format!("{role:?}").to_lowercase(), table.headers[*place].clone())).collect()
    };
    let columns = [named(&left, &roles[0]), named(&right, &roles[1])];
    let keys = [0, 1].map(|side| truth.as_ref().and_then(|it| it.keys[side]).or_else(|| roles[side].get(&Role::Key).copied()));
    let (one, other) = columns::sides(&left, &roles[0], &right, &roles[1]);
    let rows = [left.rows, right.rows];
    let encodings = [left.encoding, right.encoding];
    // The columns are copied into the sides; of the tables only the keys are still needed.
    let keys = [keys[0].map(|it| left.columns.swap_remove(it)), keys[1].map(|it| right.columns.swap_remove(it))];
    drop((left, right));

    let linking = Stopwatch::start();
    let settings = Settings { model: &model, threads: pull::cores(), same_file: same };
    let mut pairing = Pairing::read(&one, &other, settings);
    let outcome = pairing.outcome();
    let seconds_linking = linking.elapsed().as_secs_f64();

    let score = truth.as_ref().map(|it| score(it, &outcome, rows[1]));
    let key = |side: usize, row: u32| keys[side].as_ref().map_or_else(|| row.to_string(), |it| it.get(row as usize).to_owned());
    if let Some(out) = &args.out {
        write(out, &pairing, &outcome, truth.as_ref(), &key)?;
    }
    let Tally { settled, residual, compared, crowded, unknown, .. } = outcome.tally;
    Ok(Told {
        left_rows: rows[0],
        right_rows: rows[1],
        encodings,
        columns,
        links: outcome.links.len(),
        reviews: outcome.reviews.len(),
        settled_by_number: settled,
        weighed: residual,
        compared,
        crowded_keys: crowded,
        unknown_share: unknown,
        model_version: model.version,
        expected: score.is_none().then(|| expected(&outcome)),
        against_truth: score,
        seconds: clock.elapsed().as_secs_f64(),
        seconds_linking,
        cpu_seconds: clock::cpu_seconds() - cpu,
        peak_mib: crate::memory::peak_mib(),
    })
}

fn encoding(label: &str, lang: Lang) -> Result<&'static encoding_rs::Encoding, Stop> {
    let unknown = || lang.pick(format!("没有名为 `{label}` 的编码"), format!("no encoding is called `{label}`"));
    encoding_rs::Encoding::for_label(label.as_bytes()).ok_or_else(|| Stop::Usage(unknown()))
}

fn model(path: Option<&Path>) -> Result<Model, Stop> {
    let Some(path) = path else { return Ok(Model::shipped().clone()) };
    let told = |why: String| Stop::Usage(format!("{}: {why}", path.display()));
    Model::read(&std::fs::read_to_string(path).map_err(|err| told(err.to_string()))?).map_err(told)
}

/// Compares what was found with the truth.
fn score(truth: &Truth, outcome: &Outcome, right_rows: usize) -> Score {
    let class = |row: u32| truth.class.get(&row).map_or("", String::as_str);
    let mut by_class: BTreeMap<String, Class> = BTreeMap::new();
    truth.class.values().for_each(|it| by_class.entry(it.clone()).or_default().rows += 1);
    let mut right = 0;
    let mut false_links = 0;
    for link in &outcome.links {
        if truth.pairs.contains(&(link.left, link.right)) {
            right += 1;
        } else {
            false_links += 1;
            by_class.entry(class(link.right).to_owned()).or_default().false_links += 1;
        }
    }
    let found: HashSet<(u32, u32)> = outcome.links.iter().map(|it| (it.left, it.right)).collect();
    let waiting: HashSet<(u32, u32)> = outcome.reviews.iter().map(|it| (it.left, it.right)).collect();
    let mut missed_in_review = 0;
    for pair in truth.pairs.iter().filter(|it| !found.contains(*it)) {
        by_class.entry(class(pair.1).to_owned()).or_default().missed += 1;
        missed_in_review += usize::from(waiting.contains(pair));
    }
    let missed = truth.pairs.len() - right;
    let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    let million = |errors: usize, rows: usize| if rows == 0 { 0.0 } else { errors as f64 * 1e6 / rows as f64 };
    by_class.values_mut().for_each(|it| it.errors_per_million = million(it.false_links + it.missed, it.rows));
    if truth.class.is_empty() {
        by_class.clear();
    }
    let (precision, recall) = (share(right, outcome.links.len()), share(right, truth.pairs.len()));
    Score {
        pairs: truth.pairs.len(),
        right,
        false_links,
        missed,
        missed_in_review,
        precision,
        recall,
        f1: if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 },
        errors_per_million: million(false_links + missed, right_rows),
        by_class,
        truth_rows_unread: truth.unread,
        truth_rows_unread_first: truth.unread_rows.iter().take(UNREAD_SHOWN_MAX).copied().collect(),
    }
}

fn expected(outcome: &Outcome) -> Expected {
    Expected {
        false_links: outcome.links.iter().map(|it| 1.0 - f64::from(it.score)).sum(),
        missed: outcome.reviews.iter().map(|it| f64::from(it.score)).sum(),
    }
}

/// `links.csv`, `reviews.csv` and, with a truth, `errors.csv`: each pair with its keys, its probability and why.
fn write(out: &Path, pairing: &Pairing, outcome: &Outcome, truth: Option<&Truth>, key: &dyn Fn(usize, u32) -> String) -> Result<(), Stop> {
    std::fs::create_dir_all(out)?;
    let why = |left: u32, right: u32| {
        let steps = pairing.explain(left, right);
        let bits: f64 = steps.iter().map(|it| it.bits).sum();
        let told: Vec<String> = steps.iter().map(|it| format!("{} {} {:+.1}", it.field, it.level, it.bits).replace("  ", " ")).collect();
        format!("{bits:+.1} = {}", told.join("; "))
    };
    let mut links = csv::Writer::from_path(out.join("links.csv"))?;
    links.write_record(["left", "right", "score", "pass"])?;
    for link in &outcome.links {
        let pass = if link.exact { "exact" } else { "weighed" };
        links.write_record([key(0, link.left), key(1, link.right), format!("{:.4}", link.score), pass.to_owned()])?;
    }
    links.flush()?;
    let mut reviews = csv::Writer::from_path(out.join("reviews.csv"))?;
    reviews.write_record(["left", "right", "score", "why"])?;
    for link in &outcome.reviews {
        reviews.write_record([key(0, link.left), key(1, link.right), format!("{:.4}", link.score), why(link.left, link.right)])?;
    }
    reviews.flush()?;
    let Some(truth) = truth else { return Ok(()) };
    let mut errors = csv::Writer::from_path(out.join("errors.csv"))?;
    let (left, right) = pairing.sides();
    errors.write_record(["error", "class", "left", "right", "score", "why", "left_row", "right_row"])?;
    let scores: HashMap<(u32, u32), &Link> = outcome.links.iter().chain(&outcome.reviews).map(|it| ((it.left, it.right), it)).collect();
    let found: HashSet<(u32, u32)> = outcome.links.iter().map(|it| (it.left, it.right)).collect();
    let wrong = outcome.links.iter().map(|it| (it.left, it.right)).filter(|it| !truth.pairs.contains(it)).map(|it| ("false", it));
    let missed = truth.pairs.iter().filter(|it| !found.contains(*it)).map(|it| ("missed", *it));
    for (error, pair) in wrong.chain(missed) {
        let score = scores.get(&pair).map_or_else(String::new, |it| format!("{:.4}", it.score));
        let class = truth.class.get(&pair.1).cloned().unwrap_or_default();
        let rows = [row(left, pair.0), row(right, pair.1)];
        let [left_row, right_row] = rows;
        errors.write_record([error.to_owned(), class, key(0, pair.0), key(1, pair.1), score, why(pair.0, pair.1), left_row, right_row])?;
    }
    errors.flush()?;
    Ok(())
}

/// What a row says, in the order of comparison.
fn row(side: &Side, row: u32) -> String {
    let columns = [&side.id, &side.name, &side.given, &side.family, &side.sex, &side.birth];
    let texts = columns.into_iter().flatten().chain(side.more.iter().map(|it| &it.1));
    texts.map(|it| it.get(row as usize)).collect::<Vec<_>>().join("|")
}

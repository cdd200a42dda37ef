//! Which unit a row is about: by code, credit code, name or declared alias, and never by guess.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int32Array, RecordBatch, StringArray, StringBuilder, new_empty_array, new_null_array,
};
use arrow::compute::interleave;
use arrow::datatypes::{Date32Type, Int32Type};

use super::unit_name::{Places, normal, plain};
use super::{FeedIn, Units, credit_code};
use crate::schema::{UNIT_REFERENCE, UNITS};

/// What an alias points to, and what a code map may give, for a unit that is none of the city's.
pub const OUTSIDE: &str = "outside";

/// Pairs of names that are compared for a proposal; beyond that, the references with the fewest rows get none.
const PROPOSALS_MAX: usize = 20_000_000;

/// A proposal that is less similar helps nobody.
const PROPOSAL_SCORE_MIN: f64 = 0.6;

/// See [`super::units`].
pub fn link(register: &[RecordBatch], feeds: &[FeedIn], aliases: &[(String, String)]) -> Units {
    let listed = listed(register);
    let index = Index::new(&listed, aliases);
    let found: Vec<Vec<Found>> = feeds.iter().map(|it| index.link_all(it.references)).collect();
    let unit_of = found.iter().map(|it| it.iter().map(|found| found.unit_id.unwrap_or(-1)).collect()).collect();
    Units { table: table(register, &listed), reference: reference(feeds, &found, &proposals(feeds, &found, &index)), unit_of }
}

/// One unit of the register; its place in the list is its `unit_id`.
struct Unit<'a> {
    code: Option<&'a str>,
    name: Option<&'a str>,
    uscc: Option<&'a str>,
    short_name: Option<&'a str>,
    aliases: Option<&'a str>,
    abolished: bool,
    set_up_on: Option<i32>,
    /// Batch and row in the register.
    place: (usize, usize),
}

/// The register's units, one for each code (or name, where there is no code), in an order that does not depend on the files.
/// Of two rows for one code the unit that still exists counts, else the one set up last.
fn listed(register: &[RecordBatch]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit> =
        register.iter().enumerate().flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| unit(at, batch, row))).collect();
    units.sort_by_key(|it| {
        (
            it.code.is_none(),
            it.code,
            it.code.is_none().then_some(it.name),
            it.abolished,
            std::cmp::Reverse(it.set_up_on),
            it.name,
            it.uscc,
            it.aliases,
        )
    });
    units.dedup_by(|later, first| later.code == first.code && (later.code.is_some() || later.name == first.name));
    units
}

fn unit(at: usize, batch: &RecordBatch, row: usize) -> Unit<'_> {
    let text = |name| cell(batch.column_by_name(name)?.as_string(), row);
    let day = |name| {
        let days = batch.column_by_name(name)?.as_primitive::<Date32Type>();
        days.is_valid(row).then(|| days.value(row))
    };
    Unit {
        code: text("unit_code"),
        name: text("unit_name"),
        uscc: text("uscc"),
        short_name: text("short_name"),
        aliases: text("aliases"),
        abolished: day("abolished_on").is_some(),
        set_up_on: day("set_up_on"),
        place: (at, row),
    }
}

fn cell(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row)).filter(|it| !it.trim().is_empty())
}

/// How one reference was linked.
#[derive(Clone, Copy)]
struct Found {
    unit_id: Option<i32>,
    method: &'static str,
}

/// Where an alias leads.
#[derive(Clone, Copy)]
enum Target {
    Unit(i32),
    Outside,
}

struct Index<'a> {
    units: &'a [Unit<'a>],
    codes: HashMap<String, Vec<i32>>,
    credit_codes: HashMap<String, Vec<i32>>,
    names: HashMap<String, Vec<i32>>,
    aliases: HashMap<String, Vec<i32>>,
    forms: HashMap<String, Vec<i32>>,
    declared: HashMap<String, Target>,
    /// Declared aliases with a `*` at an end: (`*`before, text, `*`behind, where to).
    patterns: Vec<(bool, String, bool, Target)>,
    places: Places,
}

impl<'a> Index<'a> {
    fn new(units: &'a [Unit<'a>], aliases: &[(String, String)]) -> Index<'a> {
        let normals: Vec<String> = units.iter().map(|it| normal(it.name.unwrap_or_default())).collect();
        let places = Places::of(normals.iter().map(String::as_str));
        let forms = |name: &String| places.forms(name);
        let mut index = Index {
            units,
            codes: keyed(units, |it| it.code.map(code).into_iter().collect()),
            credit_codes: keyed(units, |it| it.uscc.and_then(credit_code::read).into_iter().collect()),
            names: keyed(&normals, |it| vec![it.clone()]),
            aliases: keyed(units, |it| other_names(it).map(normal).collect()),
            forms: keyed(&normals, forms),
            declared: HashMap::new(),
            patterns: Vec::new(),
            places,
        };
        for (alias, target) in aliases {
            index.declare(alias, target);
        }
        index
    }

    fn declare(&mut self, alias: &str, target: &str) {
        let unit = || self.unique(&self.codes, &code(target)).or_else(|| self.unique(&self.names, &normal(target)));
        let target = if target == OUTSIDE { Some(Target::Outside) } else { unit().map(Target::Unit) };
        let Some(target) = target else { return };
        let name = normal(alias);
        let (before, behind) = (name.starts_with('*'), name.ends_with('*'));
        if before || behind {
            self.patterns.push((before, name.trim_matches('*').to_owned(), behind, target));
        } else {
            self.declared.insert(name, target);
        }
    }

    fn link_all(&self, references: &RecordBatch) -> Vec<Found> {
        let [codes, names, credit_codes] = texts(references);
        (0..references.num_rows()).map(|row| self.link(cell(codes, row), cell(names, row), cell(credit_codes, row))).collect()
    }

    /// The ways to a unit, surest first. What several units answer to leads nowhere.
    fn link(&self, code_text: Option<&str>, name: Option<&str>, credit_code: Option<&str>) -> Found {
        let found = |method| move |unit_id| Found { unit_id: Some(unit_id), method };
        let code_text = code_text.map(code);
        let name = name.map(normal);
        let by_code = || self.unique(&self.codes, code_text.as_ref()?);
        let by_credit_code = || self.unique(&self.credit_codes, &credit_code::read(credit_code?)?);
        let by_name = || self.unique(&self.names, name.as_ref()?);
        let by_alias = || self.unique(&self.aliases, name.as_ref()?);
        let by_form = || self.places.forms(name.as_ref()?).iter().find_map(|form| self.unique(&self.forms, form));
        let declared = || [&name, &code_text].into_iter().flatten().find_map(|it| self.declared(it));
        let matched = || self.patterns.iter().find(|it| name.as_deref().is_some_and(|name| fits(name, it))).map(|it| it.3);
        let by_target = |target| match target {
            Target::Unit(unit_id) => Found { unit_id: Some(unit_id), method: "alias" },
            Target::Outside => Found { unit_id: None, method: "outside" },
        };
        if code_text.as_deref() == Some("OUTSIDE") {
            return by_target(Target::Outside);
        }
        by_code()
            .map(found("code"))
            .or_else(|| by_credit_code().map(found("uscc")))
            .or_else(|| by_name().map(found("name")))
            .or_else(|| declared().map(by_target))
            .or_else(|| by_alias().map(found("alias")))
            .or_else(|| by_form().map(found("name")))
            .or_else(|| matched().map(by_target))
            .unwrap_or(Found { unit_id: None, method: "none" })
    }

    fn declared(&self, key: &str) -> Option<Target> {
        self.declared.get(key).copied()
    }

    /// The one unit under `key`; where an abolished unit left its name to another, the one that exists.
    fn unique(&self, keys: &HashMap<String, Vec<i32>>, key: &str) -> Option<i32> {
        let units = keys.get(key)?;
        let existing: Vec<i32> = units.iter().copied().filter(|it| !self.units[*it as usize].abolished).collect();
        match (existing.as_slice(), units.as_slice()) {
            ([one], _) | ([], [one]) => Some(*one),
            _ => None,
        }
    }
}

fn keyed<T>(items: &[T], keys: impl Fn(&T) -> Vec<String>) -> HashMap<String, Vec<i32>> {
    let mut keyed: HashMap<String, Vec<i32>> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        for key in keys(item).into_iter().filter(|it| !it.is_empty()) {
            let units = keyed.entry(key).or_default();
            if units.last() != Some(&(at as i32)) {
                units.push(at as i32);
            }
        }
    }
    keyed
}

fn code(raw: &str) -> String {
    plain(raw).to_uppercase()
}

fn other_names<'a>(unit: &Unit<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let aliases = unit.aliases.unwrap_or_default().split(['|', '、', ';', '；', '\n']);
    unit.short_name.into_iter().chain(aliases)
}

fn fits(name: &str, (before, text, behind, _): &(bool, String, bool, Target)) -> bool {
    match (before, behind) {
        (true, true) => name.contains(text.as_str()),
        (true, false) => name.ends_with(text.as_str()),
        _ => name.starts_with(text.as_str()),
    }
}

fn texts(references: &RecordBatch) -> [&StringArray; 3] {
    ["unit_code", "unit_name", "uscc"].map(|it| references.column_by_name(it).expect("sealed references have it").as_string())
}

/// By feed and reference: the most similar registered name and its similarity, for references that lead nowhere.
type Proposals = Vec<Vec<Option<(String, f32)>>>;

fn proposals(feeds: &[FeedIn], found: &[Vec<Found>], index: &Index) -> Proposals {
    let shortest = |name: &str| index.places.forms(&normal(name)).into_iter().min_by_key(String::len).unwrap_or_else(|| normal(name));
    let registered: Vec<String> = index.units.iter().map(|it| it.name.map(shortest).unwrap_or_default()).collect();
    let mut proposals: Proposals = found.iter().map(|it| vec![None; it.len()]).collect();
    let mut open: Vec<(i32, usize, usize, &str)> = Vec::new();
    for (feed, (it, found)) in feeds.iter().zip(found).enumerate() {
        let (names, rows) = (texts(it.references)[1], rows(it.references));
        let unlinked = (0..found.len()).filter(|at| found[*at].method == "none");
        open.extend(unlinked.filter_map(|at| Some((-rows.value(at), feed, at, cell(names, at)?))));
    }
    open.sort_unstable();
    for (_, feed, at, name) in open.into_iter().take(PROPOSALS_MAX / registered.len().max(1)) {
        let name = shortest(name);
        let similar =
            registered.iter().enumerate().filter(|(_, it)| !it.is_empty()).map(|(unit, it)| (strsim::jaro_winkler(&name, it), unit));
        let nearest = similar.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let near = nearest.filter(|it| it.0 >= PROPOSAL_SCORE_MIN);
        proposals[feed][at] = near.map(|(score, unit)| (index.units[unit].name.unwrap_or_default().to_owned(), score as f32));
    }
    proposals
}

fn rows(references: &RecordBatch) -> &Int32Array {
    references.column_by_name("rows").expect("sealed references have it").as_primitive::<Int32Type>()
}

/// The linked `unit` table, one row per `unit_id`.
fn table(register: &[RecordBatch], listed: &[Unit]) -> RecordBatch {
    let schema = UNITS.linked_schema();
    let places: Vec<(usize, usize)> = listed.iter().map(|it| it.place).collect();
    let column = |name: &str, kind| -> ArrayRef {
        let given: Vec<&dyn Array> = register.iter().filter_map(|it| Some(it.column_by_name(name)?.as_ref())).collect();
        match given.len() {
            0 if listed.is_empty() => new_empty_array(kind),
            known if known == register.len() => interleave(&given, &places).expect("batches of one schema"),
            _ => new_null_array(kind, listed.len()),
        }
    };
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "unit_id" => Arc::new(Int32Array::from_iter_values(0..listed.len() as i32)) as ArrayRef,
        name => column(name, field.data_type()),
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("the register has the input shape of `unit`")
}

fn reference(feeds: &[FeedIn], found: &[Vec<Found>], proposals: &Proposals) -> RecordBatch {
    let (mut feed_names, mut methods, mut nearest_names) = (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut at, mut row_counts, mut unit_ids, mut scores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut said: [StringBuilder; 3] = Default::default();
    for ((it, found), proposals) in feeds.iter().zip(found).zip(proposals) {
        let (given, rows) = (texts(it.references), rows(it.references));
        for (row, (found, proposal)) in found.iter().zip(proposals).enumerate() {
            feed_names.append_value(it.feed);
            at.push(row as i32);
            said.iter_mut().zip(given).for_each(|(said, given)| said.append_option(given.is_valid(row).then(|| given.value(row))));
            row_counts.push(rows.value(row));
            unit_ids.push(found.unit_id);
            methods.append_value(found.method);
            nearest_names.append_option(proposal.as_ref().map(|it| it.0.as_str()));
            scores.push(proposal.as_ref().map(|it| it.1));
        }
    }
    let [codes, names, credit_codes] = said.each_mut().map(|it| Arc::new(it.finish()) as ArrayRef);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(feed_names.finish()),
        Arc::new(Int32Array::from(at)),
        codes,
        names,
        credit_codes,
        Arc::new(Int32Array::from(row_counts)),
        Arc::new(Int32Array::from(unit_ids)),
        Arc::new(methods.finish()),
        Arc::new(nearest_names.finish()),
        Arc::new(Float32Array::from(scores)),
    ];
    RecordBatch::try_new(UNIT_REFERENCE.schema(), columns).expect("columns follow the schema")
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;

//! Runs a rule on a night's tables and makes findings of what its query gives.
#![allow(clippy::result_large_err, reason = "a mistake ends the rule; it is never made in a loop over rows")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema};
use chrono::NaiveDate;
use futures::TryStreamExt;

use crate::diag::{Mistake, did_you_mean};
use crate::engine::{Engine, EngineError, Param, Params, params_of};
use crate::finding::{Finding, Line, Subject};
use crate::function;
use crate::mapping::Title;
use crate::rule::{Rule, STANDARD_PARAMS, Status};
use crate::schema;

mod looked_at;
mod names;
mod sentence;

pub use looked_at::{About, LookedAt};
pub use names::Names;
use sentence::{Shape, Template};

/// What a rule is told about the night.
#[derive(Clone, Debug)]
pub struct NightParams {
    /// The night.
    pub tonight: NaiveDate,
    /// `$month`, yyyymm; [`gate`] gives it.
    pub month: i32,
    /// `$first_month`, yyyymm: the first month of the presence window.
    pub first_month: i32,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleResult {
    /// Rule id.
    pub rule: String,
    /// Rows that the query gave.
    pub rows: u64,
    /// What they are about.
    pub about: About,
    /// One finding per subject, by subject key.
    pub findings: Vec<Finding>,
}

/// One feed of tonight, as far as gating goes; the same as a row of the table `feed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// `department/feed`.
    pub feed: String,
    /// The shared table it fills.
    pub table: String,
    /// False when it was left out tonight.
    pub used: bool,
    /// Newest month it covers, yyyymm; null for tables without months.
    pub last_month: Option<i32>,
}

/// `$month` for a rule, or why it may not run tonight: an absent feed is never evidence of absent people.
pub fn gate(rule: &Rule, feeds: &[FeedState], tonight: NaiveDate) -> Result<i32, Title> {
    if rule.status == Status::Draft {
        return Err(Title { zh: "规则尚在起草".to_owned(), en: "the rule is a draft".to_owned() });
    }
    let of = |table: &str| feeds.iter().filter(move |it| it.table == table).collect::<Vec<_>>();
    for table in rule.needs.iter().chain(&rule.excuses) {
        let label = schema::table(table).map_or((table.as_str(), table.as_str()), |it| (it.label_zh, it.label_en));
        if let Some(lost) = of(table).iter().find(|it| !it.used) {
            let (zh, en) =
                (format!("{}数据源 {} 未采用", label.0, lost.feed), format!("the feed {} ({}) was left out", lost.feed, label.1));
            return Err(Title { zh, en });
        }
        if of(table).is_empty() && rule.needs.contains(table) {
            return Err(Title { zh: format!("没有{}数据源", label.0), en: format!("no feed fills `{table}`") });
        }
    }
    // A table's months may come from several feeds, an archive and the current months: the newest of them counts.
    let newest = rule.needs.iter().filter_map(|table| of(table).iter().filter_map(|it| it.last_month).max()).min();
    let before_tonight = function::month_of(function::days(tonight)).and_then(|it| function::add_months(it, -1));
    Ok(newest.or(before_tonight).unwrap_or_default())
}

/// Runs `rule` on the tables of `engine`. The same tables give the same findings, byte for byte.
///
/// A mistake points into the card; when the machine failed and not the card, it says so at the query.
pub async fn run(rule: &Rule, engine: &Engine, night: &NightParams, names: &Names) -> Result<RuleResult, Mistake> {
    let rows = rows(rule, engine, night).await?;
    let columns = Columns::of(rule, rows.schema_ref())?;
    let mut found: BTreeMap<Subject, Vec<usize>> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        if let Some(subject) = columns.subject(&rows, row, names) {
            found.entry(subject).or_default().push(row);
        }
    }
    let mut findings: Vec<Finding> = found.into_iter().map(|(subject, of)| columns.finding(rule, &rows, subject, &of, names)).collect();
    findings.sort_by(|one, other| one.subject.key().cmp(other.subject.key()));
    let about = if columns.person.is_some() { About::People } else { About::Units };
    Ok(RuleResult { rule: rule.id.clone(), rows: rows.num_rows() as u64, about, findings })
}

/// What the query gives, as one batch with plain types.
pub(crate) async fn rows(rule: &Rule, engine: &Engine, night: &NightParams) -> Result<RecordBatch, Mistake> {
    let params = params(rule, night)?;
    let batches = engine.query(&rule.sql, &params).await.map_err(|it| point_at(rule, &it))?;
    let plain: Vec<RecordBatch> = batches.iter().map(|it| plain(rule, it)).collect::<Result<_, _>>()?;
    let schema = plain.first().map_or_else(|| std::sync::Arc::new(Schema::empty()), RecordBatch::schema);
    concat_batches(&schema, &plain).map_err(|it| in_query(rule, format!("the query's batches differ: {it}")))
}

fn params(rule: &Rule, night: &NightParams) -> Result<Params, Mistake> {
    let mut params = rule.params.clone();
    let named = params_of(&rule.sql);
    if let Some(unused) = params.keys().find(|name| !named.iter().any(|(it, _)| it == *name)) {
        let known = named.iter().map(|(it, _)| it.as_str());
        let hint = did_you_mean(unused, known, "use it, or take it out of [params]");
        return Err(rule.source.mistake(rule.sql_at.clone(), format!("the query does not use `${unused}`"), "here").try_this(hint));
    }
    let standard =
        [Param::Day(night.tonight), Param::Month(night.month), Param::Month(night.first_month), Param::Whole(i64::from(rule.grace_months))];
    params.extend(STANDARD_PARAMS.iter().zip(standard).map(|((name, _), value)| ((*name).to_owned(), value)));
    Ok(params)
}

/// Casts what the engine widened or viewed: text is Utf8; `person_id`, months and `*unit_id` are Int32; `amount_fen` is Int64.
fn plain(rule: &Rule, batch: &RecordBatch) -> Result<RecordBatch, Mistake> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let wanted = match field.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..) => DataType::Utf8,
            it if it.is_integer() || *it == DataType::Null => match name.as_str() {
                "person_id" | "month" | "since" => DataType::Int32,
                _ if name.ends_with("unit_id") || name.ends_with("_month") => DataType::Int32,
                "feed" => DataType::Utf8,
                _ if name.ends_with("_feed") => DataType::Utf8,
                _ => DataType::Int64,
            },
            other => other.clone(),
        };
        let array = cast(array, &wanted).map_err(|_| in_query(rule, format!("`{name}` is {}, not {wanted}", field.data_type())))?;
        fields.push(arrow::datatypes::Field::new(name, wanted, true));
        arrays.push(array);
    }
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), arrays).map_err(|it| in_query(rule, it.to_string()))
}

fn in_query(rule: &Rule, what: impl Into<crate::diag::Said>) -> Mistake {
    rule.source.mistake(rule.sql_at.clone(), what, "in this query")
}

/// Shows an error of the engine inside the card.
fn point_at(rule: &Rule, error: &EngineError) -> Mistake {
    let start = rule.sql_at.start;
    let at = error.at.clone().map_or_else(|| rule.sql_at.clone(), |at| start + at.start..start + at.end);
    let mistake = rule.source.mistake(at, error.what.clone(), if error.at.is_some() { "here" } else { "in this query" });
    match &error.hint {
        Some(hint) => mistake.try_this(hint),
        None => mistake,
    }
}

/// What the columns of a query's result are for.
pub(crate) struct Columns {
    person: Option<usize>,
    unit: Option<usize>,
    month: Option<usize>,
    since: Option<usize>,
    amount: Option<usize>,
    /// Feed and row number columns, in pairs.
    places: Vec<(usize, usize)>,
    /// Everything else, and how it is printed.
    facts: Vec<(String, usize, Shape)>,
    zh: Template,
    en: Template,
    /// What the rule was set to.
    settings: BTreeMap<String, String>,
}

impl Columns {
    /// Sorts the columns of `schema`; says what a rule's result lacks.
    pub(crate) fn of(rule: &Rule, schema: &Schema) -> Result<Columns, Mistake> {
        let at = |name: &str| schema.fields().iter().position(|it| it.name() == name);
        let typed = |name: &str, wanted: DataType| match at(name) {
            Some(found) if *schema.field(found).data_type() != wanted => {
                let given = schema.field(found).data_type();
                Err(in_query(rule, format!("`{name}` should be a whole number, not {given}")))
            }
            other => Ok(other),
        };
        let (person, unit) = (typed("person_id", DataType::Int32)?, typed("unit_id", DataType::Int32)?);
        if person.is_none() && unit.is_none() {
            return Err(
                in_query(rule, "the query gives neither `person_id` nor `unit_id`").try_this("a finding is about a person or a unit")
            );
        }
        let (month, since) = (typed("month", DataType::Int32)?, typed("since", DataType::Int32)?);
        let amount = typed("amount_fen", DataType::Int64)?;
        let mut places = Vec::new();
        for (feed, field) in schema.fields().iter().enumerate() {
            let Some(prefix) = field.name().strip_suffix("feed").filter(|it| it.is_empty() || it.ends_with('_')) else { continue };
            if let Some(row_no) = typed(&format!("{prefix}row_no"), DataType::Int64)? {
                if *field.data_type() != DataType::Utf8 {
                    return Err(in_query(rule, format!("`{}` should be text", field.name())));
                }
                places.push((feed, row_no));
            }
        }
        let used: BTreeSet<usize> =
            [person, month, since, amount].into_iter().flatten().chain(places.iter().flat_map(|(one, two)| [*one, *two])).collect();
        let facts = schema.fields().iter().enumerate().filter(|(at, _)| !used.contains(at));
        let facts = facts.map(|(at, field)| (field.name().clone(), at, Shape::of(field, rule))).collect();
        let zh = Template::read(rule, &rule.sentence.zh, &rule.sentence.zh_at, schema)?;
        let en = Template::read(rule, &rule.sentence.en, &rule.sentence.en_at, schema)?;
        Ok(Columns { person, unit, month, since, amount, places, facts, zh, en, settings: rule.settings() })
    }

    /// The person, or the unit where no person is named. None when neither is.
    fn subject(&self, rows: &RecordBatch, row: usize, names: &Names) -> Option<Subject> {
        if let Some(id) = whole(rows, self.person, row) {
            let key = names.person_key(id).map_or_else(|| format!("p-#{id}"), ToOwned::to_owned);
            return Some(Subject::Person { key, id });
        }
        let id = whole(rows, self.unit, row)?;
        let key = names.unit(id).map_or_else(|| format!("u-#{id}"), |it| format!("u-{}", it.code));
        Some(Subject::Unit { key, id })
    }

    fn finding(&self, rule: &Rule, rows: &RecordBatch, subject: Subject, of: &[usize], names: &Names) -> Finding {
        let mut lines: Vec<(Option<i32>, Line)> =
            of.iter().map(|row| (whole(rows, self.unit, *row), self.line(rows, *row, names))).collect();
        lines.sort_by(|(unit, line), (other_unit, other)| {
            (line.month, &line.zh, &line.places, &line.facts, unit).cmp(&(other.month, &other.zh, &other.places, &other.facts, other_unit))
        });
        // The newest line names the unit that has to answer now.
        let unit_id = lines.iter().rev().find_map(|(unit, _)| *unit);
        let months: BTreeSet<i32> = lines.iter().filter_map(|(_, it)| it.month).collect();
        let since = of.iter().filter_map(|row| whole(rows, self.since, *row)).min().or_else(|| months.first().copied());
        let amounts: Vec<i64> = lines.iter().filter_map(|(_, it)| it.amount_fen).collect();
        let linked = match &subject {
            Subject::Person { id, .. } => names.surely(rule, *id),
            Subject::Unit { .. } => 1.0,
        };
        Finding {
            rule: rule.id.clone(),
            family: rule.family,
            severity: rule.severity,
            subject,
            unit_id,
            unit_code: unit_id.and_then(|it| names.unit(it)).map(|it| it.code.clone()),
            months: months.into_iter().collect(),
            since,
            amount_fen: (!amounts.is_empty()).then(|| amounts.iter().fold(0i64, |sum, it| sum.saturating_add(*it))),
            confidence: rule.confidence * linked,
            settings: self.settings.clone(),
            lines: lines.into_iter().map(|(_, it)| it).collect(),
        }
    }

    fn line(&self, rows: &RecordBatch, row: usize, names: &Names) -> Line {
        let place = |(feed, row_no): &(usize, usize)| {
            let (feed, row_no) = (rows.column(*feed).as_string::<i32>(), rows.column(*row_no).as_primitive::<Int64Type>());
            (feed.is_valid(row) && row_no.is_valid(row)).then(|| (feed.value(row).to_owned(), row_no.value(row)))
        };
        let fact = |(name, at, shape): &(String, usize, Shape)| Some((name.clone(), shape.fact(rows.column(*at), row, names)?));
        Line {
            month: whole(rows, self.month, row),
            zh: self.zh.render(rows, row, names),
            en: self.en.render(rows, row, names),
            amount_fen: self
                .amount
                .map(|at| rows.column(at).as_primitive::<Int64Type>())
                .filter(|it| it.is_valid(row))
                .map(|it| it.value(row)),
            places: self.places.iter().filter_map(place).collect(),
            facts: self.facts.iter().filter_map(fact).collect(),
        }
    }

    /// The sentences of one row, for examples that state them.
    pub(crate) fn sentences(&self, rows: &RecordBatch, row: usize, names: &Names) -> (String, String) {
        (self.zh.render(rows, row, names), self.en.render(rows, row, names))
    }
}

fn whole(rows: &RecordBatch, column: Option<usize>, row: usize) -> Option<i32> {
    let array = rows.column(column?).as_primitive::<Int32Type>();
    array.is_valid(row).then(|| array.value(row))
}

async fn next(stream: &mut datafusion::execution::SendableRecordBatchStream) -> Result<Option<RecordBatch>, EngineError> {
    stream.try_next().await.map_err(|it| EngineError::of(&it, "", &[]))
}

/// A place in a sentence of the card, in bytes of the card.
fn within(at: &Range<usize>, card: &str, part: &str) -> Range<usize> {
    let text = card.get(at.clone()).unwrap_or_default();
    text.find(part).map_or_else(|| at.clone(), |start| at.start + start..at.start + start + part.len())
}

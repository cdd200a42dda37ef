//! `muster explain link ROW`: how one identity was linked, and what each field was worth.
//!
//! A row is named `department/feed#n`, as `muster explain` prints it. The night's own word (pass, score, repairs) stands first; beside it the
//! model of `muster link model` weighs the row against everybody whom the other sources know, so that a reviewer sees the whole sum:
//! prior, each field's level, posterior, and who else it might be. Read from the night's Parquet alone.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Int32Type};
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;
use muster_core::link::explain::{self, Compared, Told};
use muster_core::link::judge;
use muster_core::link::model::Model;
use muster_core::link::pair::{Candidate, Evidence, Pairing, Settings, Side, Texts};
use muster_core::mask;
use serde::Serialize;

use super::Trouble;
use super::files;
use crate::archive::Archive;
use crate::pull;

/// Candidates beyond these are counted.
const CANDIDATES_SHOWN_MAX: usize = 5;

/// One identity of a night: `department/feed#n`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub feed: String,
    pub who: i32,
}

impl Row {
    /// Reads `department/feed#n`.
    pub fn read(text: &str) -> Option<Row> {
        let (feed, who) = text.rsplit_once('#')?;
        let who = who.parse().ok().filter(|it| *it >= 0)?;
        feed.split_once('/').filter(|(department, feed)| !department.is_empty() && !feed.is_empty())?;
        Some(Row { feed: feed.to_owned(), who })
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}#{}", self.feed, self.who)
    }
}

/// What one identity says, as the night kept it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Said {
    pub id_number: Option<String>,
    pub name: Option<String>,
    pub sex: Option<String>,
    pub birth_date: Option<String>,
    pub unit: Option<String>,
}

/// How one identity was linked.
#[derive(Debug, Serialize)]
pub struct LinkTold {
    pub night: NaiveDate,
    /// `department/feed#n`.
    pub row: String,
    /// Lasting key of the person it was linked to; null for nobody.
    pub person_key: Option<String>,
    /// The pass that decided.
    pub method: String,
    pub score: f32,
    pub repairs: Option<String>,
    pub conflict: Option<String>,
    /// The decision as a sentence.
    pub zh: String,
    pub en: String,
    /// Both sides, field by field.
    pub fields: Vec<Compared>,
    /// Version of the model that weighs.
    pub model_version: u32,
    /// The people it may be, the most probable first; the one it was linked to is always among them where another source knows him.
    pub candidates: Vec<CandidateTold>,
    /// Candidates that are not shown.
    pub more: usize,
}

/// One person whom the identity may be.
#[derive(Debug, Serialize)]
pub struct CandidateTold {
    pub person_key: String,
    /// Whether the night linked the identity to this person.
    pub linked: bool,
    /// What the other sources say of the person.
    pub said: Said,
    /// The keys under which both meet.
    pub keys: Vec<&'static str>,
    /// The sum, line by line.
    pub steps: Vec<StepTold>,
    /// The probability, beside the other candidates and nobody.
    pub posterior: f64,
}

/// One line of the sum.
#[derive(Debug, Serialize)]
pub struct StepTold {
    pub field: &'static str,
    pub level: &'static str,
    /// log2 of how much more often one person's records agree so than two people's.
    pub bits: f64,
    /// The sum so far.
    pub after: f64,
}

/// What a row of a night says, word for word, as judgements keep it; `None` where the night does not have it.
pub fn said_by(archive: &Archive, night: NaiveDate, row: &Row) -> Result<Option<judge::Row>, Trouble> {
    let Some(rows) = archive.rows(&archive.night(night).join("identity.parquet"))? else { return Ok(None) };
    for batch in rows.build()? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            if int(&batch, "who", at)? == Some(row.who) && text(&batch, "feed", at)?.as_ref() == Some(&row.feed) {
                let [id_number, name, sex, birth] = cells(&batch, at)?.cells;
                let birth_date = birth.parse().ok();
                return Ok(Some(judge::Row { feed: row.feed.clone(), id_number, name, sex, birth_date }));
            }
        }
    }
    Ok(None)
}

/// Explains one identity of a night; `None` where the night does not have it.
pub fn link(archive: &Archive, night: NaiveDate, row: &Row, reveal: bool) -> Result<Option<LinkTold>, Trouble> {
    let kept = files::Night::open(archive, night)?;
    let units = |unit: i32| kept.unit(unit);
    let Some(read) = read(archive, night, row)? else { return Ok(None) };
    let keys = kept.person_keys()?;
    let key = |person: i32| keys.get(&person).cloned().unwrap_or_default();

    let (left, people) = read.others.side();
    let linked_to = people.iter().position(|it| Some(*it) == read.asked.person);
    let settings = Settings { model: Model::shipped(), threads: pull::cores(), same_file: false };
    let mut pairing = Pairing::read(&left, &read.own.side, settings);
    let asked: Vec<u32> = linked_to.iter().map(|it| *it as u32).collect();
    let found = pairing.candidates(read.asked.at, &asked);
    let said = |side: &Side, at: usize, unit: Option<i32>| masked(said(side, at, unit.and_then(&units)), reveal);
    let told = |it: &Candidate| {
        let left_at = it.left as usize;
        CandidateTold {
            person_key: key(people[left_at]),
            linked: Some(left_at) == linked_to,
            said: said(&left, left_at, read.others.unit(people[left_at])),
            keys: it.keys.clone(),
            steps: waterfall(it),
            posterior: it.posterior,
        }
    };
    let shown = |(at, it): &(usize, &Candidate)| *at < CANDIDATES_SHOWN_MAX || Some(it.left as usize) == linked_to;
    let candidates: Vec<CandidateTold> = found.iter().enumerate().filter(shown).map(|(_, it)| told(it)).collect();
    let more = found.len() - candidates.len();

    let asked = &read.asked;
    let source = self::said(&read.own.side, asked.at as usize, None);
    let person = linked_to.map(|it| self::said(&left, it, None)).unwrap_or_default();
    let sentence = Told {
        method: &asked.method,
        score: asked.score,
        id_state: &asked.id_state,
        repairs: asked.repairs.as_deref(),
        conflict: asked.conflict.as_deref(),
    };
    let explained = explain::explain(&sentence, &side_of(&source), &side_of(&person));
    let mut fields = explained.fields;
    let name = |it: &mut Option<String>| *it = it.take().map(|it| if reveal { it } else { mask::name(&it) });
    fields.iter_mut().filter(|it| it.field == "name").for_each(|it| {
        name(&mut it.source);
        name(&mut it.person);
    });
    Ok(Some(LinkTold {
        night,
        row: row.to_string(),
        person_key: asked.person.map(key),
        method: asked.method.clone(),
        score: asked.score,
        repairs: asked.repairs.clone(),
        conflict: asked.conflict.clone(),
        zh: explained.zh,
        en: explained.en,
        fields,
        model_version: Model::shipped().version,
        candidates,
        more,
    }))
}

fn waterfall(candidate: &Candidate) -> Vec<StepTold> {
    let mut after = 0.0;
    let step = |it: &muster_core::link::pair::Step| {
        after += it.bits;
        StepTold { field: it.field, level: it.level, bits: it.bits, after }
    };
    candidate.steps.iter().map(step).collect()
}

fn said(side: &Side, at: usize, unit: Option<String>) -> Said {
    let text = |it: &Option<Texts>| it.as_ref().map(|it| it.get(at).to_owned()).filter(|it| !it.is_empty());
    Said { id_number: text(&side.id), name: text(&side.name), sex: text(&side.sex), birth_date: text(&side.birth), unit }
}

fn masked(mut said: Said, reveal: bool) -> Said {
    if !reveal {
        said.id_number = said.id_number.as_deref().map(mask::id_number);
        said.name = said.name.as_deref().map(mask::name);
    }
    said
}

fn side_of(said: &Said) -> explain::Side<'_> {
    explain::Side {
        id_number: said.id_number.as_deref(),
        name: said.name.as_deref(),
        sex: said.sex.as_deref(),
        birth_date: said.birth_date.as_deref().and_then(|it| it.parse().ok()),
    }
}

/// What the night kept, as far as it matters to one identity.
struct Read {
    asked: Asked,
    own: Feed,
    others: Others,
}

/// The identity that is asked for.
struct Asked {
    /// Its place in its feed's side.
    at: u32,
    person: Option<i32>,
    method: String,
    score: f32,
    id_state: String,
    repairs: Option<String>,
    conflict: Option<String>,
}

/// Every identity of the feed that is asked for: they teach the model.
#[derive(Default)]
struct Feed {
    side: Side,
}

/// By person: what the best of the other feeds says.
#[derive(Default)]
struct Others {
    people: HashMap<i32, Known>,
}

struct Known {
    rank: usize,
    cells: [String; 4],
    unit: Option<i32>,
}

/// Sources in the order in which they are believed; the others follow.
const BELIEVED: [&str; 3] = ["establishment", "employment", "payment"];

impl Others {
    fn add(&mut self, row: &Cells) {
        let Some(person) = row.person else { return };
        let rank = BELIEVED.iter().position(|it| *it == row.table).unwrap_or(BELIEVED.len());
        let known = Known { rank, cells: row.cells.clone(), unit: row.unit };
        match self.people.get_mut(&person) {
            Some(best) if best.rank <= rank => best.fill(known),
            Some(best) => {
                let before = std::mem::replace(best, known);
                best.fill(before);
            }
            None => drop(self.people.insert(person, known)),
        }
    }

    fn unit(&self, person: i32) -> Option<i32> {
        self.people.get(&person).and_then(|it| it.unit)
    }

    /// One row for each person, in their order, and who they are.
    fn side(&self) -> (Side, Vec<i32>) {
        let mut people: Vec<i32> = self.people.keys().copied().collect();
        people.sort_unstable();
        let mut feed = Feed::default();
        for known in people.iter().map(|it| &self.people[it]) {
            feed.add(&known.cells, known.unit);
        }
        (feed.side, people)
    }
}

impl Known {
    /// What is not told yet is taken from a source that is believed less.
    fn fill(&mut self, other: Known) {
        self.cells.iter_mut().zip(other.cells).filter(|(cell, _)| cell.is_empty()).for_each(|(cell, told)| *cell = told);
        self.unit = self.unit.or(other.unit);
    }
}

impl Feed {
    fn add(&mut self, cells: &[String; 4], unit: Option<i32>) {
        let side = &mut self.side;
        let columns = [&mut side.id, &mut side.name, &mut side.sex, &mut side.birth];
        columns.into_iter().zip(cells).for_each(|(column, cell)| column.get_or_insert_default().push(cell));
        if side.more.is_empty() {
            side.more.push((Evidence::Unit, Texts::default()));
        }
        side.more[0].1.push(&unit.map(|it| it.to_string()).unwrap_or_default());
        side.rows += 1;
    }
}

/// One row of `identity`.
struct Cells {
    feed: String,
    table: String,
    who: i32,
    cells: [String; 4],
    unit: Option<i32>,
    person: Option<i32>,
}

fn read(archive: &Archive, night: NaiveDate, row: &Row) -> Result<Option<Read>, Trouble> {
    let Some(rows) = archive.rows(&archive.night(night).join("identity.parquet"))? else { return Ok(None) };
    let (mut own, mut others, mut asked) = (Feed::default(), Others::default(), None);
    for batch in rows.build()? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            let cells = cells(&batch, at)?;
            if cells.feed != row.feed {
                others.add(&cells);
                continue;
            }
            if cells.who == row.who {
                asked = Some(asked_of(&batch, at, own.side.rows as u32, cells.person)?);
            }
            own.add(&cells.cells, cells.unit);
        }
    }
    Ok(asked.map(|asked| Read { asked, own, others }))
}

fn cells(batch: &RecordBatch, at: usize) -> Result<Cells, Trouble> {
    let text = |column: &str| text(batch, column, at).map(Option::unwrap_or_default);
    let cells = [text("id_number")?, text("name")?, text("sex")?, text("birth_date")?];
    let who = int(batch, "who", at)?.unwrap_or(-1);
    Ok(Cells {
        feed: text("feed")?,
        table: text("table_name")?,
        who,
        cells,
        unit: int(batch, "unit_id", at)?,
        person: int(batch, "person_id", at)?,
    })
}

fn asked_of(batch: &RecordBatch, at: usize, place: u32, person: Option<i32>) -> Result<Asked, Trouble> {
    let score = files::of(batch, "score")?.as_primitive_opt::<Float32Type>().filter(|it| it.is_valid(at)).map_or(0.0, |it| it.value(at));
    Ok(Asked {
        at: place,
        person,
        method: text(batch, "method", at)?.unwrap_or_default(),
        score,
        id_state: text(batch, "id_state", at)?.unwrap_or_default(),
        repairs: text(batch, "repairs", at)?,
        conflict: text(batch, "conflict", at)?,
    })
}

fn text(batch: &RecordBatch, column: &str, at: usize) -> Result<Option<String>, Trouble> {
    let cells = files::of(batch, column)?;
    if let Some(texts) = cells.as_string_opt::<i32>() {
        return Ok(texts.is_valid(at).then(|| texts.value(at).to_owned()));
    }
    Ok(if cells.is_null(at) { None } else { Some(array_value_to_string(cells, at)?) })
}

fn int(batch: &RecordBatch, column: &str, at: usize) -> Result<Option<i32>, Trouble> {
    let cells = files::of(batch, column)?.as_primitive_opt::<Int32Type>();
    Ok(cells.filter(|it| it.is_valid(at)).map(|it| it.value(at)))
}

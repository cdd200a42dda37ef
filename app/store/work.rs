//! What people did about cases, and where each case stands.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use muster_core::calendar::Calendar;
use muster_core::case::amount::Amounts;
use muster_core::case::escalation::{self, Escalation, Ladder, Step};
use muster_core::case::work::{self, Act, Deadlines, Deed, Refused, Stage, Standing};
use muster_core::case::{Case, State};

use super::audit::{self, Entry};
use super::db::{Row, Tx, personal, values};
use super::{Number, Store, StoreError, case, day, from_json, json, retain};
use crate::night::Said;
use crate::words::Lang;

/// How long each step may take, and when somebody above hears that it took longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// For each step.
    pub deadlines: Deadlines,
    /// Past them.
    pub ladder: Ladder,
}

/// A case with all that people did about it.
#[derive(Clone, Debug)]
pub struct Worked {
    /// As it is after the newest night; [`State::Settled`] where people have decided.
    pub case: Case,
    /// The night on which it was opened or came back last.
    pub came_on: NaiveDate,
    /// The newest night of all.
    pub newest: NaiveDate,
    /// In order.
    pub acts: Vec<Act>,
    /// What they come to.
    pub standing: Standing,
    /// Who heard that it is past its present due day, and on which night.
    pub escalated: Vec<(Step, NaiveDate)>,
}

impl Worked {
    /// Whether the next step is past its day: that of an open case, or money that was demanded.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        let waits = self.case.state.is_open() || self.standing.stage == Stage::Measures;
        waits && self.standing.due.is_some_and(|due| today > due)
    }

    /// What it comes to in money.
    pub fn amounts(&self) -> Amounts {
        Amounts::of(&self.case, &self.standing)
    }
}

/// What somebody wants to do about a case.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Number of the case, as a person types it.
    pub number: String,
    /// What.
    pub deed: Deed,
    /// In words.
    pub text: String,
    /// How many acts whoever wants it knew of; null: all there are.
    pub after: Option<usize>,
}

/// Who does something, and when.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// Id of a person of `people.toml`, or `local:USER`.
    pub who: &'a str,
    /// The operating system's user that it came from.
    pub login: &'a str,
    /// Instant, UTC.
    pub at: &'a str,
    /// The day.
    pub on: NaiveDate,
    /// Nothing is written, however it ends.
    pub only_try: bool,
}

/// Why an act was not written. Nothing of what was wanted is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// No case has this number.
    NoCase(String),
    /// It is not possible.
    Refused(String, Refused),
    /// Somebody did something about the case meanwhile: who and when last.
    Newer(String, String, String),
}

impl NotDone {
    /// Number of the case.
    pub fn number(&self) -> &str {
        match self {
            NotDone::NoCase(it) | NotDone::Refused(it, _) | NotDone::Newer(it, _, _) => it,
        }
    }

    /// In words.
    pub fn told(&self) -> Said {
        match self {
            NotDone::NoCase(_) => Said { zh: "没有这个编号的问题".to_owned(), en: "no case has this number".to_owned() },
            NotDone::Refused(_, why) => Said { zh: why.told().0.to_owned(), en: why.told().1.to_owned() },
            NotDone::Newer(_, who, at) => Said {
                zh: format!("清单导出后，{who} 于 {at} 已办理；请重新导出后填写"),
                en: format!("{who} has worked on it at {at}, after the list was taken out; take out a new one"),
            },
        }
    }
}

/// All of them in words, and that nothing was changed.
pub fn refused(not_done: &[NotDone], lang: Lang) -> String {
    let told = |it: &NotDone| format!("{}: {}", it.number(), lang.pick(it.told().zh, it.told().en));
    let told: Vec<String> = not_done.iter().map(told).collect();
    format!("{}{}", told.join("\n"), lang.pick("；全部未改动", "; nothing was changed"))
}

/// Whether two texts are one case number, as people type them.
pub fn same_number(one: &str, other: &str) -> bool {
    Number::read(one).is_some() && Number::read(one) == Number::read(other)
}

impl Store {
    /// Every case that some night knows, with its acts, by number.
    pub async fn worked(&self, calendar: &Calendar) -> Result<Vec<Worked>, StoreError> {
        all(&mut self.db.read().await?, calendar, self.terms.deadlines).await
    }

    /// The case with this number; null when no night that counts knows it.
    pub async fn worked_case(&self, number: &str, calendar: &Calendar) -> Result<Option<Worked>, StoreError> {
        let numbers: Vec<Number> = Number::read(number).into_iter().collect();
        Ok(some(&mut self.db.read().await?, calendar, self.terms.deadlines, &numbers).await?.pop())
    }

    /// Does all of `wanted`, or nothing of it and says everything that is wrong; each act is written into the audit log with it. Gives the
    /// cases about which something was done. What was done already, by a list that comes twice, is not done again.
    ///
    /// A case that `sees` says no to is not there.
    pub async fn act(
        &self,
        sees: impl Fn(&Case) -> bool + Send,
        actor: &Actor<'_>,
        wanted: &[Wanted],
        calendar: &Calendar,
    ) -> Result<Result<Vec<Worked>, Vec<NotDone>>, StoreError> {
        let Actor { who, login, at, on, only_try } = *actor;
        let deadlines = self.terms.deadlines;
        let mut write = self.write().await?;
        let numbers: Vec<Number> = wanted.iter().filter_map(|it| Number::read(&it.number)).collect();
        let mut cases: BTreeMap<String, Worked> = some(&mut write, calendar, deadlines, &numbers)
            .await?
            .into_iter()
            .filter(|it| sees(&it.case))
            .filter_map(|it| Some((it.case.number.clone()?, it)))
            .collect();
        let (mut touched, mut not_done) = (Vec::new(), Vec::new());
        for it in wanted {
            let number = Number::read(&it.number).map(Number::text);
            let Some(worked) = number.and_then(|it| cases.get_mut(&it)) else {
                not_done.push(NotDone::NoCase(it.number.clone()));
                continue;
            };
            let number = worked.case.number.clone().unwrap_or_default();
            if retain::is_gone(&worked.case.key) {
                not_done.push(NotDone::Refused(number, Refused::Gone));
                continue;
            }
            let newer = it.after.and_then(|it| worked.acts.get(it..)).unwrap_or_default();
            if newer.iter().any(|act| act.deed == it.deed && act.text == it.text && act.who == who) {
                continue;
            }
            if let Some(last) = newer.last() {
                not_done.push(NotDone::Newer(number, last.who.clone(), last.at.clone()));
                continue;
            }
            let may = work::may(&it.deed, &it.text, who, on, &worked.acts, worked.came_on, &worked.standing);
            let may = match (&it.deed, may) {
                (Deed::Duplicate { of }, Ok(())) => may_be_duplicate(&mut write, &number, of, &sees, calendar, deadlines).await?,
                (_, may) => may,
            };
            if let Err(why) = may {
                not_done.push(NotDone::Refused(number, why));
                continue;
            }
            let act =
                Act { at: at.to_owned(), on, night: worked.newest, who: who.to_owned(), deed: it.deed.clone(), text: it.text.clone() };
            let place = worked.acts.len() as u64 + 1;
            let insert = "insert into case_act (case_key, place, night, body) values ($1, $2, $3, $4)";
            write.run(insert, values![&worked.case.key, place, act.night, personal(json(&act))]).await?;
            let mut detail = BTreeMap::from([("login".to_owned(), login.to_owned())]);
            match &act.deed {
                Deed::Decided { outcome, .. } => drop(detail.insert("outcome".to_owned(), format!("{outcome:?}"))),
                Deed::Duplicate { of } => drop(detail.insert("of".to_owned(), of.clone())),
                _ => {}
            }
            let what = format!("case-{}", act.deed.word());
            audit::append(&mut write, &Entry { at: at.to_owned(), who: who.to_owned(), what, about: number.clone(), detail }).await?;
            worked.acts.push(act);
            worked.standing = work::standing(&worked.acts, worked.came_on, calendar, deadlines);
            touched.push(number);
        }
        if !not_done.is_empty() {
            return Ok(Err(not_done));
        }
        if !only_try {
            write.commit().await?;
        }
        Ok(Ok(touched.into_iter().filter_map(|it| cases.remove(&it)).collect()))
    }
}

/// Tells which of `cases`, as they were before `tonight`, are settled, and gives what is so late that somebody above is to hear of it.
pub(super) async fn settle(
    db: &mut Tx,
    cases: &mut [Case],
    tonight: NaiveDate,
    calendar: &Calendar,
    terms: Terms,
) -> Result<Vec<Escalation>, StoreError> {
    let mut standings = standings(db, cases, tonight, calendar, terms.deadlines).await?;
    let keys: Vec<&str> = cases.iter().map(|it| it.key.as_str()).collect();
    let steps = escalations_of(db, &keys, Some(tonight)).await?;
    let mut late = Vec::new();
    for case in cases.iter_mut() {
        let Some((standing, is_touched)) = standings.remove(&case.key) else { continue };
        if is_touched {
            case.state = overlaid(case.state, &standing);
        }
        let waits = case.state.is_open() || standing.stage == Stage::Measures;
        let Some(due) = standing.due.filter(|_| waits && !retain::is_gone(&case.key)) else { continue };
        let taken: Vec<Step> = steps.get(&case.key).into_iter().flatten().filter(|it| it.1 == due).map(|it| it.0).collect();
        if let Some(step) = escalation::step(due, &taken, tonight, calendar, terms.ladder) {
            late.push(Escalation { case: case.key.clone(), step, due });
        }
    }
    Ok(late)
}

/// Where each of `cases`, as they were before `tonight`, stands, and whether anybody did anything about it, by key.
async fn standings(
    db: &mut Tx,
    cases: &[Case],
    tonight: NaiveDate,
    calendar: &Calendar,
    deadlines: Deadlines,
) -> Result<BTreeMap<String, (Standing, bool)>, StoreError> {
    let keys: Vec<&str> = cases.iter().map(|it| it.key.as_str()).collect();
    let (acts, came) = (acts_of(db, &keys).await?, came_of(db, &keys, Some(tonight)).await?);
    let of = |key: &str| {
        let acts = acts.get(key);
        let standing = work::standing(acts.map_or(&[], Vec::as_slice), *came.get(key)?, calendar, deadlines);
        Some((key.to_owned(), (standing, acts.is_some())))
    };
    Ok(keys.into_iter().filter_map(of).collect())
}

/// When the next step of each of `cases`, as they were before `tonight`, is due, by key.
pub(super) async fn due_of(
    db: &mut Tx,
    cases: &[Case],
    tonight: NaiveDate,
    calendar: &Calendar,
    deadlines: Deadlines,
) -> Result<BTreeMap<String, NaiveDate>, StoreError> {
    let standings = standings(db, cases, tonight, calendar, deadlines).await?;
    Ok(standings.into_iter().filter_map(|(key, (standing, _))| Some((key, standing.due?))).collect())
}

/// The state that the newest night knows, and what people did since. What they opened again stands like what was cured: when its
/// findings are there tonight, it comes back.
fn overlaid(state: State, standing: &Standing) -> State {
    match (work::settled(standing), state) {
        (Some(now), State::Settled(then)) => State::Settled(work::Settled { told: then.told, ..now }),
        (Some(now), State::Open | State::Reopened) => State::Settled(now),
        (None, State::Settled(_)) => State::Cured,
        (_, state) => state,
    }
}

/// Whether case `number` may be said to be the same as `of`: that is there, is another, and does not point back.
async fn may_be_duplicate(
    db: &mut Tx,
    number: &str,
    of: &str,
    sees: &(impl Fn(&Case) -> bool + Send),
    calendar: &Calendar,
    deadlines: Deadlines,
) -> Result<Result<(), Refused>, StoreError> {
    if same_number(number, of) {
        return Ok(Err(Refused::Itself));
    }
    let mut at = of.to_owned();
    let mut passed: BTreeSet<String> = BTreeSet::new();
    loop {
        let found = match Number::read(&at) {
            Some(at) => some(db, calendar, deadlines, &[at]).await?.pop(),
            None => None,
        };
        let Some(found) = found.filter(|it| !passed.is_empty() || sees(&it.case)) else { return Ok(Err(Refused::NoOther)) };
        let Some(next) = found.standing.duplicate_of else { return Ok(Ok(())) };
        if same_number(number, &next) || !passed.insert(at) {
            return Ok(Err(Refused::Circle));
        }
        at = next;
    }
}

pub(super) async fn all(db: &mut Tx, calendar: &Calendar, deadlines: Deadlines) -> Result<Vec<Worked>, StoreError> {
    let rows = db
        .rows(
            "with newest as (
                 select v.case_key, max(v.run) as run from case_version v join night n using (run) group by v.case_key)
             select f.year, f.serial, v.body
             from newest join case_version v using (case_key, run) join case_file f using (case_key)
             order by f.year, f.serial",
            values![],
        )
        .await?;
    let known = Known { acts: acts(db).await?, came: came(db).await?, steps: escalations(db).await? };
    worked(db, &rows, known, calendar, deadlines).await
}

/// The cases with these numbers that some night knows, by number.
async fn some(db: &mut Tx, calendar: &Calendar, deadlines: Deadlines, numbers: &[Number]) -> Result<Vec<Worked>, StoreError> {
    let mut keys = BTreeSet::new();
    for Number { year, serial } in numbers {
        let row = db.row("select case_key from case_file where year = $1 and serial = $2", values![*year, *serial]).await?;
        keys.extend(row.map(|it| it.text("case_key").map(str::to_owned)).transpose()?);
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let sql = "with newest as (
                   select case_key, max(run) as run from case_version
                   where case_key in ({keys}) and +run in (select run from night) group by case_key)
               select f.year, f.serial, v.body
               from newest join case_version v using (case_key, run) join case_file f using (case_key)
               order by f.year, f.serial";
    let rows = db.rows_of(sql, &[], &keys).await?;
    let known =
        Known { acts: acts_of(db, &keys).await?, came: came_of(db, &keys, None).await?, steps: escalations_of(db, &keys, None).await? };
    worked(db, &rows, known, calendar, deadlines).await
}

/// The cases that the newest night before `tonight` told as decided.
pub(super) async fn decided_before(db: &mut Tx, tonight: NaiveDate) -> Result<Vec<Case>, StoreError> {
    let sql = "with newest as (
                   select case_key, max(run) as run from case_event
                   where run in (select run from night where night < $1) group by case_key)
               select f.year, f.serial, v.body
               from newest join case_event e using (case_key, run) join case_version v using (case_key, run)
                    join case_file f using (case_key)
               where e.what = 'decided' order by f.case_key";
    db.rows(sql, values![tonight]).await?.iter().map(case).collect()
}

/// Cases as they were read, with what stands beside them.
async fn worked(db: &mut Tx, rows: &[Row], mut known: Known, calendar: &Calendar, deadlines: Deadlines) -> Result<Vec<Worked>, StoreError> {
    let Some(newest) = newest(db).await? else { return Ok(Vec::new()) };
    rows.iter().map(|it| Ok(known.worked(case(it)?, newest, calendar, deadlines))).collect()
}

async fn newest(db: &mut Tx) -> Result<Option<NaiveDate>, StoreError> {
    let newest = db.row("select max(night) as newest from night_run", values![]).await?;
    newest.as_ref().map(|it| it.maybe_text("newest")).transpose()?.flatten().map(day).transpose()
}

/// By case: who heard that it is late, past which day, on which night.
type Steps = BTreeMap<String, Vec<(Step, NaiveDate, NaiveDate)>>;

/// What stands beside the cases, by their keys.
struct Known {
    acts: BTreeMap<String, Vec<Act>>,
    came: BTreeMap<String, NaiveDate>,
    steps: Steps,
}

impl Known {
    fn worked(&mut self, mut case: Case, newest: NaiveDate, calendar: &Calendar, deadlines: Deadlines) -> Worked {
        let acts = self.acts.remove(&case.key).unwrap_or_default();
        let came_on = self.came.get(&case.key).copied().unwrap_or(case.opened_on);
        let standing = work::standing(&acts, came_on, calendar, deadlines);
        // A case that nobody has to do anything about any more, but that a person has opened again, is open here already.
        case.state = match (case.state, overlaid(case.state, &standing)) {
            (State::Settled(_), State::Cured) => State::Reopened,
            (_, state) => state,
        };
        let steps = self.steps.remove(&case.key).unwrap_or_default();
        let escalated = steps.into_iter().filter(|it| Some(it.1) == standing.due).map(|(step, _, night)| (step, night)).collect();
        Worked { case, came_on, newest, acts, standing, escalated }
    }
}

/// Acts by case, in order.
pub(super) async fn acts(db: &mut Tx) -> Result<BTreeMap<String, Vec<Act>>, StoreError> {
    by_case(&db.rows("select case_key, body from case_act order by case_key, place", values![]).await?)
}

async fn acts_of(db: &mut Tx, keys: &[&str]) -> Result<BTreeMap<String, Vec<Act>>, StoreError> {
    let sql = "select case_key, body from case_act where case_key in ({keys}) order by case_key, place";
    by_case(&db.rows_of(sql, &[], keys).await?)
}

fn by_case(rows: &[Row]) -> Result<BTreeMap<String, Vec<Act>>, StoreError> {
    let mut acts: BTreeMap<String, Vec<Act>> = BTreeMap::new();
    for row in rows {
        acts.entry(row.text("case_key")?.to_owned()).or_default().push(from_json("case act", row.text("body")?)?);
    }
    Ok(acts)
}

/// By case: the night on which it was opened or came back last.
async fn came(db: &mut Tx) -> Result<BTreeMap<String, NaiveDate>, StoreError> {
    let sql = "select e.case_key, max(n.night) as night from case_event e join night n using (run)
               where e.what in ('opened', 'reopened') group by e.case_key";
    nights(&db.rows(sql, values![]).await?)
}

/// The same for these cases; before `tonight` where that is given.
async fn came_of(db: &mut Tx, keys: &[&str], tonight: Option<NaiveDate>) -> Result<BTreeMap<String, NaiveDate>, StoreError> {
    // The plus keeps SQLite from looking every case up in every night.
    let sql = "with newest as (
                   select case_key, max(run) as run from case_event
                   where case_key in ({keys}) and what in ('opened', 'reopened') and +run in (select run from night where night < $1)
                   group by case_key)
               select newest.case_key, n.night from newest join night_run n using (run)";
    let before = tonight.map_or_else(|| "9999-12-31".to_owned(), |it| it.to_string());
    nights(&db.rows_of(sql, &[before.into()], keys).await?)
}

fn nights(rows: &[Row]) -> Result<BTreeMap<String, NaiveDate>, StoreError> {
    rows.iter().map(|it| Ok((it.text("case_key")?.to_owned(), day(it.text("night")?)?))).collect()
}

/// Who heard of late cases, oldest first.
async fn escalations(db: &mut Tx) -> Result<Steps, StoreError> {
    let sql = "select e.case_key, e.step, e.due, n.night from case_escalation e join night n using (run) order by n.night";
    steps_of(&db.rows(sql, values![]).await?)
}

/// The same for these cases; before `tonight` where that is given.
async fn escalations_of(db: &mut Tx, keys: &[&str], tonight: Option<NaiveDate>) -> Result<Steps, StoreError> {
    let sql = "select e.case_key, e.step, e.due, n.night from case_escalation e join night n using (run)
               where e.case_key in ({keys}) and n.night < $1 order by n.night";
    let before = tonight.map_or_else(|| "9999-12-31".to_owned(), |it| it.to_string());
    steps_of(&db.rows_of(sql, &[before.into()], keys).await?)
}

fn steps_of(rows: &[Row]) -> Result<Steps, StoreError> {
    let mut steps = Steps::new();
    for row in rows {
        let step = Step::read(row.text("step")?).ok_or(StoreError::Damaged { what: "escalation" })?;
        let told = (step, day(row.text("due")?)?, day(row.text("night")?)?);
        steps.entry(row.text("case_key")?.to_owned()).or_default().push(told);
    }
    Ok(steps)
}

/// Keeps what the night in `run` tells those above.
pub(super) async fn keep_escalations(db: &mut Tx, run: i64, escalated: &[Escalation]) -> Result<(), StoreError> {
    let rows = escalated.iter().map(|it| values![run, &it.case, it.step.word(), it.due]).collect();
    db.insert("insert into case_escalation (run, case_key, step, due)", rows).await
}

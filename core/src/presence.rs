//! Who was where in which month: the four stories about every person, month by month, computed once a night.
//!
//! Most rules read the table `presence` instead of the tables behind it, so that a hundred rules do not scan 24 million
//! payments a hundred times. It is held as dense arrays, one per month over all persons: two bytes of flags and four unit
//! numbers, which makes ten bytes per person and month (eighteen in a city of more than 65,534 units).
//!
//! 1. [`window`] finds the months that the monthly feeds cover;
//! 2. [`compute`] streams a few narrow columns of nine tables into the arrays, and registers the table `presence`,
//!    whose batches are made when they are asked for ([`table`]).
//!
//! Where several rows compete for a month the outcome does not depend on chance: rows come in the order of feeds and files.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type};
use chrono::NaiveDate;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::engine::{Engine, EngineError, Params};
use crate::function::{self, days, month_index};

mod facet;
mod table;

use facet::{Months, Spell, Units, spread};

/// The months that presence covers, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First month, yyyymm.
    pub first: i32,
    /// Last month, yyyymm.
    pub last: i32,
}

/// More than five years are never looked at.
pub const WINDOW_MONTHS_MAX: i32 = 60;

impl Window {
    /// From `first` to `last`, yyyymm; cut at its old end when it is longer than [`WINDOW_MONTHS_MAX`]. None when there is no month
    /// in it.
    pub fn new(first: i32, last: i32) -> Option<Window> {
        let first_index = month_index(first)?.max(month_index(last)? - WINDOW_MONTHS_MAX + 1);
        (first_index <= month_index(last)?).then_some(Window { first: function::index_month(first_index)?, last })
    }

    /// How many months.
    pub fn months(self) -> usize {
        function::months_between(self.first, self.last).map_or(0, |it| it as usize + 1)
    }

    /// The months, yyyymm, rising.
    pub fn list(self) -> Vec<i32> {
        (0..self.months()).filter_map(|it| function::add_months(self.first, it as i32)).collect()
    }

    /// Which month of the window `month` is; none outside.
    fn at(self, month: i32) -> Option<usize> {
        let at = function::months_between(self.first, month)?;
        usize::try_from(at).ok().filter(|it| *it < self.months())
    }
}

/// What is known of persons in one month each; bits of a `u16`.
mod flag {
    pub const ON_ESTABLISHMENT: u16 = 1;
    pub const EMPLOYED: u16 = 1 << 1;
    /// Attendance is kept of the person in the month.
    pub const ATTENDED: u16 = 1 << 2;
    pub const ON_POST: u16 = 1 << 3;
    pub const PAID: u16 = 1 << 4;
    pub const INSURED: u16 = 1 << 5;
    pub const PENSIONED: u16 = 1 << 6;
    pub const DEAD: u16 = 1 << 7;
    pub const ON_LEAVE: u16 = 1 << 8;
    pub const SECONDED: u16 = 1 << 9;
    /// Another salary line, of whatever unit: whoever is paid twice in a month is among these few.
    pub const PAID_AGAIN: u16 = 1 << 10;
    /// A contribution of another unit than the first, or of none where the first has one.
    pub const INSURED_AGAIN: u16 = 1 << 11;
}

/// The computed presence of a night.
#[derive(Debug)]
pub struct Presence {
    /// The months it covers.
    pub window: Window,
    /// Persons of tonight.
    pub persons: usize,
    flags: Months<u16>,
    establishment: Units,
    employment: Units,
    payer: Units,
    insurer: Units,
}

impl Presence {
    /// Rows of the table: persons and months of which anything is known.
    pub fn rows(&self) -> u64 {
        self.flags.months().map(|month| month.iter().filter(|it| **it != 0).count() as u64).sum()
    }
}

/// The months that payments, contributions, attendance and pensions cover, up to the month of `tonight`; none when there are none.
///
/// A month with fewer rows than a twentieth of the usual is not covered: some line of arrears names it.
pub async fn window(engine: &Engine, tonight: NaiveDate) -> Result<Option<Window>, EngineError> {
    let this_month = function::month_of(days(tonight)).unwrap_or(i32::MAX);
    let mut covered: Option<(i32, i32)> = None;
    for table in ["payment", "contribution", "attendance", "pension"] {
        let sql = format!("select month, count(*) as rows from {table} where month is not null group by month order by month");
        let mut counts: Vec<(i32, i64)> = Vec::new();
        for batch in engine.query(&sql, &Params::new()).await? {
            let (months, rows) = (batch.column(0).as_primitive::<Int32Type>(), batch.column(1).as_primitive::<Int64Type>());
            counts.extend(months.values().iter().copied().zip(rows.values().iter().copied()));
        }
        let mut rows: Vec<i64> = counts.iter().map(|it| it.1).collect();
        rows.sort_unstable();
        let usual = rows.get(rows.len() / 2).copied().unwrap_or(0);
        for (month, _) in counts.iter().filter(|(month, rows)| *rows * 20 >= usual && *month <= this_month && month_index(*month).is_some())
        {
            let (first, last) = covered.unwrap_or((*month, *month));
            covered = Some((first.min(*month), last.max(*month)));
        }
    }
    Ok(covered.and_then(|(first, last)| Window::new(first, last)))
}

/// Computes presence from the linked tables of `engine` and registers it there as the table `presence`.
pub async fn compute(engine: &Engine, window: Window) -> Result<Arc<Presence>, EngineError> {
    let persons = count(engine, "select max(person_id) from person").await?;
    let units = count(engine, "select max(unit_id) from unit").await?;
    let size = Size { window, persons, units };
    let money = SpawnedTask::spawn(money(size, open(engine, PAYMENT).await?, open(engine, PENSION).await?));
    let stays = SpawnedTask::spawn(stays(size, Stays::open(engine).await?));
    let (money, stays) = (joined(money.join().await)?, joined(stays.join().await)?);
    let mut flags = stays.flags;
    flags.merge(&money.flags);
    let presence = Arc::new(Presence {
        window,
        persons,
        flags,
        establishment: stays.establishment,
        employment: stays.employment,
        payer: money.payer,
        insurer: stays.insurer,
    });
    engine.presence(window.months(), Arc::new(table::PresenceTable::new(Arc::clone(&presence))));
    Ok(presence)
}

fn joined<T, E: std::fmt::Display>(outcome: Result<Result<T, EngineError>, E>) -> Result<T, EngineError> {
    outcome.unwrap_or_else(|it| Err(EngineError::machine(format!("presence was not computed to its end: {it}"))))
}

/// How big the arrays are.
#[derive(Clone, Copy)]
struct Size {
    window: Window,
    persons: usize,
    units: usize,
}

/// One more than the largest number; 0 without rows.
async fn count(engine: &Engine, sql: &str) -> Result<usize, EngineError> {
    let batches = engine.query(sql, &Params::new()).await?;
    let largest = batches.first().filter(|it| it.num_rows() > 0).map(|it| it.column(0).as_primitive::<Int32Type>().clone());
    Ok(largest.filter(|it| it.is_valid(0)).and_then(|it| usize::try_from(it.value(0)).ok()).map_or(0, |it| it + 1))
}

type Streams = Vec<SendableRecordBatchStream>;

async fn open(engine: &Engine, sql: &str) -> Result<Streams, EngineError> {
    engine.in_order(sql).await
}

async fn each(streams: Streams, mut take: impl FnMut(&RecordBatch)) -> Result<(), EngineError> {
    for mut stream in streams {
        while let Some(batch) = stream.try_next().await.map_err(|it| EngineError::of(&it, "", &[]))? {
            take(&batch);
        }
    }
    Ok(())
}

// --- paid, pensioned ------------------------------------------------------------------------------------------------

const PAYMENT: &str = "select person_id, month, unit_id, gross_fen, kind = 'salary' as salary from payment \
                       where kind in ('salary', 'retirement') and person_id is not null and month is not null";

const PENSION: &str = "select person_id, month from pension where person_id is not null and month is not null";

struct Money {
    flags: Months<u16>,
    payer: Units,
}

/// Payments and pensions. The payer of a month is the unit of its largest salary line, the first among equals.
async fn money(size: Size, payments: Streams, pensions: Streams) -> Result<Money, EngineError> {
    let mut flags = Months::new(size.window, size.persons);
    let mut payer = Units::new(size.window, size.persons, size.units);
    // Whole fen up to 42 million yuan; beyond, all lines are equally large.
    let mut largest: Months<u32> = Months::new(size.window, size.persons);
    each(payments, |batch| {
        let (person, month, unit) = (ints(batch, 0), ints(batch, 1), ints(batch, 2));
        let (gross, salary) = (batch.column(3).as_primitive::<Int64Type>(), batch.column(4).as_boolean());
        for row in 0..batch.num_rows() {
            let (Some(month), Ok(person)) = (size.window.at(month.value(row)), usize::try_from(person.value(row))) else { continue };
            if !salary.value(row) {
                flags.set(month, person, flag::PENSIONED);
                continue;
            }
            let gross = if gross.is_valid(row) { u32::try_from(gross.value(row).max(0)).unwrap_or(u32::MAX) } else { 0 };
            let first = !flags.has(month, person, flag::PAID);
            if !first {
                flags.set(month, person, flag::PAID_AGAIN);
            }
            if first || gross > largest.get(month, person) {
                flags.set(month, person, flag::PAID);
                largest.put(month, person, gross);
                payer.put(month, person, unit.is_valid(row).then(|| unit.value(row)));
            }
        }
    })
    .await?;
    each(pensions, |batch| {
        let (person, month) = (ints(batch, 0), ints(batch, 1));
        for row in 0..batch.num_rows() {
            if let (Some(month), Ok(person)) = (size.window.at(month.value(row)), usize::try_from(person.value(row))) {
                flags.set(month, person, flag::PENSIONED);
            }
        }
    })
    .await?;
    Ok(Money { flags, payer })
}

// --- everything else ------------------------------------------------------------------------------------------------

/// Residents insure themselves, and so do people whose employer pays nothing.
const CONTRIBUTION: &str = "select person_id, month, unit_id from contribution where person_id is not null and month is not null \
                            and (employer_fen is null or employer_fen > 0) and (scheme is null or scheme <> 'pension-resident')";

const ATTENDANCE: &str = "select person_id, month, present_days > 0 as present from attendance \
                          where person_id is not null and month is not null and present_days is not null";

/// A post held concurrently (`counts` is no) gives way to the one that occupies a quota; an older spell to a newer.
const ESTABLISHMENT: &str = "select person_id, unit_id, entered_on, exited_on, counts is distinct from false as main from establishment \
                             where person_id is not null";

/// Somebody who is retired, dead or gone without a date when it happened is not employed in any month.
const EMPLOYMENT: &str = "select person_id, unit_id, start_on, end_on, \
                          coalesce(type, '') not in ('rehired', 'dispatch') as main from employment where person_id is not null \
                          and (end_on is not null or coalesce(status, 'active') not in ('retired', 'veteran-retired', 'dead', 'moved', 'left'))";

const LEAVE: &str = "select person_id, cast(null as int) as unit_id, from_on, coalesce(to_on, returned_on) as to_on, true as main from leave \
                     where person_id is not null and from_on is not null";

const SECONDMENT: &str = "select person_id, cast(null as int) as unit_id, from_on, coalesce(to_on, returned_on) as to_on, true as main \
                          from secondment where person_id is not null and from_on is not null";

/// Dead is who died before the first day of the month: from the month after the death on.
const DEATH: &str = "select person_id, cast(null as int) as unit_id, \
                     month_start(add_months(month_of(died_on), 1)) as from_on, cast(null as date) as to_on, true as main from death \
                     where person_id is not null and died_on is not null";

struct Stays {
    contributions: Streams,
    attendance: Streams,
    establishment: Streams,
    employment: Streams,
    leave: Streams,
    secondment: Streams,
    death: Streams,
}

impl Stays {
    async fn open(engine: &Engine) -> Result<Stays, EngineError> {
        Ok(Stays {
            contributions: open(engine, CONTRIBUTION).await?,
            attendance: open(engine, ATTENDANCE).await?,
            establishment: open(engine, ESTABLISHMENT).await?,
            employment: open(engine, EMPLOYMENT).await?,
            leave: open(engine, LEAVE).await?,
            secondment: open(engine, SECONDMENT).await?,
            death: open(engine, DEATH).await?,
        })
    }
}

struct Stay {
    flags: Months<u16>,
    establishment: Units,
    employment: Units,
    insurer: Units,
}

/// Contributions, attendance and everything that lasts from a day to a day.
async fn stays(size: Size, streams: Stays) -> Result<Stay, EngineError> {
    let mut flags: Months<u16> = Months::new(size.window, size.persons);
    let units = || Units::new(size.window, size.persons, size.units);
    let (mut establishment, mut employment, mut insurer) = (units(), units(), units());
    each(streams.contributions, |batch| {
        let (person, month, unit) = (ints(batch, 0), ints(batch, 1), ints(batch, 2));
        for row in 0..batch.num_rows() {
            let (Some(month), Ok(person)) = (size.window.at(month.value(row)), usize::try_from(person.value(row))) else { continue };
            let (unit, before) = (unit.is_valid(row).then(|| unit.value(row)), insurer.get(month, person));
            let again = flags.has(month, person, flag::INSURED) && before != unit;
            flags.set(month, person, if again { flag::INSURED | flag::INSURED_AGAIN } else { flag::INSURED });
            if unit.is_some() && before.is_none() {
                insurer.put(month, person, unit);
            }
        }
    })
    .await?;
    each(streams.attendance, |batch| {
        let (person, month, present) = (ints(batch, 0), ints(batch, 1), batch.column(2).as_boolean());
        for row in 0..batch.num_rows() {
            let (Some(month), Ok(person)) = (size.window.at(month.value(row)), usize::try_from(person.value(row))) else { continue };
            flags.set(month, person, if present.value(row) { flag::ATTENDED | flag::ON_POST } else { flag::ATTENDED });
        }
    })
    .await?;
    spread(spells(streams.establishment, size.window).await?, flag::ON_ESTABLISHMENT, &mut flags, Some(&mut establishment));
    spread(spells(streams.employment, size.window).await?, flag::EMPLOYED, &mut flags, Some(&mut employment));
    spread(spells(streams.leave, size.window).await?, flag::ON_LEAVE, &mut flags, None);
    spread(spells(streams.secondment, size.window).await?, flag::SECONDED, &mut flags, None);
    spread(spells(streams.death, size.window).await?, flag::DEAD, &mut flags, None);
    Ok(Stay { flags, establishment, employment, insurer })
}

/// Rows of person, unit, first day, last day (null: open), and whether it goes before others, as spells of months of the window.
async fn spells(streams: Streams, window: Window) -> Result<Vec<Spell>, EngineError> {
    let mut spells = Vec::new();
    let (first, last) = (month_index(window.first).unwrap_or(0), month_index(window.last).unwrap_or(0));
    each(streams, |batch| {
        let (person, unit) = (ints(batch, 0), ints(batch, 1));
        let (from, to) = (batch.column(2).as_primitive::<Date32Type>(), batch.column(3).as_primitive::<Date32Type>());
        let main = batch.column(4).as_boolean();
        let index = |days: i32| function::month_of(days).and_then(month_index);
        for row in 0..batch.num_rows() {
            let from_day = if from.is_valid(row) { from.value(row) } else { i32::MIN };
            let from = if from.is_valid(row) { index(from_day).unwrap_or(first) } else { first };
            let to = if to.is_valid(row) { index(to.value(row)).unwrap_or(last) } else { last };
            let (from, to) = (from.max(first), to.min(last));
            if from <= to {
                let unit = unit.is_valid(row).then(|| unit.value(row));
                spells.push(Spell {
                    person: person.value(row),
                    unit,
                    months: (from - first) as u8..=(to - first) as u8,
                    rank: (main.value(row), from_day),
                });
            }
        }
    })
    .await?;
    Ok(spells)
}

fn ints(batch: &RecordBatch, column: usize) -> &arrow::array::Int32Array {
    batch.column(column).as_primitive::<Int32Type>()
}

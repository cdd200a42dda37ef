//! What every source says of one person, month by month: a strip per source, with a cell per month and the rows behind it.
//!
//! A month that a source does not cover says nothing, and is kept apart from a month in which the source knows nobody: an absent feed is
//! never evidence of absent people.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type};
use chrono::NaiveDate;
use muster_core::codes::{self, CodeList};
use muster_core::engine::{Engine, EngineError, Param, Params};
use muster_core::function::{add_months, day, days, month_of, months_between};
use muster_core::mapping::Title;
use serde::Serialize;

use crate::night::{FeedNight, UnitShown};

/// What a strip is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// On the establishment register.
    Establishment,
    /// In the personnel books.
    Employment,
    /// Days present, where attendance is kept.
    Attendance,
    /// Leave and secondments.
    Away,
    /// Salary of active staff.
    Salary,
    /// Every other kind of pay.
    OtherPay,
    /// Contributions by an employer.
    Insurance,
    /// Pensions.
    Pension,
    /// The register of deaths.
    Death,
}

impl Source {
    /// All of them, in reading order.
    pub const ALL: [Source; 9] = [
        Source::Establishment,
        Source::Employment,
        Source::Attendance,
        Source::Away,
        Source::Salary,
        Source::OtherPay,
        Source::Insurance,
        Source::Pension,
        Source::Death,
    ];

    /// 中文 and English.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Source::Establishment => ("在编", "register"),
            Source::Employment => ("人事", "personnel"),
            Source::Attendance => ("考勤", "attendance"),
            Source::Away => ("请假借调", "away"),
            Source::Salary => ("在职工资", "salary"),
            Source::OtherPay => ("其他发放", "other pay"),
            Source::Insurance => ("参保", "insurance"),
            Source::Pension => ("养老待遇", "pension"),
            Source::Death => ("死亡登记", "death"),
        }
    }

    /// The shared tables that it is read from.
    fn tables(self) -> &'static [&'static str] {
        match self {
            Source::Establishment => &["establishment"],
            Source::Employment => &["employment"],
            Source::Attendance => &["attendance"],
            Source::Away => &["leave", "secondment"],
            Source::Salary | Source::OtherPay => &["payment"],
            Source::Insurance => &["contribution"],
            Source::Pension => &["pension"],
            Source::Death => &["death"],
        }
    }

    /// Whether it comes month by month.
    fn is_monthly(self) -> bool {
        matches!(self, Source::Attendance | Source::Salary | Source::OtherPay | Source::Insurance | Source::Pension)
    }

    /// Whether its strip stands there even when nothing is known: of most people the others have nothing to say.
    fn is_always_shown(self) -> bool {
        matches!(self, Source::Establishment | Source::Employment | Source::Attendance | Source::Salary | Source::Insurance)
    }

    /// The list that the codes of its rows are from, in the order in which it is asked.
    fn codes(self) -> &'static [&'static CodeList] {
        match self {
            Source::Establishment => &[&codes::QUOTA_TYPE],
            Source::Employment => &[&codes::EMPLOYMENT_TYPE],
            Source::Away => &[&codes::LEAVE_KIND, &codes::SECONDMENT_KIND],
            Source::Salary | Source::OtherPay => &[&codes::PAY_KIND],
            Source::Insurance | Source::Pension => &[&codes::SCHEME],
            Source::Attendance | Source::Death => &[],
        }
    }

    /// Rows of one shape: feed, unit, first day, day after the last, month, code, whether it is the main thing, amount, how many rows.
    fn sql(self) -> &'static str {
        match self {
            Source::Establishment => {
                "select feed, unit_id, entered_on as from_on, exited_on as to_on, cast(null as int) as month, quota_type as what,
                        counts is distinct from false as main, cast(null as bigint) as amount, cast(1 as bigint) as n
                 from establishment where person_id = cast($person as int)"
            }
            Source::Employment => {
                "select feed, unit_id, start_on as from_on, end_on as to_on, cast(null as int) as month, coalesce(type, status) as what,
                        coalesce(type, '') not in ('rehired', 'dispatch') and coalesce(status, 'active') <> 'off-post' as main,
                        cast(null as bigint) as amount, cast(1 as bigint) as n
                 from employment where person_id = cast($person as int)
                   and (end_on is not null or coalesce(status, 'active') not in ('retired', 'veteran-retired', 'dead', 'moved', 'left'))"
            }
            Source::Attendance => {
                "select feed, unit_id, cast(null as date) as from_on, cast(null as date) as to_on, month, cast(null as varchar) as what,
                        coalesce(present_days, 0) > 0 as main, cast(coalesce(present_days, 0) as bigint) as amount,
                        cast(coalesce(required_days, 0) as bigint) as n
                 from attendance where person_id = cast($person as int) and month is not null and present_days is not null"
            }
            Source::Away => {
                "select feed, unit_id, from_on, coalesce(returned_on, to_on) as to_on, cast(null as int) as month, kind as what, true as main,
                        cast(null as bigint) as amount, cast(1 as bigint) as n
                 from leave where person_id = cast($person as int) and from_on is not null
                 union all
                 select feed, from_unit_id, from_on, coalesce(returned_on, to_on), cast(null as int), kind, true, cast(null as bigint),
                        cast(1 as bigint)
                 from secondment where person_id = cast($person as int) and from_on is not null"
            }
            Source::Salary => {
                "select feed, unit_id, cast(null as date) as from_on, cast(null as date) as to_on, month, kind as what, true as main,
                        cast(sum(gross_fen) as bigint) as amount, count(*) as n
                 from payment where person_id = cast($person as int) and month is not null and kind = 'salary'
                 group by feed, unit_id, month, kind"
            }
            Source::OtherPay => {
                "select feed, unit_id, cast(null as date) as from_on, cast(null as date) as to_on, month, kind as what, false as main,
                        cast(sum(gross_fen) as bigint) as amount, count(*) as n
                 from payment where person_id = cast($person as int) and month is not null and kind is distinct from 'salary'
                 group by feed, unit_id, month, kind"
            }
            Source::Insurance => {
                "select feed, unit_id, cast(null as date) as from_on, cast(null as date) as to_on, month, scheme as what,
                        makeup is not true as main, cast(sum(employer_fen) as bigint) as amount, count(*) as n
                 from contribution where person_id = cast($person as int) and month is not null
                   and (employer_fen is null or employer_fen > 0) and (scheme is null or scheme <> 'pension-resident')
                 group by feed, unit_id, month, scheme, makeup is not true"
            }
            Source::Pension => {
                "select feed, unit_id, cast(null as date) as from_on, cast(null as date) as to_on, month, scheme as what, true as main,
                        cast(sum(amount_fen) as bigint) as amount, count(*) as n
                 from pension where person_id = cast($person as int) and month is not null group by feed, unit_id, month, scheme"
            }
            Source::Death => {
                "select feed, cast(null as int) as unit_id, died_on as from_on, cast(null as date) as to_on, cast(null as int) as month,
                        cast(null as varchar) as what, true as main, cast(null as bigint) as amount, cast(1 as bigint) as n
                 from death where person_id = cast($person as int) and died_on is not null"
            }
        }
    }
}

/// What a month of a strip looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// No usable feed covers the month: nothing may be said of it.
    Uncovered,
    /// The source covers the month and knows nothing of the person.
    Nothing,
    /// There, in one place.
    There,
    /// There in part or beside the main thing: a post that occupies no quota, half a month at work, arrears, a make-up payment.
    Beside,
    /// In two places at once.
    Twice,
    /// Attendance is kept, and shows no day.
    Unseen,
}

/// A unit as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnitTold {
    /// Code on the register.
    pub code: String,
    /// Full name.
    pub name: String,
}

/// One row of a department, or what it wrote of one month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// `department/feed`.
    pub feed: String,
    /// Null where the row names none of the city's units.
    pub unit: Option<UnitTold>,
    /// First month, yyyymm; null: before the source began.
    pub from: Option<i32>,
    /// Last month; null: still so.
    pub to: Option<i32>,
    /// The days themselves, where the source knows them.
    pub from_on: Option<NaiveDate>,
    /// The day from which it is over.
    pub to_on: Option<NaiveDate>,
    /// What it is, in both languages; null where there is nothing to add.
    pub what: Option<Title>,
    /// Whether it is the main thing, see [`Cell::Beside`].
    pub main: bool,
    /// Fen; days present for attendance.
    pub amount: Option<i64>,
    /// Rows of the source; working days for attendance.
    pub rows: i64,
}

impl Mark {
    fn touches(&self, month: i32) -> bool {
        self.from.is_none_or(|it| it <= month) && self.to.is_none_or(|it| it >= month)
    }

    /// Whether both stand side by side on some day of `month`. The day on which one ends is no longer one of its days.
    fn meets(&self, other: &Mark, month: i32) -> bool {
        let over_before = |end: NaiveDate| end.pred_opt().and_then(|it| month_of(days(it))).is_some_and(|it| it < month);
        let apart = |a: &Mark, b: &Mark| a.to_on.is_some_and(|end| over_before(end) || b.from_on.is_some_and(|start| end <= start));
        !apart(self, other) && !apart(other, self)
    }
}

/// One source over the window.
#[derive(Debug, Serialize)]
pub struct Strip {
    /// Which.
    pub source: Source,
    /// One per month of the window.
    pub cells: Vec<Cell>,
    /// The rows behind them, in order.
    pub marks: Vec<Mark>,
}

impl Strip {
    /// The marks that touch a month.
    pub fn in_month(&self, month: i32) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(move |it| it.touches(month))
    }
}

/// The months that are looked at, rising.
pub fn window(feeds: &[FeedNight], tonight: i32, months: usize) -> Vec<i32> {
    let tallies = || feeds.iter().filter(|it| it.left_out.is_empty()).filter_map(|it| it.tally.as_ref());
    let last = tallies().filter_map(|it| it.last_month).filter(|it| *it <= tonight).max().unwrap_or(tonight);
    let first = tallies().filter_map(|it| it.first_month).min().unwrap_or(last);
    let span = months_between(first, last).map_or(1, |it| usize::try_from(it + 1).unwrap_or(1)).min(months);
    (0..span).rev().filter_map(|ago| add_months(last, -i32::try_from(ago).ok()?)).collect()
}

/// The strips of one person. `shows` says whether a row of a feed, about a unit, may be seen; also gives the feeds of which something was
/// kept back.
pub async fn strips(
    engine: &Engine,
    feeds: &[FeedNight],
    units: &BTreeMap<i32, UnitShown>,
    person: i32,
    months: &[i32],
    shows: impl Fn(&str, Option<&str>) -> bool,
) -> Result<(Vec<Strip>, BTreeSet<String>), EngineError> {
    let params = Params::from([("person".to_owned(), Param::Whole(i64::from(person)))]);
    let (mut strips, mut beyond) = (Vec::new(), BTreeSet::new());
    for source in Source::ALL {
        let sql = format!(
            "select arrow_cast(feed, 'Utf8') as feed, unit_id, from_on, to_on, month, arrow_cast(what, 'Utf8') as what, main, amount, n
             from ({}) as said order by from_on nulls first, month, feed, unit_id, what",
            source.sql()
        );
        let mut marks = Vec::new();
        for batch in engine.query(&sql, &params).await? {
            marks.extend(read(&batch, source, units));
        }
        let all = marks.len();
        marks.retain(|it| {
            let seen = shows(&it.feed, it.unit.as_ref().map(|it| it.code.as_str()));
            if !seen {
                beyond.insert(it.feed.clone());
            }
            seen
        });
        // Where something is kept back, an empty month would say that there is nothing.
        let hidden = all > marks.len();
        let cells = months.iter().map(|month| if hidden || !covers(source, feeds, *month) { Cell::Uncovered } else { Cell::Nothing });
        let cells = cells.zip(months).map(|(empty, month)| cell(source, &marks, *month).unwrap_or(empty)).collect();
        if !marks.is_empty() || source.is_always_shown() {
            strips.push(Strip { source, cells, marks });
        }
    }
    Ok((strips, beyond))
}

/// Whether the source may be believed about a month: a feed that was left out leaves all of its months open.
fn covers(source: Source, feeds: &[FeedNight], month: i32) -> bool {
    source.tables().iter().all(|table| {
        let mut filling = feeds.iter().filter(|it| it.table == *table).peekable();
        let here = |it: &FeedNight| {
            let tally = it.tally.as_ref();
            !source.is_monthly()
                || tally.and_then(|it| it.first_month).is_some_and(|it| it <= month)
                    && tally.and_then(|it| it.last_month).is_some_and(|it| it >= month)
        };
        filling.peek().is_some() && filling.clone().all(|it| it.left_out.is_empty()) && filling.any(here)
    })
}

fn read(batch: &RecordBatch, source: Source, units: &BTreeMap<i32, UnitShown>) -> Vec<Mark> {
    let column = |name: &str| batch.column_by_name(name).expect("a column of the query");
    let (feed, what) = (column("feed").as_string::<i32>(), column("what").as_string::<i32>());
    let (unit, month) = (column("unit_id").as_primitive::<Int32Type>(), column("month").as_primitive::<Int32Type>());
    let (from, to) = (column("from_on").as_primitive::<Date32Type>(), column("to_on").as_primitive::<Date32Type>());
    let (amount, rows) = (column("amount").as_primitive::<Int64Type>(), column("n").as_primitive::<Int64Type>());
    let main = column("main").as_boolean();
    let mark = |at: usize| {
        let month = month.is_valid(at).then(|| month.value(at));
        let from = from.is_valid(at).then(|| from.value(at));
        let to = to.is_valid(at).then(|| to.value(at));
        let shown = unit.is_valid(at).then(|| units.get(&unit.value(at))).flatten();
        Mark {
            feed: feed.value(at).to_owned(),
            unit: shown.map(|it| UnitTold { code: it.code.clone(), name: it.name.clone() }),
            from: month.or_else(|| from.and_then(month_of)),
            to: month.or_else(|| to.and_then(month_of)),
            from_on: from.and_then(day),
            to_on: to.and_then(day),
            what: what.is_valid(at).then(|| word(source, what.value(at))),
            main: main.is_valid(at) && main.value(at),
            amount: amount.is_valid(at).then(|| amount.value(at)),
            rows: rows.value(at),
        }
    };
    (0..batch.num_rows()).map(mark).collect()
}

/// A code in words; one that is in no list as it is.
fn word(source: Source, code: &str) -> Title {
    let mut lists = source.codes().iter().chain([&&codes::EMPLOYMENT_STATUS]);
    let known = lists.find_map(|it| it.code(code));
    let (zh, en) = known.map_or((code, code), |it| (it.zh, it.en));
    Title { zh: zh.to_owned(), en: en.to_owned() }
}

/// What a month looks like; null where the source says nothing of it.
fn cell(source: Source, marks: &[Mark], month: i32) -> Option<Cell> {
    let here: Vec<&Mark> = marks.iter().filter(|it| it.touches(month)).collect();
    if here.is_empty() {
        return None;
    }
    let main: Vec<&Mark> = here.iter().filter(|it| it.main).copied().collect();
    Some(match source {
        Source::Attendance if main.is_empty() => Cell::Unseen,
        Source::Attendance if main.iter().all(|it| it.amount.unwrap_or(0) * 2 < it.rows) => Cell::Beside,
        Source::Attendance | Source::Away | Source::Pension | Source::Death => Cell::There,
        _ if main.is_empty() => Cell::Beside,
        _ if twice(&main, month) => Cell::Twice,
        _ => Cell::There,
    })
}

/// Whether two of them are in different places at once. Two schemes of one employer are one insurance.
fn twice(main: &[&Mark], month: i32) -> bool {
    let pairs = main.iter().enumerate().flat_map(|(at, one)| main[at + 1..].iter().map(move |other| (one, other)));
    pairs.into_iter().any(|(one, other)| one.unit != other.unit && one.meets(other, month))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(unit: &str, from: &str, to: Option<&str>) -> Mark {
        let on = |it: &str| it.parse::<NaiveDate>().expect("a day");
        let month = |it: &str| it[..4].parse::<i32>().expect("a year") * 100 + it[5..7].parse::<i32>().expect("a month");
        Mark {
            feed: "organization/establishment".to_owned(),
            unit: Some(UnitTold { code: unit.to_owned(), name: unit.to_owned() }),
            from: Some(month(from)),
            to: to.map(month),
            from_on: Some(on(from)),
            to_on: to.map(on),
            what: None,
            main: true,
            amount: None,
            rows: 1,
        }
    }

    fn check(marks: &[Mark], month: i32, expected: Option<Cell>) {
        assert_eq!(cell(Source::Establishment, marks, month), expected, "{month}");
    }

    #[test]
    fn a_transfer_within_a_month_is_one_place_at_a_time() {
        let moved = [mark("01", "2020-01-01", Some("2026-03-15")), mark("02", "2026-03-15", None)];
        check(&moved, 201_912, None);
        check(&moved, 202_603, Some(Cell::There));
        check(&moved, 202_604, Some(Cell::There));
    }

    #[test]
    fn two_open_spells_are_seen_from_the_month_of_the_second() {
        let both = [mark("01", "2020-01-01", None), mark("02", "2026-03-15", None)];
        check(&both, 202_602, Some(Cell::There));
        check(&both, 202_603, Some(Cell::Twice));
        let beside = [both[0].clone(), Mark { main: false, ..both[1].clone() }];
        check(&beside, 202_603, Some(Cell::There));
    }

    #[test]
    fn attendance_of_no_day_is_not_nothing() {
        let day = |present| Mark { main: present > 0, amount: Some(present), rows: 21, ..mark("01", "2026-03-01", Some("2026-03-01")) };
        for (present, expected) in [(0, Cell::Unseen), (6, Cell::Beside), (20, Cell::There)] {
            assert_eq!(cell(Source::Attendance, &[day(present)], 202_603), Some(expected));
        }
    }
}

//! The people of one unit at the end of a month, and what each source says of them there.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;
use muster_core::engine::{Engine, EngineError, Param, Params};
use muster_core::function::{day, days, month_of, months_between};
use muster_core::mapping::Title;
use muster_core::retirement::{Category, retirement_month};
use muster_core::{codes, mask};
use serde::Serialize;

/// Somebody of the unit. What a source that may not be seen says is null.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "what several sources say, each by itself")]
pub struct Staff {
    /// Lasting key; `muster person` takes it.
    pub key: String,
    /// Best name.
    pub name: Option<String>,
    /// Best ID number.
    pub id_number: Option<String>,
    /// On the unit's register.
    pub on_register: Option<bool>,
    /// In the unit's personnel books.
    pub employed: Option<bool>,
    /// Paid a salary by the unit in the month.
    pub paid: Option<bool>,
    /// Insured by the unit in the month.
    pub insured: Option<bool>,
    /// Value of `quota_type`; null off the register.
    pub quota_type: Option<String>,
    /// Since when on the unit's register.
    pub entered_on: Option<NaiveDate>,
    /// The day on which the register let them go this year.
    pub exited_on: Option<NaiveDate>,
    /// Value of `end_reason`.
    pub exit_reason: Option<String>,
    /// On the register at the end of last year.
    pub was_on_register: bool,
    /// On leave that day.
    pub on_leave: bool,
    /// Lent to somebody else that day.
    pub lent: bool,
    /// Borrowed from somebody else that day.
    pub borrowed: bool,
    /// Months until the statutory retirement month (women: 55, support workers 50); null where the birth date is unknown, or off the register.
    /// Masked: 3, 6 or 12, and null beyond.
    pub retires_in_months: Option<i32>,
}

/// How somebody stands to the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// On the register, employed, at work.
    AtWork,
    /// On the register, on leave or lent.
    Away,
    /// On the register, and other sources lack them here.
    RegisterOnly,
    /// Borrowed from another unit.
    Borrowed,
    /// Employed or paid here without a place on the register.
    OffRegister,
}

impl Status {
    /// All of them, in reading order.
    pub const ALL: [Status; 5] = [Status::AtWork, Status::Away, Status::RegisterOnly, Status::Borrowed, Status::OffRegister];

    /// 中文 and English.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Status::AtWork => ("在编在册", "on the register and employed"),
            Status::Away => ("在编，请假或借出", "on the register, on leave or lent"),
            Status::RegisterOnly => ("在编，人事或工资无记录", "on the register, without a personnel file or a salary here"),
            Status::Borrowed => ("借入", "borrowed"),
            Status::OffRegister => ("不在编，有人事、工资或参保", "off the register, employed, paid or insured here"),
        }
    }
}

impl Staff {
    /// How they stand at the end of the month; null for who is only of the year's past.
    pub fn status(&self) -> Option<Status> {
        let is = |it: Option<bool>| it == Some(true);
        Some(match () {
            () if is(self.on_register) && (self.on_leave || self.lent) => Status::Away,
            () if is(self.on_register) && (self.employed == Some(false) || self.paid == Some(false)) => Status::RegisterOnly,
            () if is(self.on_register) => Status::AtWork,
            () if self.borrowed => Status::Borrowed,
            () if is(self.employed) || is(self.paid) || is(self.insured) => Status::OffRegister,
            () => return None,
        })
    }

    /// The four stories as four digits: register, personnel, salary, insurance; `?` where one may not be seen or is not there.
    pub fn pattern(&self) -> String {
        let digit = |it: Option<bool>| it.map_or('?', |it| if it { '1' } else { '0' });
        [self.on_register, self.employed, self.paid, self.insured].map(digit).iter().collect()
    }

    /// Masks who it is; the exact month of retirement would tell the month of birth.
    pub fn mask(&mut self) {
        self.name = self.name.take().map(|it| mask::name(&it));
        self.id_number = self.id_number.take().map(|it| mask::id_number(&it));
        self.retires_in_months = self.retires_in_months.and_then(|it| match it {
            1..=3 => Some(3),
            4..=6 => Some(6),
            7..=12 => Some(12),
            _ => None,
        });
    }

    /// The kind of quota in words.
    pub fn quota(&self) -> Option<Title> {
        let code = codes::QUOTA_TYPE.code(self.quota_type.as_deref()?)?;
        Some(Title { zh: code.zh.to_owned(), en: code.en.to_owned() })
    }
}

const SQL: &str = "
with spell as (
  select person_id, quota_type, entered_on, exited_on, exit_reason,
    (entered_on is null or entered_on <= $month_end) and (exited_on is null or exited_on > $month_end) as is_now,
    (entered_on is null or entered_on <= $year_before) and (exited_on is null or exited_on > $year_before) as was_then
  from establishment
  where unit_id = cast($unit as int) and person_id is not null and counts is not false and quota_type is distinct from 'non-quota'
),
register as (
  select person_id, bool_or(is_now) as is_now, bool_or(was_then) as was_then, max(quota_type) filter (where is_now or was_then) as quota_type,
    max(entered_on) filter (where is_now) as entered_on, max(exited_on) filter (where was_then) as exited_on,
    max(exit_reason) filter (where was_then) as exit_reason
  from spell where is_now or was_then group by person_id
),
file as (
  select distinct person_id from employment
  where unit_id = cast($unit as int) and person_id is not null and (start_on is null or start_on <= $month_end)
    and (end_on > $month_end or end_on is null and coalesce(status, 'active') not in ('retired', 'veteran-retired', 'dead', 'moved', 'left'))
),
paid as (
  select distinct person_id from payment
  where unit_id = cast($unit as int) and person_id is not null and month = cast($month as int) and kind in ('salary', 'non-quota')
),
insured as (
  select distinct person_id from contribution
  where unit_id = cast($unit as int) and person_id is not null and month = cast($month as int) and (employer_fen is null or employer_fen > 0)
),
off as (
  select distinct person_id from leave
  where unit_id = cast($unit as int) and person_id is not null and from_on <= $month_end and (to_on is null or to_on >= $month_end)
    and (returned_on is null or returned_on > $month_end)
),
away as (
  select from_unit_id, to_unit_id, person_id from secondment
  where person_id is not null and (from_on is null or from_on <= $month_end) and (returned_on is null or returned_on > $month_end)
    and (to_on is null or to_on >= $month_end or returned_on is null)
),
everybody as (
  select person_id from register union select person_id from file union select person_id from paid union select person_id from insured
  union select person_id from away where to_unit_id = cast($unit as int)
)
select arrow_cast(p.person_key, 'Utf8') as key, arrow_cast(p.name, 'Utf8') as name, arrow_cast(p.id_number, 'Utf8') as id_number,
  arrow_cast(p.sex, 'Utf8') as sex, p.birth_date, coalesce(r.is_now, false) as on_register, coalesce(r.was_then, false) as was_then,
  arrow_cast(r.quota_type, 'Utf8') as quota_type, r.entered_on, r.exited_on, arrow_cast(r.exit_reason, 'Utf8') as exit_reason,
  f.person_id is not null as employed, s.person_id is not null as paid, i.person_id is not null as insured,
  o.person_id is not null as on_leave, l.person_id is not null as lent, b.person_id is not null as borrowed
from everybody e
join person p on p.person_id = e.person_id
left join register r on r.person_id = e.person_id
left join file f on f.person_id = e.person_id
left join paid s on s.person_id = e.person_id
left join insured i on i.person_id = e.person_id
left join off o on o.person_id = e.person_id
left join (select distinct person_id from away where from_unit_id = cast($unit as int)) l on l.person_id = e.person_id
left join (select distinct person_id from away where to_unit_id = cast($unit as int)) b on b.person_id = e.person_id
order by on_register desc, quota_type, key";

/// Everybody whom a source knows in the unit at `month_end`, or knew at the end of the year before. `told` says whether a shared table may be
/// believed and seen: what it holds is null otherwise.
pub async fn staff(
    engine: &Engine,
    unit: i32,
    month_end: NaiveDate,
    year_before: NaiveDate,
    told: impl Fn(&str) -> bool,
) -> Result<Vec<Staff>, EngineError> {
    let month = month_of(days(month_end)).unwrap_or_default();
    let params = Params::from([
        ("unit".to_owned(), Param::Whole(i64::from(unit))),
        ("month_end".to_owned(), Param::Day(month_end)),
        ("year_before".to_owned(), Param::Day(year_before)),
        ("month".to_owned(), Param::Month(month)),
    ]);
    let tables = ["establishment", "employment", "payment", "contribution", "leave", "secondment"];
    let seen: BTreeMap<&str, bool> = tables.into_iter().map(|it| (it, told(it))).collect();
    let batches = engine.query(SQL, &params).await?;
    let all = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| (batch, at)));
    let mut staff: Vec<Staff> = all.map(|(batch, at)| read(batch, at, month, &seen)).collect();
    staff.retain(|it| it.status().is_some() || it.was_on_register);
    Ok(staff)
}

fn read(batch: &RecordBatch, at: usize, month: i32, seen: &BTreeMap<&str, bool>) -> Staff {
    let column = |name: &str| batch.column_by_name(name).expect("a column of the query");
    let text = |name: &str| Some(column(name).as_string::<i32>()).filter(|it| it.is_valid(at)).map(|it| it.value(at).to_owned());
    let on = |name: &str| Some(column(name).as_primitive::<Date32Type>()).filter(|it| it.is_valid(at)).and_then(|it| day(it.value(at)));
    let flag = |name: &str| column(name).as_boolean().value(at);
    let of = |table: &str, name: &str| seen[table].then(|| flag(name));
    let register = seen["establishment"];
    let quota_type = text("quota_type").filter(|_| register);
    let on_register = of("establishment", "on_register");
    let category = match (text("sex").as_deref(), quota_type.as_deref()) {
        (Some("female"), Some("worker")) => Category::Woman50,
        (Some("female"), _) => Category::Woman55,
        _ => Category::Man,
    };
    let retires =
        on("birth_date").filter(|_| on_register == Some(true)).and_then(|it| months_between(month, retirement_month(it, category)));
    Staff {
        key: text("key").unwrap_or_default(),
        name: text("name"),
        id_number: text("id_number"),
        on_register,
        employed: of("employment", "employed"),
        paid: of("payment", "paid"),
        insured: of("contribution", "insured"),
        quota_type,
        entered_on: on("entered_on").filter(|_| register),
        exited_on: on("exited_on").filter(|_| register),
        exit_reason: text("exit_reason").filter(|_| register),
        was_on_register: register && flag("was_then"),
        on_leave: seen["leave"] && flag("on_leave"),
        lent: seen["secondment"] && flag("lent"),
        borrowed: seen["secondment"] && flag("borrowed"),
        retires_in_months: retires,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(flags: [bool; 4]) -> Staff {
        Staff {
            key: String::new(),
            name: None,
            id_number: None,
            on_register: Some(flags[0]),
            employed: Some(flags[1]),
            paid: Some(flags[2]),
            insured: Some(flags[3]),
            quota_type: None,
            entered_on: None,
            exited_on: None,
            exit_reason: None,
            was_on_register: false,
            on_leave: false,
            lent: false,
            borrowed: false,
            retires_in_months: None,
        }
    }

    #[test]
    fn four_stories_give_one_status() {
        let check = |staff: Staff, pattern: &str, status: Option<Status>| {
            assert_eq!((staff.pattern().as_str(), staff.status()), (pattern, status));
        };
        check(somebody([true; 4]), "1111", Some(Status::AtWork));
        check(somebody([true, false, true, true]), "1011", Some(Status::RegisterOnly));
        check(somebody([false, true, true, false]), "0110", Some(Status::OffRegister));
        check(Staff { lent: true, ..somebody([true, true, false, false]) }, "1100", Some(Status::Away));
        check(somebody([false; 4]), "0000", None);
        // A payroll that may not be seen is no evidence that nobody is paid.
        check(Staff { paid: None, ..somebody([true; 4]) }, "11?1", Some(Status::AtWork));
    }
}

//! What rule cards may call in SQL beside the engine's own functions: months, working days, ages, masks, amounts in words.
//!
//! Months are whole numbers yyyymm. Anything that is not a month (202613, 0) gives null, as null does.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Int32Type, Int64Type};
use chrono::{Datelike, NaiveDate};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::calendar::Calendar;
use crate::retirement::{Category, retirement_month};
use crate::{mask, money_words};

/// One SQL function, for the engine and for docs/functions.md.
#[derive(Debug)]
pub struct Function {
    /// Its name in SQL.
    pub name: &'static str,
    /// How it is called, with the kinds of what it takes and gives.
    pub signature: &'static str,
    /// What it gives, in Chinese.
    pub about_zh: &'static str,
    /// What it gives, in English.
    pub about_en: &'static str,
    takes: &'static [Takes],
    gives: Takes,
    kernel: Kernel,
}

/// What an argument or a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Day,
    Whole,
    Fen,
    Text,
}

#[derive(Clone, Copy, Debug)]
enum Kernel {
    One(fn(i32) -> Option<i32>),
    Two(fn(i32, i32) -> Option<i32>),
    WorkingDays,
    Retirement,
    Mask(fn(&str) -> String),
    MoneyWords,
}

/// Every function, in the order of the printed reference.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "month_of",
        signature: "month_of(date) -> month",
        about_zh: "日期所在的年月",
        about_en: "the month of a date",
        takes: &[Takes::Day],
        gives: Takes::Whole,
        kernel: Kernel::One(month_of),
    },
    Function {
        name: "add_months",
        signature: "add_months(month, count) -> month",
        about_zh: "若干个月之后（负数为之前）的年月",
        about_en: "the month that many months later; earlier when negative",
        takes: &[Takes::Whole, Takes::Whole],
        gives: Takes::Whole,
        kernel: Kernel::Two(add_months),
    },
    Function {
        name: "months_between",
        signature: "months_between(from month, to month) -> count",
        about_zh: "从前一个年月到后一个年月的月数，可为负",
        about_en: "how many months the second lies after the first; negative when before",
        takes: &[Takes::Whole, Takes::Whole],
        gives: Takes::Whole,
        kernel: Kernel::Two(months_between),
    },
    Function {
        name: "first_illegal_month",
        signature: "first_illegal_month(date) -> month",
        about_zh: "死亡、退休、离职、调出之日后第一个不应再发工资的年月：次月停发",
        about_en: "the first month that may not be paid any more after a death, retirement, exit or transfer on that date: the next one",
        takes: &[Takes::Day],
        gives: Takes::Whole,
        kernel: Kernel::One(first_illegal_month),
    },
    Function {
        name: "month_start",
        signature: "month_start(month) -> date",
        about_zh: "该月第一天",
        about_en: "the first day of a month",
        takes: &[Takes::Whole],
        gives: Takes::Day,
        kernel: Kernel::One(month_start),
    },
    Function {
        name: "month_end",
        signature: "month_end(month) -> date",
        about_zh: "该月最后一天",
        about_en: "the last day of a month",
        takes: &[Takes::Whole],
        gives: Takes::Day,
        kernel: Kernel::One(month_end),
    },
    Function {
        name: "working_days",
        signature: "working_days(after date, until date) -> count",
        about_zh: "前一日期之后、至后一日期（含）的工作日数：按 config/holidays.toml 扣除法定节假日，计入调休上班；次序颠倒为负",
        about_en: "working days after the first date up to and with the second, by config/holidays.toml: without public holidays, with the \
                   weekend days worked in their stead; negative when reversed",
        takes: &[Takes::Day, Takes::Day],
        gives: Takes::Whole,
        kernel: Kernel::WorkingDays,
    },
    Function {
        name: "age_years",
        signature: "age_years(birth date, on date) -> count",
        about_zh: "在该日的周岁",
        about_en: "completed years of age on that day",
        takes: &[Takes::Day, Takes::Day],
        gives: Takes::Whole,
        kernel: Kernel::Two(age_years),
    },
    Function {
        name: "retirement_month",
        signature: "retirement_month(birth date, sex, category) -> month",
        about_zh: "法定退休年月（2024年9月13日全国人大常委会决定）；类别为 man、woman-55、woman-50，类别为空时男性按 man，女性为空",
        about_en: "the statutory retirement month (decision of 13 September 2024); category is man, woman-55 or woman-50; when it is null, men are \
                   man and women are null",
        takes: &[Takes::Day, Takes::Text, Takes::Text],
        gives: Takes::Whole,
        kernel: Kernel::Retirement,
    },
    Function {
        name: "mask_id",
        signature: "mask_id(text) -> text",
        about_zh: "遮盖的证件号：首尾各四位",
        about_en: "an ID number as it may be shown: its first and last four characters",
        takes: &[Takes::Text],
        gives: Takes::Text,
        kernel: Kernel::Mask(mask::id_number),
    },
    Function {
        name: "mask_name",
        signature: "mask_name(text) -> text",
        about_zh: "遮盖的姓名：只留姓",
        about_en: "a name as it may be shown: the family name",
        takes: &[Takes::Text],
        gives: Takes::Text,
        kernel: Kernel::Mask(mask::name),
    },
    Function {
        name: "money_words",
        signature: "money_words(fen) -> text",
        about_zh: "大写金额，如 壹仟陆佰捌拾元零叁角贰分",
        about_en: "an amount in Chinese words, as papers write it: 壹仟陆佰捌拾元零叁角贰分",
        takes: &[Takes::Fen],
        gives: Takes::Text,
        kernel: Kernel::MoneyWords,
    },
];

/// Every function, ready to be registered.
pub(crate) fn all(calendar: &Arc<Calendar>) -> impl Iterator<Item = ScalarUDF> {
    FUNCTIONS.iter().map(move |function| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Udf { function, signature, calendar: Arc::clone(calendar) })
    })
}

// --- months and days ------------------------------------------------------------------------------------------------

/// 1970-01-01, counted in days from 0001-01-01 as day 1, the way chrono counts.
const EPOCH: i32 = 719_163;

/// Months since year 0; none for what is not a month.
pub(crate) fn month_index(month: i32) -> Option<i32> {
    let (year, of_year) = (month / 100, month % 100);
    ((1..=12).contains(&of_year) && (1..=9999).contains(&year)).then_some(year * 12 + of_year - 1)
}

/// The opposite of [`month_index`].
pub(crate) fn index_month(index: i32) -> Option<i32> {
    (12..120_000).contains(&index).then(|| index / 12 * 100 + index % 12 + 1)
}

/// The day that Date32 counts as `days`.
pub fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH)?)
}

/// A day as Date32 counts it.
pub fn days(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - EPOCH
}

/// The month, yyyymm, of a day as Date32 counts it.
pub fn month_of(days: i32) -> Option<i32> {
    day(days).map(|it| it.year() * 100 + it.month() as i32)
}

/// The month `count` months after `month`; none when either is out of bounds.
pub fn add_months(month: i32, count: i32) -> Option<i32> {
    index_month(month_index(month)?.checked_add(count)?)
}

/// How many months `to` lies after `from`.
pub fn months_between(from: i32, to: i32) -> Option<i32> {
    Some(month_index(to)? - month_index(from)?)
}

pub(crate) fn month_start(month: i32) -> Option<i32> {
    month_index(month)?;
    NaiveDate::from_ymd_opt(month / 100, (month % 100) as u32, 1).map(days)
}

fn month_end(month: i32) -> Option<i32> {
    month_start(add_months(month, 1)?).map(|it| it - 1)
}

fn first_illegal_month(event: i32) -> Option<i32> {
    add_months(month_of(event)?, 1)
}

fn age_years(birth: i32, on: i32) -> Option<i32> {
    let (birth, on) = (day(birth)?, day(on)?);
    let before_birthday = (on.month(), on.day()) < (birth.month(), birth.day());
    Some(on.year() - birth.year() - i32::from(before_birthday))
}

fn retirement(birth: i32, sex: Option<&str>, category: Option<&str>) -> Option<i32> {
    let category = match (category, sex) {
        (Some(word), _) => Category::parse(word)?,
        (None, Some("male")) => Category::Man,
        (None, _) => return None,
    };
    Some(retirement_month(day(birth)?, category))
}

// --- as functions of the engine -------------------------------------------------------------------------------------

#[derive(Debug)]
struct Udf {
    function: &'static Function,
    signature: Signature,
    calendar: Arc<Calendar>,
}

impl PartialEq for Udf {
    fn eq(&self, other: &Udf) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Udf {}

impl std::hash::Hash for Udf {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl Takes {
    fn arrow(self) -> DataType {
        match self {
            Takes::Day => DataType::Date32,
            Takes::Whole => DataType::Int32,
            Takes::Fen => DataType::Int64,
            Takes::Text => DataType::Utf8,
        }
    }

    fn accepts(self, given: &DataType) -> bool {
        match self {
            _ if *given == DataType::Null => true,
            Takes::Day => given.is_temporal() || given.is_string(),
            Takes::Whole | Takes::Fen => given.is_integer(),
            Takes::Text => given.is_string(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Takes::Day => "a date",
            Takes::Whole | Takes::Fen => "a whole number",
            Takes::Text => "text",
        }
    }
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.function.gives.arrow())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let Function { name, signature, takes, .. } = self.function;
        if given.len() != takes.len() {
            return plan_err!("`{name}` takes {} values, not {}: {signature}", takes.len(), given.len());
        }
        if let Some((at, (takes, given))) = takes.iter().zip(given).enumerate().find(|(_, (takes, given))| !takes.accepts(given)) {
            return plan_err!("value {} of `{name}` should be {}, not {given}: {signature}", at + 1, takes.word());
        }
        Ok(takes.iter().map(|it| it.arrow()).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = if args.args.iter().all(|it| matches!(it, ColumnarValue::Scalar(_))) { 1 } else { args.number_rows };
        let (first, second) = (|| Argument::read(&args.args, 0), || Argument::read(&args.args, 1));
        let whole = |found: Int32Array| -> ArrayRef {
            match self.function.gives {
                Takes::Day => Arc::new(found.reinterpret_cast::<Date32Type>()),
                Takes::Whole | Takes::Fen | Takes::Text => Arc::new(found),
            }
        };
        let found: ArrayRef = match self.function.kernel {
            Kernel::One(kernel) => whole(one(&first()?, rows, kernel)),
            Kernel::Two(kernel) => whole(two(&first()?, &second()?, rows, kernel)),
            Kernel::WorkingDays => whole(two(&first()?, &second()?, rows, |after, until| self.calendar.working_days(after, until))),
            Kernel::Retirement => whole(retirements(&args.args, rows)?),
            Kernel::Mask(mask) => Arc::new(texts(&args.args, 0, rows)?.iter().map(|it| it.map(mask)).collect::<StringArray>()),
            Kernel::MoneyWords => {
                let fen = cast(&args.args[0].to_array(rows)?, &DataType::Int64)?;
                Arc::new(fen.as_primitive::<Int64Type>().iter().map(|it| it.map(money_words::words)).collect::<StringArray>())
            }
        };
        if rows == 1 && args.number_rows != 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?));
        }
        Ok(ColumnarValue::Array(found))
    }
}

/// An argument as days or whole numbers: the same in every row, or one per row.
enum Argument {
    Same(Option<i32>),
    Each(Int32Array),
}

impl Argument {
    fn read(args: &[ColumnarValue], at: usize) -> Result<Argument> {
        match args.get(at) {
            Some(ColumnarValue::Scalar(ScalarValue::Int32(it) | ScalarValue::Date32(it))) => Ok(Argument::Same(*it)),
            Some(ColumnarValue::Scalar(it)) if it.is_null() => Ok(Argument::Same(None)),
            Some(ColumnarValue::Array(array)) if *array.data_type() == DataType::Date32 => {
                Ok(Argument::Each(array.as_primitive::<Date32Type>().reinterpret_cast::<Int32Type>()))
            }
            Some(ColumnarValue::Array(array)) if *array.data_type() == DataType::Int32 => {
                Ok(Argument::Each(array.as_primitive::<Int32Type>().clone()))
            }
            _ => Err(exec_datafusion_err!("argument {at} was not coerced")),
        }
    }
}

fn one(argument: &Argument, rows: usize, kernel: fn(i32) -> Option<i32>) -> Int32Array {
    match argument {
        Argument::Same(it) => same(it.and_then(kernel), rows),
        Argument::Each(array) => array.unary_opt(kernel),
    }
}

fn two(left: &Argument, right: &Argument, rows: usize, kernel: impl Fn(i32, i32) -> Option<i32>) -> Int32Array {
    match (left, right) {
        (Argument::Same(Some(left)), Argument::Same(Some(right))) => same(kernel(*left, *right), rows),
        (Argument::Same(None), _) | (_, Argument::Same(None)) => same(None, rows),
        (Argument::Each(left), Argument::Same(Some(right))) => left.unary_opt(|left| kernel(left, *right)),
        (Argument::Same(Some(left)), Argument::Each(right)) => right.unary_opt(|right| kernel(*left, right)),
        (Argument::Each(left), Argument::Each(right)) => pairs(left, right, kernel),
    }
}

fn pairs<T: ArrowPrimitiveType<Native = i32>>(
    left: &PrimitiveArray<T>,
    right: &PrimitiveArray<T>,
    kernel: impl Fn(i32, i32) -> Option<i32>,
) -> Int32Array {
    left.iter().zip(right).map(|(left, right)| kernel(left?, right?)).collect()
}

fn same(value: Option<i32>, rows: usize) -> Int32Array {
    match value {
        Some(value) => Int32Array::from_value(value, rows),
        None => Int32Array::new_null(rows),
    }
}

fn texts(args: &[ColumnarValue], at: usize, rows: usize) -> Result<StringArray> {
    Ok(cast(&args[at].to_array(rows)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn retirements(args: &[ColumnarValue], rows: usize) -> Result<Int32Array> {
    let births = args[0].to_array(rows)?;
    let births = births.as_primitive::<Date32Type>();
    let (sexes, categories) = (texts(args, 1, rows)?, texts(args, 2, rows)?);
    let of_row = |row: usize| {
        let text = |it: &'_ StringArray| it.is_valid(row).then(|| it.value(row).to_owned());
        births.is_valid(row).then(|| retirement(births.value(row), text(&sexes).as_deref(), text(&categories).as_deref()))?
    };
    Ok((0..rows).map(of_row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> i32 {
        days(text.parse().expect("a day"))
    }

    #[test]
    fn months() {
        assert_eq!(month_of(date("2026-10-31")), Some(202_610));
        assert_eq!(add_months(202_611, 3), Some(202_702));
        assert_eq!(add_months(202_601, -1), Some(202_512));
        assert_eq!(add_months(202_613, 1), None);
        assert_eq!(add_months(202_601, i32::MAX), None);
        assert_eq!(months_between(202_511, 202_602), Some(3));
        assert_eq!(month_start(202_602), Some(date("2026-02-01")));
        assert_eq!(month_end(202_402), Some(date("2024-02-29")));
    }

    #[test]
    fn pay_stops_in_the_month_after_the_event() {
        // 十堰市2015年42号文（五）（六）: pay stops in the next month.
        assert_eq!(first_illegal_month(date("2026-06-10")), Some(202_607));
        assert_eq!(first_illegal_month(date("2026-12-31")), Some(202_701));
    }

    #[test]
    fn ages() {
        assert_eq!(age_years(date("1966-11-16"), date("2026-11-15")), Some(59));
        assert_eq!(age_years(date("1966-11-15"), date("2026-11-15")), Some(60));
    }

    #[test]
    fn a_woman_without_category_has_no_retirement_month() {
        assert_eq!(retirement(date("1971-04-02"), Some("female"), Some("woman-55")), Some(202_608));
        assert_eq!(retirement(date("1971-04-02"), Some("female"), None), None);
        assert_eq!(retirement(date("1964-01-02"), Some("male"), None), Some(202_401));
    }
}

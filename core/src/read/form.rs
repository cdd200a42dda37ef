//! Forms of dates that a mapping declares.

use std::fmt::Write;

use chrono::NaiveDate;
use chrono::format::{Item, Parsed, StrftimeItems, parse};

use super::Unread;
use super::date::{Parts, believed, date, date_of_serial, month, month_of, parts};

/// A form that a mapping declares for a column of dates or months.
#[derive(Clone, Debug)]
pub struct Form {
    text: String,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Any,
    Serial,
    Written(Vec<Item<'static>>),
}

/// Why a declared form is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// A `%` that chrono does not know.
    Unknown,
    /// It leaves open the year or the month.
    NoMonth,
}

impl Form {
    /// `any`, `excel`, or the format of chrono's `strftime`.
    pub fn new(text: &str) -> Result<Form, FormError> {
        let how = match text {
            "any" => How::Any,
            "excel" => How::Serial,
            _ => How::Written(written(text)?),
        };
        Ok(Form { text: text.to_owned(), how })
    }

    /// As the mapping writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A day in this form; without a day in the form, the first of the month.
    pub fn date(&self, text: &str) -> Result<Option<NaiveDate>, Unread> {
        match &self.how {
            How::Any => date(text),
            How::Serial => match parts(text)? {
                Parts::Serial(days) => date_of_serial(days),
                Parts::Nothing => Ok(None),
                _ => Err(Unread::NotADate),
            },
            How::Written(items) => match by_items(text, items) {
                Some(day) => believed(day),
                // 至今 and 00000000 mean the same in every form.
                None => {
                    if matches!(parts(text), Ok(Parts::Nothing)) {
                        Ok(None)
                    } else {
                        Err(Unread::NotADate)
                    }
                }
            },
        }
    }

    /// A month in this form, yyyymm.
    pub fn month(&self, text: &str) -> Result<Option<i32>, Unread> {
        match &self.how {
            How::Any => month(text),
            _ => Ok(self.date(text)?.map(month_of)),
        }
    }
}

/// The steps of a format, after it has shown that it says the year and the month of a day.
fn written(format: &str) -> Result<Vec<Item<'static>>, FormError> {
    let items = StrftimeItems::new(format).parse_to_owned().map_err(|_| FormError::Unknown)?;
    let sample = NaiveDate::from_ymd_opt(1987, 6, 5).expect("a day of the calendar");
    let mut text = String::new();
    let noon = sample.and_hms_opt(12, 0, 0).expect("a time of day");
    write!(text, "{}", noon.format_with_items(items.iter())).map_err(|_| FormError::Unknown)?;
    match by_items(&text, &items) {
        Some(read) if month_of(read) == month_of(sample) => Ok(items),
        _ => Err(FormError::NoMonth),
    }
}

fn by_items(text: &str, items: &[Item<'static>]) -> Option<NaiveDate> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    if parsed.day().is_none() && parsed.ordinal().is_none() {
        parsed.set_day(1).ok()?;
    }
    parsed.to_naive_date().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_forms() {
        let read = |form: &str, text: &str| Form::new(form).unwrap().date(text).map(|it| it.map(|day| day.to_string()));
        assert_eq!(read("%Y%m%d", "19800501"), Ok(Some("1980-05-01".into())));
        assert_eq!(read("%Y%m", "198005"), Ok(Some("1980-05-01".into())));
        assert_eq!(read("%Y.%m", "1980.1"), Ok(Some("1980-01-01".into())));
        assert_eq!(read("%y.%m", "34.5"), Ok(Some("2034-05-01".into())));
        assert_eq!(read("%d/%m/%Y", "05/06/1980"), Ok(Some("1980-06-05".into())));
        assert_eq!(read("%Y-%m-%d %H:%M", "1980-05-01 12:30"), Ok(Some("1980-05-01".into())));
        assert_eq!(read("%Y%m%d", "99991231"), Ok(None));
        assert_eq!(read("%Y%m%d", "00000000"), Ok(None));
        assert_eq!(read("%Y%m%d", "长期"), Ok(None));
        assert_eq!(read("%Y%m%d", "1980-05-01"), Err(Unread::NotADate));
        assert_eq!(read("excel", "29342"), Ok(Some("1980-05-01".into())));
        assert_eq!(read("excel", "19800501"), Err(Unread::NotADate));
        assert_eq!(Form::new("%Y%m").unwrap().month("202610"), Ok(Some(202_610)));
    }

    #[test]
    fn forms_that_say_too_little() {
        assert_eq!(Form::new("%Q").unwrap_err(), FormError::Unknown);
        assert_eq!(Form::new("%Y").unwrap_err(), FormError::NoMonth);
        assert_eq!(Form::new("yyyymm").unwrap_err(), FormError::NoMonth);
        assert_eq!(Form::new("%d.%m.").unwrap_err(), FormError::NoMonth);
    }
}

//! Days and times of SQL Server as Arrow and people write them.

use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};

use crate::gather::write_digits;

/// 1970-01-01 in days since 0001-01-01.
const EPOCH_SINCE_YEAR_1: i64 = 719_162;
/// 1970-01-01 in days since 1900-01-01.
const EPOCH_SINCE_1900: i64 = 25_567;
const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// Days since 1970.
pub(super) fn day(date: Date) -> i64 {
    i64::from(date.days()) - EPOCH_SINCE_YEAR_1
}

/// Microseconds since 1970; a seventh digit is cut off.
pub(super) fn of_datetime2(it: DateTime2) -> i64 {
    day(it.date()) * DAY_MICROSECONDS + ticks(it.time()) / 10
}

/// Microseconds since 1970. DATETIME counts three-hundredths of a second and is written with three digits: .000, .003, .007.
pub(super) fn of_datetime(it: DateTime) -> i64 {
    let milliseconds = (i64::from(it.seconds_fragments()) * 10 + 1) / 3;
    (i64::from(it.days()) - EPOCH_SINCE_1900) * DAY_MICROSECONDS + milliseconds * 1000
}

/// Microseconds since 1970; SMALLDATETIME counts minutes.
pub(super) fn of_smalldatetime(it: SmallDateTime) -> i64 {
    (i64::from(it.days()) - EPOCH_SINCE_1900) * DAY_MICROSECONDS + i64::from(it.seconds_fragments()) * 60_000_000
}

/// `09:30:00.1234567`, with as many digits as the column has.
pub(super) fn write_time(it: Time, out: &mut Vec<u8>) {
    write_clock(ticks(it), it.scale(), out);
}

/// `2026-03-01 09:30:00.123 +08:00`, as the server itself writes it. On the line stands UTC.
pub(super) fn write_offset(it: DateTimeOffset, out: &mut Vec<u8>) {
    const DAY: i64 = DAY_MICROSECONDS * 10;
    let (utc, offset) = (it.datetime2(), i64::from(it.offset()));
    let local = day(utc.date()) * DAY + ticks(utc.time()) + offset * 600_000_000;
    write_day(local.div_euclid(DAY), out);
    out.push(b' ');
    write_clock(local.rem_euclid(DAY), utc.time().scale(), out);
    out.extend_from_slice(if offset < 0 { b" -" } else { b" +" });
    write_digits(offset.unsigned_abs() / 60, 2, out);
    out.push(b':');
    write_digits(offset.unsigned_abs() % 60, 2, out);
}

/// Ten-millionths of a second since midnight.
fn ticks(it: Time) -> i64 {
    let missing = 7_u32.saturating_sub(u32::from(it.scale()));
    it.increments() as i64 * 10_i64.pow(missing)
}

fn write_clock(ticks: i64, scale: u8, out: &mut Vec<u8>) {
    let (seconds, rest) = (ticks as u64 / 10_000_000, ticks as u64 % 10_000_000);
    write_digits(seconds / 3600, 2, out);
    out.push(b':');
    write_digits(seconds / 60 % 60, 2, out);
    out.push(b':');
    write_digits(seconds % 60, 2, out);
    if scale > 0 {
        out.push(b'.');
        let digits = usize::from(scale.min(7));
        write_digits(rest / 10_u64.pow(7 - digits as u32), digits, out);
    }
}

/// The day of the Gregorian calendar. After Howard Hinnant, "chrono-compatible low-level date algorithms".
fn write_day(days: i64, out: &mut Vec<u8>) {
    let shifted = days + EPOCH_SINCE_YEAR_1 + 306;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    write_digits(year.unsigned_abs(), 4, out);
    out.push(b'-');
    write_digits(month as u64, 2, out);
    out.push(b'-');
    write_digits(day as u64, 2, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn days_of_the_calendar() {
        let days =
            [(0, "1970-01-01"), (-719_162, "0001-01-01"), (2_932_896, "9999-12-31"), (11_016, "2000-02-29"), (-25_509, "1900-02-28")];
        for (days, told) in days {
            assert_eq!(text(|out| write_day(days, out)), told);
        }
    }

    #[test]
    fn three_hundredths_are_written_as_the_server_writes_them() {
        let milliseconds: Vec<i64> = (0..6).map(|it| of_datetime(DateTime::new(25_567, it)) / 1000).collect();
        assert_eq!(milliseconds, [0, 3, 7, 10, 13, 17]);
        assert_eq!(of_datetime(DateTime::new(2_958_463, 25_919_999)), 253_402_300_799_997_000);
        assert_eq!(of_datetime(DateTime::new(-53_690, 0)), -6_847_804_800_000_000);
    }

    #[test]
    fn an_offset_moves_the_day() {
        let utc = DateTime2::new(Date::new(719_162), Time::new(57_600_123, 3));
        assert_eq!(text(|out| write_offset(DateTimeOffset::new(utc, 480), out)), "1970-01-02 00:00:00.123 +08:00");
        assert_eq!(text(|out| write_offset(DateTimeOffset::new(utc, -840), out)), "1970-01-01 02:00:00.123 -14:00");
        assert_eq!(text(|out| write_time(Time::new(863_999_999_999, 7), out)), "23:59:59.9999999");
        assert_eq!(text(|out| write_time(Time::new(1, 0), out)), "00:00:01");
    }
}

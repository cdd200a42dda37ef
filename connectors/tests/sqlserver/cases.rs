//! One column of each type: what is put in, in T-SQL and for the listener, and what must come out.

use crate::tds::{Kind, Page, Value};

/// A value in a column.
pub struct Sample {
    /// `null`, `usual`, `empty`, `extreme`, `rare` (characters that trip programs).
    pub what: &'static str,
    /// For a genuine server.
    pub literal: &'static str,
    /// For the listener.
    pub value: Value,
    /// As text; None is null.
    pub gives: Option<&'static str>,
}

/// A column's type with samples of its values.
pub struct Case {
    pub declared: &'static str,
    pub kind: Kind,
    pub samples: Vec<Sample>,
}

fn sample(what: &'static str, literal: &'static str, value: Value, gives: &'static str) -> Sample {
    Sample { what, literal, value, gives: Some(gives) }
}

fn text(what: &'static str, literal: &'static str, gives: &'static str) -> Sample {
    sample(what, literal, Value::Text(gives.to_owned()), gives)
}

fn case(declared: &'static str, kind: Kind, samples: impl IntoIterator<Item = Sample>) -> Case {
    let null = Sample { what: "null", literal: "NULL", value: Value::Null, gives: None };
    Case { declared, kind, samples: std::iter::once(null).chain(samples).collect() }
}

/// 2026-03-01 and 9999-12-31 in days since 0001-01-01.
const A_DAY: u32 = 739_675;
const LAST_DAY: u32 = 3_652_058;
/// 09:30:00.1234567 and the last moment of a day, in ten-millionths of a second.
const A_TIME: u64 = 342_001_234_567;
const LAST_TIME: u64 = 863_999_999_999;
/// 38 nines.
const NINES: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

pub fn all() -> Vec<Case> {
    vec![
        case("bit", Kind::Bit, [sample("usual", "1", Value::Whole(1), "true"), sample("extreme", "0", Value::Whole(0), "false")]),
        case("tinyint", Kind::TinyInt, [sample("usual", "7", Value::Whole(7), "7"), sample("extreme", "255", Value::Whole(255), "255")]),
        case(
            "smallint",
            Kind::SmallInt,
            [sample("usual", "12", Value::Whole(12), "12"), sample("extreme", "-32768", Value::Whole(-32_768), "-32768")],
        ),
        case(
            "int",
            Kind::Int,
            [
                sample("usual", "202603", Value::Whole(202_603), "202603"),
                sample("extreme", "-2147483648", Value::Whole(-2_147_483_648), "-2147483648"),
                sample("extreme", "2147483647", Value::Whole(2_147_483_647), "2147483647"),
            ],
        ),
        case(
            "bigint",
            Kind::BigInt,
            [
                sample("extreme", "-9223372036854775808", Value::Whole(i64::MIN), "-9223372036854775808"),
                sample("extreme", "9223372036854775807", Value::Whole(i64::MAX), "9223372036854775807"),
            ],
        ),
        case(
            "decimal(12,2)",
            Kind::Decimal(12, 2),
            [
                sample("usual", "8120.50", Value::Exact(812_050), "8120.50"),
                sample("extreme", "-9999999999.99", Value::Exact(-999_999_999_999), "-9999999999.99"),
            ],
        ),
        case(
            "numeric(9,0)",
            Kind::Decimal(9, 0),
            [sample("usual", "0", Value::Exact(0), "0"), sample("extreme", "999999999", Value::Exact(999_999_999), "999999999")],
        ),
        case(
            "decimal(28,10)",
            Kind::Decimal(28, 10),
            [sample(
                "extreme",
                "123456789012345678.0123456789",
                Value::Exact(1_234_567_890_123_456_780_123_456_789),
                "123456789012345678.0123456789",
            )],
        ),
        case(
            "decimal(38,4)",
            Kind::Decimal(38, 4),
            [
                sample(
                    "extreme",
                    "9999999999999999999999999999999999.9999",
                    Value::Exact(NINES),
                    "9999999999999999999999999999999999.9999",
                ),
                sample(
                    "extreme",
                    "-9999999999999999999999999999999999.9999",
                    Value::Exact(-NINES),
                    "-9999999999999999999999999999999999.9999",
                ),
            ],
        ),
        case(
            "money",
            Kind::Money,
            [
                sample("usual", "8120.5", Value::Exact(81_205_000), "8120.5000"),
                sample("extreme", "922337203685477.5807", Value::Exact(i128::from(i64::MAX)), "922337203685477.5807"),
                sample("extreme", "-922337203685477.5808", Value::Exact(i128::from(i64::MIN)), "-922337203685477.5808"),
            ],
        ),
        case(
            "smallmoney",
            Kind::SmallMoney,
            [
                sample("usual", "0.0001", Value::Exact(1), "0.0001"),
                sample("extreme", "-214748.3648", Value::Exact(-2_147_483_648), "-214748.3648"),
            ],
        ),
        case("real", Kind::Real, [sample("usual", "0.1", Value::Real(0.1), "0.1")]),
        case(
            "float",
            Kind::Float,
            [
                sample("usual", "0.1E0", Value::Real(0.1), "0.1"),
                sample("extreme", "-1234567890.125E0", Value::Real(-1_234_567_890.125), "-1234567890.125"),
            ],
        ),
        case(
            "date",
            Kind::Date,
            [
                sample("usual", "'2026-03-01'", Value::Day(A_DAY), "2026-03-01"),
                sample("extreme", "'0001-01-01'", Value::Day(0), "0001-01-01"),
                sample("extreme", "'9999-12-31'", Value::Day(LAST_DAY), "9999-12-31"),
            ],
        ),
        case(
            "time(7)",
            Kind::Time(7),
            [
                sample("usual", "'09:30:00.1234567'", Value::Clock(A_TIME), "09:30:00.1234567"),
                sample("extreme", "'23:59:59.9999999'", Value::Clock(LAST_TIME), "23:59:59.9999999"),
            ],
        ),
        case("time(0)", Kind::Time(0), [sample("usual", "'09:30:00'", Value::Clock(342_000_000_000), "09:30:00")]),
        case(
            "datetime",
            Kind::DateTime,
            [
                sample("usual", "'2026-03-01T09:30:00.123'", Value::Ticks(46_080, 10_260_037), "2026-03-01T09:30:00.123"),
                sample("extreme", "'1753-01-01T00:00:00'", Value::Ticks(-53_690, 0), "1753-01-01T00:00:00"),
                sample("extreme", "'9999-12-31T23:59:59.997'", Value::Ticks(2_958_463, 25_919_999), "9999-12-31T23:59:59.997"),
            ],
        ),
        case(
            "smalldatetime",
            Kind::SmallDateTime,
            [
                sample("usual", "'2026-03-01T09:30:00'", Value::Minutes(46_080, 570), "2026-03-01T09:30:00"),
                sample("extreme", "'2079-06-06T23:59:00'", Value::Minutes(65_535, 1439), "2079-06-06T23:59:00"),
            ],
        ),
        case(
            "datetime2(7)",
            Kind::DateTime2(7),
            [
                sample("usual", "'2026-03-01T09:30:00.1234567'", Value::Moment(A_DAY, A_TIME), "2026-03-01T09:30:00.123456"),
                sample("extreme", "'0001-01-01T00:00:00'", Value::Moment(0, 0), "0001-01-01T00:00:00"),
                sample("extreme", "'9999-12-31T23:59:59.9999999'", Value::Moment(LAST_DAY, LAST_TIME), "9999-12-31T23:59:59.999999"),
            ],
        ),
        case(
            "datetime2(0)",
            Kind::DateTime2(0),
            [sample("usual", "'2026-03-01T09:30:00'", Value::Moment(A_DAY, 342_000_000_000), "2026-03-01T09:30:00")],
        ),
        case(
            "datetimeoffset(3)",
            Kind::DateTimeOffset(3),
            [
                sample(
                    "usual",
                    "'2026-03-01T17:30:00.123+08:00'",
                    Value::Zoned(A_DAY, 342_001_230_000, 480),
                    "2026-03-01 17:30:00.123 +08:00",
                ),
                sample(
                    "extreme",
                    "'2026-02-28T19:30:00-14:00'",
                    Value::Zoned(A_DAY, 342_000_000_000, -840),
                    "2026-02-28 19:30:00.000 -14:00",
                ),
            ],
        ),
        case(
            "uniqueidentifier",
            Kind::Guid,
            [sample(
                "usual",
                "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
                Value::Raw(vec![0x6f, 0x96, 0x19, 0xff, 0x8b, 0x86, 0xd0, 0x11, 0xb4, 0x2d, 0x00, 0xc0, 0x4f, 0xc9, 0x64, 0xff]),
                "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            )],
        ),
        case(
            "nvarchar(50)",
            Kind::NVarChar(Some(50)),
            [
                text("usual", "N'张三'", "张三"),
                text("empty", "N''", ""),
                text("rare", "N'𠮷田䶮 😀 '", "𠮷田䶮 😀 "),
                text("rare", "N'阿依古丽·买买提'", "阿依古丽·买买提"),
            ],
        ),
        case("nchar(4)", Kind::NChar(4), [text("usual", "N'男'", "男   ")]),
        case(
            "nvarchar(max)",
            Kind::NVarChar(None),
            [
                text("empty", "N''", ""),
                text("rare", "N'备注😀'", "备注😀"),
                Sample {
                    what: "extreme",
                    literal: "REPLICATE(CONVERT(nvarchar(max), N'长𠮷'), 10000)",
                    value: Value::Text("长𠮷".repeat(10_000)),
                    gives: Some(Box::leak("长𠮷".repeat(10_000).into_boxed_str())),
                },
            ],
        ),
        case("ntext", Kind::NText, [text("rare", "N'旧𠮷'", "旧𠮷")]),
        case(
            "varchar(50) COLLATE Chinese_PRC_CI_AS",
            Kind::VarChar(Some(50), Page::Gbk),
            [text("usual", "N'张三'", "张三"), text("empty", "''", ""), text("rare", "N'镕'", "镕")],
        ),
        case("char(6) COLLATE Chinese_PRC_CI_AS", Kind::Char(6, Page::Gbk), [text("usual", "N'张三'", "张三  ")]),
        case("varchar(max) COLLATE Chinese_PRC_CI_AS", Kind::VarChar(None, Page::Gbk), [text("usual", "N'说明'", "说明")]),
        case("text COLLATE Chinese_PRC_CI_AS", Kind::Text(Page::Gbk), [text("usual", "N'旧说明'", "旧说明")]),
        case(
            "varchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS",
            Kind::VarChar(Some(20), Page::Latin),
            [text("usual", "'A-01'", "A-01"), text("rare", "N'Müller€'", "Müller€")],
        ),
        case("varchar(20) COLLATE SQL_Latin1_General_CP437_CI_AS", Kind::VarChar(Some(20), Page::Dos), [text("usual", "'A-01'", "A-01")]),
        case(
            "varbinary(16)",
            Kind::VarBinary(Some(16)),
            [sample("usual", "0x01FF00", Value::Raw(vec![1, 255, 0]), "01ff00"), sample("empty", "0x", Value::Raw(vec![]), "")],
        ),
        case("binary(4)", Kind::Binary(4), [sample("usual", "0x01", Value::Raw(vec![1, 0, 0, 0]), "01000000")]),
        case("varbinary(max)", Kind::VarBinary(None), [sample("usual", "0xD5C5", Value::Raw(vec![0xd5, 0xc5]), "d5c5")]),
        case("image", Kind::Image, [sample("usual", "0xD5C5", Value::Raw(vec![0xd5, 0xc5]), "d5c5")]),
        case("xml", Kind::Xml, [text("rare", "N'<a>王𠮷</a>'", "<a>王𠮷</a>")]),
        case("sql_variant", Kind::Variant, [text("usual", "N'变'", "变")]),
    ]
}

/// ROWVERSION, whose values the server alone makes.
pub fn row_version() -> Case {
    let made =
        Sample { what: "usual", literal: "DEFAULT", value: Value::Raw(vec![0, 0, 0, 0, 0, 0, 7, 0xd1]), gives: Some("00000000000007d1") };
    Case { declared: "rowversion", kind: Kind::RowVersion, samples: vec![made] }
}

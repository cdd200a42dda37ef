//! Synthetic payroll rows: twelve columns of text, Chinese names, days, decimals and whole numbers. Databases make them themselves, by
//! one statement; files are written here. Every column is a function of the row's number.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rust_xlsxwriter::Workbook;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::Target;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

const SURNAMES: &str = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉建国文东";
const COLUMNS: [&str; 12] =
    ["id", "id_number", "name", "unit_code", "unit_name", "month", "paid_on", "kind", "gross", "deduction", "net", "days"];

/// Makes the rows unless they are there; says whether it did.
pub(super) async fn fill(target: &Target, rows: u64) -> Result<bool, Trouble> {
    if !target.is_ours {
        return Ok(false);
    }
    match (target.kind.as_str(), &target.url) {
        ("sqlite" | "csv" | "xlsx", _) if target.file.exists() => Ok(false),
        ("sqlite", _) => sqlite(&target.file, rows).await.map(|()| true),
        ("csv", _) => csv(&target.file, rows).map(|()| true),
        ("xlsx", _) => xlsx(&target.file, rows).map(|()| true),
        ("postgres", Some(url)) => postgres(url, rows).await,
        ("mysql", Some(url)) => mysql(url, rows).await,
        (kind, None) => Err(format!("`{kind}` needs --url of a server that may be written to, or --table of one that is filled").into()),
        (kind, Some(_)) => Err(format!("rows for `{kind}` are not made here; fill a table and name it with --table").into()),
    }
}

async fn postgres(url: &str, rows: u64) -> Result<bool, Trouble> {
    let mut server = PgConnection::connect(url).await?;
    let there: Option<i64> = sqlx::query_scalar("select count(*) from bench_pay").fetch_one(&mut server).await.ok();
    if there == i64::try_from(rows).ok() {
        return Ok(false);
    }
    let select = select("(i / 50)", "substr", "date '2026-01-10' + ((i % 12) * 30)::int", "/ 100.0");
    for sql in [
        "drop table if exists bench_pay".to_owned(),
        table("bench_pay", "date"),
        format!("insert into bench_pay select {select} from generate_series(0::bigint, {}::bigint) as numbers (i)", rows - 1),
        "analyze bench_pay".to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server).await?;
    }
    Ok(true)
}

async fn mysql(url: &str, rows: u64) -> Result<bool, Trouble> {
    let mut server = MySqlConnection::connect(url).await?;
    let there: Option<i64> = sqlx::query_scalar("select count(*) from bench_pay").fetch_one(&mut server).await.ok();
    if there == i64::try_from(rows).ok() {
        return Ok(false);
    }
    let select = select("(i div 50)", "substr", "date_add('2026-01-10', interval (i % 12) * 30 day)", "/ 100");
    for sql in [
        "drop table if exists bench_pay".to_owned(),
        format!("{} character set utf8mb4", table("bench_pay", "date")),
        // The sequence engine of MariaDB counts without a table.
        format!("insert into bench_pay select {select} from (select seq as i from seq_0_to_{}) as numbers", rows - 1),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server).await?;
    }
    Ok(true)
}

async fn sqlite(file: &Path, rows: u64) -> Result<(), Trouble> {
    // Written beside its place: a file that is there is whole.
    let partial = file.with_extension("partial");
    let _ = std::fs::remove_file(&partial);
    let options = SqliteConnectOptions::new()
        .filename(&partial)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off);
    let mut database = SqliteConnection::connect_with(&options).await?;
    let select = select("(i / 50)", "substr", "date('2026-01-10', ((i % 12) * 30) || ' days')", "/ 100.0");
    for sql in [
        // SQLite has no decimals: a column that is declared so holds whole numbers and binary ones side by side.
        table("bench_pay", "text").replace("decimal(12,2)", "real"),
        format!(
            "with recursive numbers (i) as (select 0 union all select i + 1 from numbers where i + 1 < {rows})
             insert into bench_pay select {select} from numbers"
        ),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await?;
    }
    database.close().await?;
    Ok(std::fs::rename(partial, file)?)
}

fn table(name: &str, day: &str) -> String {
    format!(
        "create table {name} (id bigint, id_number varchar(18), name varchar(20), unit_code varchar(12), unit_name varchar(60), month int, \
         paid_on {day}, kind varchar(2), gross decimal(12,2), deduction decimal(12,2), net decimal(12,2), days int)"
    )
}

/// The columns of row `i`, in the words of a database: whole division, parts of texts, the day, and hundredths.
fn select(unit: &str, substr: &str, day: &str, hundredth: &str) -> String {
    let digits = |number: &str, above: &str, count: usize| format!("{substr}(concat({above} + {number}), 2, {count})");
    let pick = |letters: &str, number: &str| {
        format!("{substr}('{letters}', cast(1 + {number} as {}), 1)", if day.starts_with("date_add") { "signed" } else { "int" })
    };
    let id_number = format!(
        "concat('330683', {}, {}, {}, {}, 'X')",
        "1960 + i % 40",
        digits("1 + i % 12", "100", 2),
        digits("1 + i % 28", "100", 2),
        digits("i % 1000", "1000", 3)
    );
    let name = format!("concat({}, {}, {})", pick(SURNAMES, "i % 20"), pick(GIVEN, &format!("{unit} % 29")), pick(GIVEN, "(i * 7) % 29"));
    let gross = "(300000 + (i * 7919) % 1200000)";
    let deduction = "(10000 + (i * 104729) % 200000)";
    [
        "i + 1".to_owned(),
        id_number,
        name,
        format!("concat('330683', {})", digits(&format!("{unit} % 100000"), "100000", 5)),
        format!("concat('第', {unit}, '中心小学')"),
        "202601 + i % 12".to_owned(),
        day.to_owned(),
        "'01'".to_owned(),
        format!("{gross} {hundredth}"),
        format!("{deduction} {hundredth}"),
        format!("({gross} - {deduction}) {hundredth}"),
        "20 + i % 4".to_owned(),
    ]
    .join(", ")
}

/// The cells of row `i`, as files have them.
fn cells(i: u64) -> [String; 12] {
    let letter = |letters: &str, at: u64| letters.chars().nth(at as usize).unwrap_or('一');
    let yuan = |fen: u64| format!("{}.{:02}", fen / 100, fen % 100);
    let (unit, gross, deduction) = (i / 50, 300_000 + (i * 7919) % 1_200_000, 10_000 + (i * 104_729) % 200_000);
    let name: String = [letter(SURNAMES, i % 20), letter(GIVEN, unit % 29), letter(GIVEN, (i * 7) % 29)].iter().collect();
    [
        (i + 1).to_string(),
        format!("330683{}{:02}{:02}{:03}X", 1960 + i % 40, 1 + i % 12, 1 + i % 28, i % 1000),
        name,
        format!("330683{:05}", unit % 100_000),
        format!("第{unit}中心小学"),
        (202_601 + i % 12).to_string(),
        format!("2026-{:02}-10", 1 + i % 12),
        "01".to_owned(),
        yuan(gross),
        yuan(deduction),
        yuan(gross - deduction),
        (20 + i % 4).to_string(),
    ]
}

fn csv(file: &Path, rows: u64) -> Result<(), Trouble> {
    let partial = file.with_extension("partial");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
    writeln!(out, "{}", COLUMNS.join(","))?;
    for i in 0..rows {
        let line = cells(i).join(",");
        out.write_all(&encoding_rs::GB18030.encode(&line).0)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(std::fs::rename(partial, file)?)
}

fn xlsx(file: &Path, rows: u64) -> Result<(), Trouble> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (at, column) in (0..).zip(COLUMNS) {
        sheet.write_string(0, at, column)?;
    }
    for i in 0..rows.min(1_048_575) {
        let row = u32::try_from(i + 1)?;
        for (at, cell) in (0..).zip(cells(i)) {
            // Amounts and counts are numbers in a workbook, ID numbers and codes are text.
            match (at, cell.parse::<f64>()) {
                (0 | 5 | 8..=11, Ok(number)) => sheet.write_number(row, at, number)?,
                _ => sheet.write_string(row, at, cell)?,
            };
        }
    }
    Ok(book.save(file)?)
}

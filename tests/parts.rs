//! A real database pulled in parts, night after night, beside the same database pulled whole: the same rows, whatever was done to it.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

const PARTS: &str = "incremental = { column = \"gxsj\", lookback = \"2 days\", key = [\"id\", \"ny\"] }\n";

/// A city with one department, whose source is `pay.db` beside it.
fn city(root: &Path, parts: &str) {
    for folder in ["config/departments", "mappings"] {
        fs::create_dir_all(root.join(folder)).expect("a folder of the test");
    }
    let write = |name: &str, text: &str| fs::write(root.join(name), text).expect("a file of the test");
    write("config/muster.toml", "city = { zh = \"测试市\", en = \"Test city\" }\nregion = \"330683\"\n");
    write(
        "config/departments/finance.toml",
        "name = \"finance\"\ntitle = { zh = \"财政局\", en = \"Finance\" }\nmapping = \"pay\"\n[source.main]\nkind = \"sqlite\"\nfile = \"../pay.db\"\n",
    );
    write(
        "mappings/pay.toml",
        &format!(
            "title = {{ zh = \"工资\", en = \"Pay\" }}\n[[feed]]\nname = \"payroll\"\nfills = \"payment\"\ntable = \"gzff\"\n{parts}\
             [feed.columns]\nid_number = {{ from = \"id\" }}\nmonth = {{ from = \"ny\" }}\nkind = {{ value = \"salary\" }}\n\
             gross_fen = {{ from = \"yf\", money = \"yuan\" }}\n[feed.ignore]\ncolumns = [\"gxsj\"]\n[feed.expect]\nrejected = {{ max = 1.0 }}\n"
        ),
    );
}

fn sql(root: &Path, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(root.join("pay.db")).create_if_missing(true);
        let mut database = SqliteConnection::connect_with(&options).await.expect("a database");
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut database).await.expect("statements of the test");
        database.close().await.expect("it is closed");
    });
}

/// The landed rows without their places, sorted.
fn landed(city: &Path, night: &str) -> Vec<String> {
    let mut raw = tempfile::tempfile().expect("a temporary file");
    raw.write_all(&support::opened(city, &format!("data/deliveries/finance/payroll/{night}/raw.parquet"))).expect("written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(raw).expect("Parquet").build().expect("Parquet");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("Parquet");
        let options = FormatOptions::default().with_null("NULL");
        let columns: Vec<_> = ["id", "ny", "yf", "gxsj"]
            .iter()
            .map(|it| ArrayFormatter::try_new(batch.column_by_name(it).expect("a column").as_ref(), &options).expect("it has a text"))
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|it| it.value(row).to_string()).collect::<Vec<_>>().join("|")));
    }
    rows.sort();
    rows
}

#[test]
fn a_database_in_parts_is_the_database_whole() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (parts, whole) = (root.path().join("parts"), root.path().join("whole"));
    city(&parts, PARTS);
    city(&whole, "");
    // What is done before each night, and what the night must say of it: nothing, or why it was pulled whole.
    let nights = [
        (
            "2026-11-10",
            "create table gzff (id text, ny integer, yf text, gxsj text);
             with recursive n (i) as (select 1 union all select i + 1 from n where i < 500)
             insert into gzff select '33068319800101' || (1000 + i), 202610, 5000 + i || '.50', '2026-11-01 08:00:00' from n;
             insert into gzff values ('330683198001019999', 202610, null, '2026-11-09 12:00:00');",
            "",
        ),
        (
            "2026-11-11",
            "update gzff set yf = '6000.00', gxsj = '2026-11-10 20:00:00' where id = '330683198001011007';
             insert into gzff select id, 202611, yf, '2026-11-10 21:00:00' from gzff where id < '330683198001011100';",
            "",
        ),
        ("2026-11-12", "delete from gzff where id = '330683198001011200'", "so it was pulled whole"),
        ("2026-11-13", "update gzff set id = id || 'x' where id = '330683198001011300'", "not the same ones, so it was pulled whole"),
        ("2026-11-14", "delete from gzff where gxsj > '2026-11-10'", ""),
        ("2026-11-15", "insert into gzff values ('330683198001018888', 202611, '1.00', null)", "so it was pulled whole"),
        ("2026-11-16", "alter table gzff add column bz text", "columns have changed, so it was pulled whole"),
    ];
    for (night, deed, says) in nights {
        sql(root.path(), deed);
        let (told, _) = support::night(&parts, night);
        let feed = &told["feeds"][0];
        assert_eq!(feed["left_out"].to_string(), "[]", "{night}");
        let notes: Vec<&str> = feed["notes"].as_array().expect("notes").iter().filter_map(|it| it["en"].as_str()).collect();
        let why = notes.iter().find(|it| it.contains("pulled whole")).copied().unwrap_or_default();
        assert!(if says.is_empty() { why.is_empty() } else { why.contains(says) }, "{night}: {notes:?}");
        support::night(&whole, night);
        assert_eq!(landed(&parts, night), landed(&whole, night), "{night}");
    }
}

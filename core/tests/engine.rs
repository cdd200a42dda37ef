//! A small night over sealed Parquet files: what the app does with the engine, in one place.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::NaiveDate;
use muster_core::check::{self, FeedState, Names, NightParams};
use muster_core::diag::Source;
use muster_core::engine::{Engine, Limits, LinkedFeed, Params};
use muster_core::finding::Subject;
use muster_core::presence::{self, Window};
use muster_core::rule::{self, Rule};
use muster_core::schema::{self, IDENTITY, PERSONS};
use parquet::arrow::ArrowWriter;

const CARD: &str = r#"+++
id       = "G01"
name     = "paid-after-death"
title    = { zh = "死亡后仍发工资", en = "Paid after death" }
family   = "ghost"
severity = "S1"
status   = "stable"
needs    = ["death", "payment"]
grace_months = 1
sentence = { zh = "{died_on} 死亡（{death_source}登记），{month} 仍由 {unit_id} 发放 {gross_fen}", en = "died on {died_on} ({death_source}); {unit_id} paid {gross_fen} for {month}" }
confidence = 1.0
[params]
min_fen = 0
+++
# 死亡后仍发工资 Paid after death
## 含义 What it means
死亡后仍发。

Paid after death.
## 何时属正常 When it is innocent
当月照发。

The month of death.
## 核查要点 What the reviewer does
核对。

Compare.
```sql
select p.person_id, p.month, p.unit_id, p.gross_fen, p.gross_fen as amount_fen, d.died_on, d.source as death_source,
  p.feed, p.row_no, d.feed as death_feed, d.row_no as death_row_no
from payment p join death d on d.person_id = p.person_id
where p.kind = 'salary' and p.month > add_months(month_of(d.died_on), $grace_months) and p.month <= $month and p.gross_fen > $min_fen
```
## Example: guilty
`death`
| person_id | died_on | source |
|--|--|--|
| 1 | 2026-07-30 | police |

`payment`
| person_id | unit_id | month | kind | gross_fen |
|--|--|--|--|--|
| 1 | 10 | 202608 | salary | 623470 |
| 1 | 10 | 202609 | salary | 623_470 |

finds
| person_id | month | amount_fen | zh |
|--|--|--|--|
| 1 | 202609 | 623470 | 2026-07-30 死亡（公安登记），2026-09 仍由 单位10 发放 6,234.70 元 |
## Example: innocent
`death`
| person_id | died_on |
|--|--|
| 1 | 2026-09-30 |

`payment`
| person_id | month | kind | gross_fen |
|--|--|--|--|
| 1 | 202610 | salary | 623470 |

finds nothing
"#;

fn card() -> Rule {
    let read = rule::read(Source::new("rules/paid-after-death.md", CARD));
    read.unwrap_or_else(|it| panic!("{it:?}"))
}

fn date(text: &str) -> i32 {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day");
    (text.parse::<NaiveDate>().expect("a day") - epoch).num_days() as i32
}

/// A batch of `schema` in which columns that are not given are null.
fn batch(schema: &SchemaRef, rows: usize, given: &[(&str, ArrayRef)]) -> RecordBatch {
    let column = |name: &str| given.iter().find(|it| it.0 == name).map(|it| Arc::clone(&it.1));
    let arrays = schema.fields().iter().map(|it| column(it.name()).unwrap_or_else(|| new_null_array(it.data_type(), rows)));
    RecordBatch::try_new(Arc::clone(schema), arrays.collect()).expect("given columns fit")
}

fn sealed(folder: &Path, name: &str, batch: &RecordBatch) -> PathBuf {
    let path = folder.join(format!("{name}.parquet"));
    let mut writer = ArrowWriter::try_new(File::create(&path).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    path
}

fn ints(values: Vec<Option<i32>>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

fn texts(values: Vec<&str>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

/// Three people: 0 died in July and is paid by two feeds, 1 lives, 2 left no trace but on the register.
async fn city(folder: &Path) -> Engine {
    let engine = Engine::new(&Limits { spill_dir: Some(folder.to_owned()), ..Limits::default() });
    let person = vec![
        ("person_id", ints(vec![Some(0), Some(1), Some(2)])),
        ("person_key", texts(vec!["p-c", "p-a", "p-b"])),
        ("doubt", Arc::new(BooleanArray::from(vec![false; 3])) as ArrayRef),
    ];
    engine.batches("person", PERSONS.schema(), vec![batch(&PERSONS.schema(), 3, &person)]);
    let unit = vec![
        ("unit_id", ints(vec![Some(0), Some(1)])),
        ("unit_code", texts(vec!["001", "002"])),
        ("unit_name", texts(vec!["市教育局", "市水利局"])),
    ];
    let units = schema::UNITS.linked_schema();
    engine.batches("unit", Arc::clone(&units), vec![batch(&units, 2, &unit)]);
    let identity = vec![
        ("table_name", texts(vec!["death", "quota"])),
        ("person_id", ints(vec![Some(0), Some(0)])),
        ("score", Arc::new(Float32Array::from(vec![0.5, 0.1])) as ArrayRef),
    ];
    engine.batches("identity", IDENTITY.schema(), vec![batch(&IDENTITY.schema(), 2, &identity)]);
    for derived in [&schema::UNIT_REFERENCE, &schema::FEED] {
        engine.batches(derived.name, derived.schema(), Vec::new());
    }

    let death = schema::DEATH.sealed_schema();
    let deaths = vec![
        ("row_no", Arc::new(Int64Array::from(vec![2])) as ArrayRef),
        ("who", ints(vec![Some(0)])),
        ("died_on", Arc::new(Date32Array::from(vec![date("2026-07-30")]))),
        ("source", texts(vec!["police"])),
    ];
    let payment = schema::PAYMENT.sealed_schema();
    let pay = |who: Vec<Option<i32>>, at: Vec<Option<i32>>, months: Vec<i32>, fen: Vec<i64>| {
        let rows = who.len();
        let columns = vec![
            ("row_no", Arc::new((0..rows as i64).map(|it| it + 4).collect::<Int64Array>()) as ArrayRef),
            ("who", ints(who)),
            ("unit_at", ints(at)),
            ("month", Arc::new(Int32Array::from(months))),
            ("kind", texts(vec!["salary"; rows])),
            ("gross_fen", Arc::new(Int64Array::from(fen))),
        ];
        batch(&payment, rows, &columns)
    };
    let archive =
        pay(vec![Some(0), Some(1), Some(0)], vec![Some(0), Some(0), Some(1)], vec![202_607, 202_607, 202_609], vec![500_000, 1, 500_000]);
    let current = pay(vec![Some(0), Some(1), None], vec![Some(0), Some(7), None], vec![202_610, 202_610, 202_610], vec![600_000, 2, 3]);
    let feed = |name: &str, files: Vec<PathBuf>, person_of: Vec<i32>, unit_of: Vec<i32>| LinkedFeed {
        feed: name.to_owned(),
        files,
        person_of: Arc::new(person_of),
        unit_of: Arc::new(unit_of),
    };
    for table in schema::TABLES.iter().filter(|it| it.name != "unit") {
        let feeds = match table.name {
            "death" => vec![feed("civil/deaths", vec![sealed(folder, "deaths 1*", &batch(&death, 1, &deaths))], vec![0], vec![])],
            "payment" => vec![
                feed("finance/archive", vec![sealed(folder, "archive", &archive)], vec![0, 1], vec![0, 1]),
                feed("finance/current", vec![sealed(folder, "current", &current)], vec![0, -1], vec![1]),
            ],
            _ => Vec::new(),
        };
        engine.linked(table, &feeds).await.expect("linked");
    }
    engine
}

fn tonight() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 15).expect("a day")
}

#[tokio::test]
async fn a_night_over_sealed_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = city(folder.path()).await;
    let window = presence::window(&engine, tonight()).await.expect("counted").expect("months");
    assert_eq!(window, Window { first: 202_607, last: 202_610 });
    presence::compute(&engine, window).await.expect("presence");

    let rule = card();
    let state = |feed: &str, table: &str, last_month| FeedState { feed: feed.to_owned(), table: table.to_owned(), used: true, last_month };
    let feeds = [state("civil/deaths", "death", None), state("finance/current", "payment", Some(202_610))];
    let month = check::gate(&rule, &feeds, tonight()).expect("may run");
    let night = NightParams { tonight: tonight(), month, first_month: window.first };
    let names = Names::read(&engine).await.expect("read");
    let found = check::run(&rule, &engine, &night, &names).await.expect("runs");

    assert_eq!((found.rows, found.findings.len()), (2, 1));
    let finding = &found.findings[0];
    assert_eq!(finding.subject, Subject::Person { key: "p-c".to_owned(), id: 0 });
    assert_eq!(
        (finding.months.as_slice(), finding.since, finding.amount_fen),
        ([202_609, 202_610].as_slice(), Some(202_609), Some(1_100_000))
    );
    assert_eq!(finding.unit_code.as_deref(), Some("002"), "the newest line names the unit");
    assert!((finding.confidence - 0.5).abs() < f32::EPSILON, "the death record is linked with doubt; `quota` is not read");
    assert_eq!(finding.lines[0].zh, "2026-07-30 死亡（公安登记），2026-09 仍由 市水利局 发放 5,000.00 元");
    assert_eq!(finding.lines[0].en, "died on 2026-07-30 (police); 市水利局 paid 5,000.00 yuan for 2026-09");
    assert_eq!(finding.lines[0].places, vec![("finance/archive".to_owned(), 6), ("civil/deaths".to_owned(), 2)]);
    assert_eq!(finding.lines[0].facts.get("death_source").map(String::as_str), Some("police"));

    let again = check::run(&rule, &engine, &night, &names).await.expect("runs");
    assert_eq!(serde_json::to_string(&found.findings).ok(), serde_json::to_string(&again.findings).ok());
}

#[tokio::test]
async fn presence_says_who_was_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = city(folder.path()).await;
    presence::compute(&engine, Window { first: 202_607, last: 202_610 }).await.expect("presence");
    let sql = "select person_id, month, paid, dead, payer_unit_id, on_post from presence order by person_id, month";
    let batches = engine.query(sql, &Params::new()).await.expect("read");
    let shown = arrow::util::pretty::pretty_format_batches(&batches).expect("printed").to_string();
    let expected = "\
+-----------+--------+-------+-------+---------------+---------+
| person_id | month  | paid  | dead  | payer_unit_id | on_post |
+-----------+--------+-------+-------+---------------+---------+
| 0         | 202607 | true  | false | 0             |         |
| 0         | 202608 | false | true  |               |         |
| 0         | 202609 | true  | true  | 1             |         |
| 0         | 202610 | true  | true  | 1             |         |
| 1         | 202607 | true  | false | 0             |         |
+-----------+--------+-------+-------+---------------+---------+";
    assert_eq!(shown, expected);
    for (filter, rows) in [
        ("paid", 4),
        ("not paid", 1),
        ("paid and dead and month >= 202609", 2),
        ("paid and not paid", 0),
        ("month between 202608 and 202609", 2),
        ("on_post", 0),
        ("on_post is not true", 5),
        ("payer_unit_id = 0", 2),
        ("202608 > month", 2),
        ("insured or dead", 3),
    ] {
        let sql = format!("select count(*) as n, count(distinct person_id) as p from presence where {filter}");
        let batches = engine.query(&sql, &Params::new()).await.expect("read");
        let n = batches[0].column(0).as_any().downcast_ref::<Int64Array>().expect("a count").value(0);
        assert_eq!(n, rows, "{filter}");
    }
}

#[tokio::test]
async fn a_join_that_does_not_fit_into_memory_is_run_again_with_one_that_spills() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::new(&Limits { memory_bytes: 40 << 20, partitions: 1, spill_dir: Some(folder.path().to_owned()), opening: None });
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let scattered: ArrayRef =
        Arc::new((0..2_000_000_i64).map(|it| it.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)).collect::<Int64Array>());
    let rows = RecordBatch::try_new(Arc::clone(&schema), vec![scattered]).expect("rows");
    engine.batches("one", Arc::clone(&schema), vec![rows.clone()]);
    engine.batches("two", Arc::clone(&schema), vec![rows.clone()]);
    let sql = "select count(*) as n from one join two on one.n = two.n";
    let found = engine.query(sql, &Params::new()).await.expect("completes");
    assert_eq!(found[0].column(0).as_any().downcast_ref::<Int64Array>().expect("a count").value(0), 2_000_000);

    let poor = Engine::new(&Limits { memory_bytes: 1 << 20, partitions: 1, spill_dir: None, opening: None });
    poor.batches("one", schema, vec![rows]);
    let error = poor.query("select n from one order by n", &Params::new()).await.expect_err("a mebibyte is too little");
    assert!(error.machine && error.hint.is_some(), "{error:?}");
}

#[tokio::test]
async fn what_a_query_mentions_twice_is_computed_once_and_goes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::new(&Limits { memory_bytes: 64 << 20, partitions: 2, spill_dir: Some(folder.path().to_owned()), opening: None });
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    engine.batches("one", Arc::clone(&schema), vec![RecordBatch::try_new(schema, vec![numbers]).expect("rows")]);
    let count = |found: Vec<RecordBatch>| found[0].column(0).as_any().downcast_ref::<Int64Array>().expect("a count").value(0);
    // A random number is another one at every computation: two mentions are equal only when it was computed once.
    let sql = "with drawn as (select n, random() as x from one), large as (select * from drawn where x > 0.5)
        select count(*) as n from large a join large b on a.n = b.n and a.x = b.x
        where exists (select 1 from drawn d where d.n = a.n and d.x = a.x)";
    let found = count(engine.query(sql, &Params::new()).await.expect("completes"));
    let all = "with drawn as (select n, random() as x from one) select count(*) as n from drawn where x > 0.5";
    let expected = count(engine.query(all, &Params::new()).await.expect("completes"));
    assert!(found > 45_000 && expected > 45_000, "{found} of {expected}: every row that was drawn meets itself");
    assert_eq!(engine.tables(), ["one"]);

    // A table of the same name as one of ours hides it only after its definition.
    let hidden = "with one as (select n from one where n < 10) select count(*) as n from one a join one b on a.n = b.n";
    assert_eq!(count(engine.query(hidden, &Params::new()).await.expect("completes")), 10);

    // Too large to keep: the query is answered all the same.
    let poor = Engine::new(&Limits { memory_bytes: 1 << 20, partitions: 1, spill_dir: Some(folder.path().to_owned()), opening: None });
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    poor.batches("one", Arc::clone(&schema), vec![RecordBatch::try_new(schema, vec![numbers]).expect("rows")]);
    let twice = "with t as (select n from one) select (select max(n) from t) + (select min(n) from t) as n";
    assert_eq!(count(poor.query(twice, &Params::new()).await.expect("completes")), 99_999);
}

#[tokio::test]
async fn the_examples_of_a_card_are_proved() {
    let proofs = rule::prove(&card()).await;
    let told: Vec<String> = proofs.iter().map(ToString::to_string).collect();
    assert!(proofs.len() == 2 && proofs.iter().all(rule::Proof::ok), "{told:#?}");
}

/// What a change of the card's SQL is told: the line, what the caret stands under, and the hint.
async fn broken(from: &str, to: &str) -> (String, String, String) {
    assert!(CARD.contains(from), "{from}");
    let rule = rule::read(Source::new("rules/paid-after-death.md", CARD.replace(from, to))).unwrap_or_else(|it| panic!("{it:?}"));
    let rule::Outcome::Wrong(mistake) = rule::prove(&rule).await.remove(0).outcome else { panic!("nothing wrong with {to}") };
    let at = miette::Diagnostic::labels(mistake.as_ref()).and_then(|mut it| it.next()).expect("a label");
    let under = &rule.source.text[at.offset()..at.offset() + at.len()];
    (mistake.what.clone(), under.to_owned(), mistake.hint().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn mistakes_in_the_query_are_shown_in_the_card() {
    let check = async |from: &str, to: &str, what: &str, under: &str, hint: &str| {
        let found = broken(from, to).await;
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), (what, under, hint));
    };
    check("p.month, p.unit_id", "p.mnoth, p.month, p.unit_id", "`p` has no column `mnoth`", "p.mnoth", "did you mean `month`?").await;
    check("from payment p", "from paymnt p", "there is no table `paymnt`", "paymnt", "did you mean `payment`?").await;
    check("$grace_months)", "$grace_month)", "there is no parameter `$grace_month`", "$grace_month", "did you mean `$grace_months`?").await;
    check("month_of(d", "moth_of(d", "there is no function `moth_of`", "moth_of", "did you mean `month_of`?").await;
    check("> $min_fen", "> $min_fen 77", "Expected: end of statement, found: 77", "77", "").await;
    check("发放 {gross_fen}", "发放 {gros_fen}", "the query gives no column `gros_fen`", "{gros_fen}", "did you mean `gross_fen`?").await;
}

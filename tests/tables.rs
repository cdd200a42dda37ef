//! `muster table` over a night of the demo city: both prompt tables reconcile to the last person, in every grouping and as of any month.

mod support;

use serde_json::Value;

fn table(city: &str, args: &[&str]) -> Value {
    let config = format!("{city}/config/muster.toml");
    let mut all = vec!["table"];
    all.extend(args);
    all.extend(["--json", "--config", &config]);
    let out = support::muster(&all);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    let told: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(told["reconciles"], true, "{args:?}");
    told
}

fn value(told: &Value, measure: &str) -> i64 {
    told["total"]["values"][measure].as_i64().unwrap_or(0)
}

/// An appointment as the personnel system delivers it.
struct Post {
    concurrent: String,
    from: String,
    to: Option<String>,
}

impl Post {
    fn is_held_on(&self, day: &str) -> bool {
        self.from.as_str() <= day && self.to.as_deref().is_none_or(|it| it > day)
    }
}

fn delivered_posts(city: &str) -> Vec<Post> {
    use sqlx::Connection as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut database = sqlx::SqliteConnection::connect(&format!("sqlite://{city}/sources/hr/rsxt.db")).await.expect("the source");
        let rows: Vec<(String, String, Option<String>)> =
            sqlx::query_as("select \"兼任\", \"任职时间\", \"免职时间\" from \"领导任职\"").fetch_all(&mut database).await.expect("posts");
        rows.into_iter().map(|(concurrent, from, to)| Post { concurrent, from, to }).collect()
    })
}

#[test]
fn the_prompt_tables_of_a_demo_city_reconcile() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city").display().to_string();
    let night = support::demo(std::path::Path::new(&city), 3);
    let figures = &night["night"]["figures"];

    let quota = table(&city, &["quota"]);
    for (group, name) in [("admin", "administrative"), ("inst", "institution")] {
        for what in ["approved", "actual", "vacant", "over"] {
            assert_eq!(Some(value(&quota, &format!("{group}-{what}"))), figures[name][what].as_i64(), "{name} {what}");
        }
    }
    assert_eq!(value(&quota, "approved") - value(&quota, "actual"), value(&quota, "vacant") - value(&quota, "over"));
    assert!(value(&quota, "vacant") > 0 && value(&quota, "over") > 0, "the sums do not cancel each other");
    for by in ["system", "region"] {
        assert_eq!(table(&city, &["quota", "--by", by])["total"], quota["total"], "{by}");
    }
    let code = quota["rows"][0]["code"].as_str().filter(|it| !it.is_empty()).or(quota["rows"][1]["code"].as_str()).expect("a unit");
    assert!(table(&city, &["quota", "--unit", code])["rows"].as_array().is_some_and(|it| !it.is_empty()));
    assert_eq!(table(&city, &["quota", "--as-of", "2026-03"])["month"], 202_603);

    // Leading posts reconcile to the last person: who leads two units counts once, and the sums do not cancel each other.
    let leaders = table(&city, &["leaders"]);
    assert_eq!(value(&leaders, "approved") - value(&leaders, "actual"), value(&leaders, "vacant") - value(&leaders, "over"));
    assert!(["actual", "vacant", "over", "concurrent", "women"].iter().all(|it| value(&leaders, it) > 0), "{leaders}");
    assert_eq!(value(&leaders, "chief-actual") + value(&leaders, "deputy-actual"), value(&leaders, "actual"));
    assert_eq!(value(&leaders, "leaders"), value(&leaders, "actual"), "nobody holds two posts that count");
    let posts = delivered_posts(&city);
    let held = |concurrent: &str| posts.iter().filter(|it| it.concurrent == concurrent && it.is_held_on("2026-10-31")).count() as i64;
    assert_eq!((value(&leaders, "actual"), value(&leaders, "concurrent")), (held("否"), held("是")), "as many as were delivered");
    for by in ["system", "region"] {
        assert_eq!(table(&city, &["leaders", "--by", by])["total"], leaders["total"], "{by}");
    }
    // Before anybody was appointed, everything that was approved by then is vacant.
    let long_ago = table(&city, &["leaders", "--as-of", "2009-12"]);
    assert_eq!(value(&long_ago, "actual"), 0);

    let consistency = table(&city, &["consistency"]);
    assert_eq!(value(&consistency, "person-all"), value(&consistency, "person-fine") + value(&consistency, "person-without"));
}

#[test]
fn a_wrong_month_or_unit_is_told() {
    assert_eq!(support::muster(&["table", "quota", "--as-of", "2026-13"]).status.code(), Some(2));
}

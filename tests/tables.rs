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

    // The demo's departments deliver no posts: nothing is said about leading posts, rather than that all are vacant.
    let config = format!("{city}/config/muster.toml");
    assert_eq!(support::muster(&["table", "leaders", "--config", &config]).status.code(), Some(64));
    let consistency = table(&city, &["consistency"]);
    assert_eq!(value(&consistency, "person-all"), value(&consistency, "person-fine") + value(&consistency, "person-without"));
}

#[test]
fn a_wrong_month_or_unit_is_told() {
    assert_eq!(support::muster(&["table", "quota", "--as-of", "2026-13"]).status.code(), Some(2));
}

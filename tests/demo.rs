//! The model city: the published figures exactly, every injected case found, nobody innocent accused.
//! `muster demo --seed 1 --to-seed 20` runs all seeds at the true size; here are two smaller ones and the true city.

mod support;

use serde_json::Value;

fn assert_perfect(told: &Value, seed: u64) {
    for list in ["missed", "accused", "false_alarms"] {
        assert_eq!(told["score"][list].as_array().map(Vec::len), Some(0), "seed {seed}: {list}: {}", told["score"][list]);
    }
    let of = |prefix: &str| {
        let kinds = told["score"]["kinds"].as_object().expect("kinds").iter().filter(|(kind, _)| kind.starts_with(prefix));
        kinds.fold((0, 0), |sum, (_, it)| (sum.0 + it[0].as_u64().unwrap_or(0), sum.1 + it[1].as_u64().unwrap_or(0)))
    };
    assert_eq!((of("ghost-"), of("absent-")), ((2, 2), (6, 6)), "seed {seed}");
    assert!(told["score"]["innocent"].as_u64() > Some(20), "seed {seed}");
}

#[test]
fn small_cities_of_several_seeds_are_scored_perfectly() {
    for seed in [11, 12] {
        let root = tempfile::tempdir().expect("a temporary folder");
        assert_perfect(&support::demo(&root.path().join("city"), seed), seed);
    }
}

#[test]
fn the_model_city_gives_the_published_figures() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let out = support::muster(&["demo", "--json", "--progress", "none", "--out", &root.path().join("city").display().to_string()]);
    let told: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    assert_perfect(&told, 1);
    let figures = &told["night"]["figures"];
    let line = |name: &str| (figures[name]["approved"].as_i64(), figures[name]["actual"].as_i64());
    assert_eq!(line("administrative"), (Some(2_976), Some(2_592)));
    assert_eq!(line("institution"), (Some(13_244), Some(11_358)));
    assert_eq!(figures["institutions"], 435);
    assert_eq!(figures["units_over"], 65);
    assert_eq!(figures["network_accounts"], 291);
    assert_eq!(figures["documents"], 973);
}

#[test]
fn a_noisy_city_is_found_whole_and_accuses_nobody() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city").display().to_string();
    let size = ["--people", "900", "--months", "18", "--seed", "7"];
    let out = support::muster(&[&["demo", "--noisy", "--json", "--progress", "none", "--out", &city][..], &size[..]].concat());
    let told: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let score = &told["score"];
    assert_eq!(out.status.code(), Some(0), "missed {}, accused {}, {}", score["missed"], score["accused"], score["false_alarms"]);
    let rules = score["rules"].as_object().expect("rules");
    let injected = |of: &str| rules.values().filter(|it| it[of][1].as_u64() > Some(0)).count();
    assert!(injected("clean") >= 35 && injected("damaged") >= 25, "{rules:?}");
}

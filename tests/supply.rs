//! What is linked into `muster`: licences, sources and bans of `deny.toml`, checked without reaching anything but the crate registry.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

fn packages() -> Vec<Package> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice::<Metadata>(&out.stdout).expect("cargo prints its metadata as JSON").packages
}

fn deny() -> Deny {
    toml::from_str(include_str!("../deny.toml")).expect("deny.toml is TOML")
}

#[test]
fn every_licence_is_allowed() {
    let allowed: Vec<spdx::Licensee> =
        deny().licenses.allow.iter().map(|it| spdx::Licensee::parse(it).unwrap_or_else(|_| panic!("{it} is a licence"))).collect();
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|it| {
            let text = it.license.as_deref().unwrap_or("none");
            let expression = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX);
            !expression.is_ok_and(|it| it.evaluate(|need| allowed.iter().any(|it| it.satisfies(need))))
        })
        .map(|it| format!("{} {}: {:?}", it.name, it.version, it.license))
        .collect();
    assert!(wrong.is_empty(), "licences that deny.toml does not allow:\n{}", wrong.join("\n"));
}

#[test]
fn every_package_comes_from_the_registry() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|it| it.source.as_deref().is_some_and(|source| !source.starts_with("registry+")))
        .map(|it| format!("{} {:?}", it.name, it.source))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn nothing_banned_is_linked() {
    let packages = packages();
    for banned in deny().bans.deny {
        assert!(packages.iter().all(|it| it.name != banned.name), "{}: {}", banned.name, banned.reason);
    }
}

/// Two versions of these would give two incompatible sets of types in one binary.
#[test]
fn the_engine_is_linked_once() {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for it in packages() {
        *versions.entry(it.name).or_default() += 1;
    }
    for name in ["arrow", "arrow-array", "parquet", "datafusion", "sqlx-core", "tokio"] {
        assert_eq!(versions.get(name), Some(&1), "{name}");
    }
}

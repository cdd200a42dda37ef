//! What an operator would have set up by hand: muster.toml, a file for every department, the mappings and the finance bureau's unit codes.

use std::path::Path;

use muster_core::report::Lang;

use super::Trouble;
use super::city::City;
use super::sheet::{Csv, Encoding};
use crate::key;
use crate::shipped;

const DEPARTMENTS: [(&str, &str); 5] = [
    (
        "organization",
        r#"# The establishment office: one SQLite database, pulled whole every night.
name      = "organization"
title     = { zh = "市委编办", en = "Establishment office" }
mapping   = "shengzhou-organization"
reviewers = ["organization-desk@example.test"]

[source.register]
kind = "sqlite"
file = "sources/organization/bzsm.db"
"#,
    ),
    (
        "hr",
        r#"# Human resources: one SQLite database with Chinese table names.
name      = "hr"
title     = { zh = "市人力资源和社会保障局", en = "Human resources bureau" }
mapping   = "shengzhou-hr"
reviewers = ["hr-desk@example.test"]

[source.personnel]
kind = "sqlite"
file = "sources/hr/rsxt.db"
"#,
    ),
    (
        "finance",
        r#"# The finance bureau: a workbook a month, and the newest months from its new system as CSV.
name      = "finance"
title     = { zh = "市财政局", en = "Finance bureau" }
mapping   = "shengzhou-finance"
reviewers = ["finance-desk@example.test"]

[source.archive]
kind   = "xlsx"
folder = "sources/finance"

[source.current]
kind     = "csv"
folder   = "sources/finance"
encoding = "gb18030"
"#,
    ),
    (
        "insurance",
        r#"# Social insurance: contributions and pensions, a file a month each.
name      = "insurance"
title     = { zh = "市社会保险事业管理中心", en = "Social insurance centre" }
mapping   = "shengzhou-insurance"
reviewers = ["insurance-desk@example.test"]

[source.files]
kind     = "csv"
folder   = "sources/insurance"
encoding = "gb18030"
"#,
    ),
    (
        "deaths",
        r#"# Civil registration: the list of deaths.
name      = "deaths"
title     = { zh = "死亡登记（公安、民政、卫健）", en = "Register of deaths" }
mapping   = "shengzhou-deaths"
reviewers = ["registry-desk@example.test"]

[source.list]
kind     = "csv"
folder   = "sources/deaths"
encoding = "utf-8"
"#,
    ),
];

const SETTINGS: &str = r#"# The model city. Everything an operator sets is here and in departments/; docs/config.md explains every key.
city     = { zh = "嵊州市（模型）", en = "Shengzhou (model city)" }
region   = "330683"
data     = "data"
mappings = "mappings"

[report]
lang     = "LANG"
full_ids = false             # whole ID numbers in the workbook
folder   = "reports"         # workbook and page of every night; they name people and are not sealed

# Letters to the reviewers of the department files: `muster mail preview` shows them once these lines stand without their marks.
# [mail]
# host = "127.0.0.1"
# tls  = "none"
# from = "编制核对 <muster@city.example>"
"#;

/// The same in every model city, so that one seed gives the same city to the last byte: there is nobody to protect in it.
const KEY: &str = "\
# The key of the model city, which has no secrets. Every real city has one of its own: `muster key new`.
hash bXVzdGVyIG1vZGVsIGNpdHk6IG5vIHNlY3JldHMgISE=
seal bXVzdGVyIG1vZGVsIGNpdHk6IG5vdGhpbmcgaGlkZGU=
";

/// Nothing is set otherwise than the cards; the comments say how.
const RULES: &str = include_str!("../../config/rules.example.toml");

/// The file that lists the finance bureau's unit codes beside the registered ones.
pub const FINANCE_UNITS: &str = "shengzhou-finance-units.csv";

/// Writes the configuration below `out`; paths in it are relative to `out`.
pub fn write(city: &City, lang: Lang, out: &Path) -> Result<(), Trouble> {
    let departments = out.join("config/departments");
    for (name, text) in DEPARTMENTS {
        let path = departments.join(format!("{name}.toml"));
        std::fs::write(&path, text).map_err(|error| Trouble::file(&path, &error))?;
    }
    let path = out.join("config/muster.toml");
    std::fs::write(&path, SETTINGS.replace("LANG", lang.pick("zh", "en"))).map_err(|error| Trouble::file(&path, &error))?;
    let path = out.join("config/muster.key");
    key::write_new(&path, KEY).map_err(|error| Trouble::file(&path, &error))?;
    let path = out.join("config/rules.toml");
    std::fs::write(&path, RULES).map_err(|error| Trouble::file(&path, &error))?;
    mappings(city, &out.join("mappings"))
}

/// Writes the shipped mappings, and the city's own unit codes after those that the examples use.
fn mappings(city: &City, folder: &Path) -> Result<(), Trouble> {
    for (name, text) in shipped::MAPPINGS.iter().filter(|(name, _)| *name != FINANCE_UNITS) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Trouble::file(&path, &error))?;
    }
    let mut csv = Csv::new(Encoding::Utf8, &["from", "to"]);
    let sample = shipped::MAPPINGS.iter().find(|(name, _)| *name == FINANCE_UNITS).map_or("", |(_, text)| text);
    for (from, to) in sample.lines().skip(1).filter_map(|line| line.split_once(',')) {
        csv.line([from, to]);
    }
    for unit in &city.units {
        csv.line([unit.finance_code.as_str(), &unit.code]);
    }
    csv.save(&folder.join(FINANCE_UNITS))
}

//! What an operator would have set up by hand: muster.toml, a file for every department, the mappings and the finance bureau's unit codes.

use std::path::Path;

use super::city::City;
use super::sheet::{Csv, Encoding};
use super::{Plan, Trouble};

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

/// The file that lists the finance bureau's unit codes beside the registered ones.
pub const FINANCE_UNITS: &str = "shengzhou-finance-units.csv";

/// Writes the configuration below `out`: paths in it are relative to `out`, but for the rules, which stay where they are.
pub fn write(city: &City, plan: &Plan, out: &Path) -> Result<(), Trouble> {
    let departments = out.join("config/departments");
    for (name, text) in DEPARTMENTS {
        let path = departments.join(format!("{name}.toml"));
        std::fs::write(&path, text).map_err(|error| Trouble::file(&path, &error))?;
    }
    let rules = std::path::absolute(&plan.rules).map_err(|error| Trouble::file(&plan.rules, &error))?;
    let path = out.join("config/muster.toml");
    let text = format!(
        r#"# The model city. Everything an operator sets is here and in departments/; docs/config.md explains every key.
city     = {{ zh = "嵊州市（模型）", en = "Shengzhou (model city)" }}
region   = "330683"
data     = "data"
mappings = "mappings"
rules    = {:?}
"#,
        rules.display().to_string()
    );
    std::fs::write(&path, text).map_err(|error| Trouble::file(&path, &error))?;
    mappings(city, plan, &out.join("mappings"))
}

/// Copies the mappings, and puts the city's own list of unit codes beside them.
fn mappings(city: &City, plan: &Plan, folder: &Path) -> Result<(), Trouble> {
    let trouble = |error: std::io::Error| Trouble::file(&plan.mappings, &error);
    let mut names: Vec<_> = std::fs::read_dir(&plan.mappings)
        .map_err(trouble)?
        .map(|entry| entry.map(|it| it.path()))
        .collect::<Result<_, _>>()
        .map_err(trouble)?;
    names.sort();
    for from in names.iter().filter(|it| it.is_file()) {
        if let Some(name) = from.file_name() {
            std::fs::copy(from, folder.join(name)).map_err(|error| Trouble::file(from, &error))?;
        }
    }
    let mut csv = Csv::new(&["from", "to"]);
    for unit in &city.units {
        csv.line([unit.finance_code.as_str(), &unit.code]);
    }
    csv.save(&folder.join(FINANCE_UNITS), Encoding::Utf8)
}

//! A source's columns tonight against those of the last delivery that was used. What the mapping reads must be as it was; the rest is
//! told. Nothing is guessed.

use std::fs::File;
use std::path::Path;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use muster_core::mapping::{Feed, PLACE_COLUMNS};

use crate::night::Said;
use crate::store::feeds::Retyped;
use crate::vault::Vault;

/// How the columns changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Columns that are new tonight.
    pub new: Vec<String>,
    /// Columns that are gone.
    pub gone: Vec<String>,
    /// Columns of another type that the mapping reads.
    pub retyped: Vec<Retyped>,
    /// Columns of another type that it does not read.
    pub retyped_unread: Vec<Retyped>,
}

/// The columns of a landed delivery; null when it is no longer there.
pub fn landed_schema(vault: &Vault, raw: &Path) -> Option<SchemaRef> {
    Some(vault.rows(File::open(raw).ok()?).ok()?.schema().clone())
}

/// What changed from `before` to `tonight`.
pub fn drift(feed: &Feed, before: &Schema, tonight: &Schema) -> Drift {
    let read = feed.source_columns();
    let own = |schema: &Schema, other: &Schema| -> Vec<String> {
        let names = schema.fields().iter().map(|it| it.name()).filter(|it| !PLACE_COLUMNS.contains(&it.as_str()));
        names.filter(|it| other.fields().find(it).is_none()).cloned().collect()
    };
    let mut drift = Drift { new: own(tonight, before), gone: own(before, tonight), ..Drift::default() };
    for field in before.fields() {
        let Some((_, now)) = tonight.fields().find(field.name()) else { continue };
        if !is_same(field.data_type(), now.data_type()) {
            let retyped = Retyped { column: field.name().clone(), from: field.data_type().to_string(), to: now.data_type().to_string() };
            if read.contains(field.name()) { drift.retyped.push(retyped) } else { drift.retyped_unread.push(retyped) }
        }
    }
    drift
}

/// A wider column of the same meaning is no other type.
fn is_same(before: &DataType, now: &DataType) -> bool {
    use DataType::{Decimal128, Int8, Int16, Int32, Int64, LargeUtf8, Timestamp, UInt8, UInt16, UInt32, Utf8, Utf8View};
    let whole = |it: &DataType| matches!(it, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32);
    let text = |it: &DataType| matches!(it, Utf8 | LargeUtf8 | Utf8View);
    match (before, now) {
        (Decimal128(_, before), Decimal128(_, now)) => before == now,
        (Timestamp(_, before), Timestamp(_, now)) => before == now,
        _ => before == now || (whole(before) && whole(now)) || (text(before) && text(now)),
    }
}

impl Drift {
    /// What is told of it, besides what is held.
    pub fn notes(&self) -> Vec<Said> {
        let mut notes = Vec::new();
        if !self.new.is_empty() {
            notes.push(Said {
                zh: format!("来源新增列：{}", self.new.join("、")),
                en: format!("the source has new columns: {}", self.new.join(", ")),
            });
        }
        if !self.gone.is_empty() {
            notes.push(Said {
                zh: format!("来源不再有列：{}", self.gone.join("、")),
                en: format!("the source has no longer the columns: {}", self.gone.join(", ")),
            });
        }
        notes.extend(self.retyped_unread.iter().map(|it| Said {
            zh: format!("未映射的列“{}”类型由 {} 变为 {}", it.column, it.from, it.to),
            en: format!("column `{}`, which is not mapped, was {} and is {}", it.column, it.from, it.to),
        }));
        notes
    }

    /// A hint for a column that is missing: what is new may be what it is called now. A person must say so.
    pub fn renamed_to(&self, column: &str) -> Option<Said> {
        let gone = self.gone.iter().any(|it| it == column) && !self.new.is_empty();
        gone.then(|| Said {
            zh: format!("上次还有；今晚新增的列是 {}，若是改名请修改映射", self.new.join("、")),
            en: format!("it was there the last time; new tonight: {} - if it was renamed, say so in the mapping", self.new.join(", ")),
        })
    }
}

/// Why a feed with a retyped column is held.
pub fn said(it: &Retyped, feed: &str) -> Said {
    Said {
        zh: format!(
            "列“{}”类型由 {} 变为 {}（请与部门核实，必要时修改映射，再用 muster feed release {feed} 放行）",
            it.column, it.from, it.to
        ),
        en: format!(
            "column `{}` was {} and is {} (ask the department, mend the mapping if need be, then muster feed release {feed})",
            it.column, it.from, it.to
        ),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;
    use muster_core::diag::Source;
    use muster_core::mapping;

    use super::*;

    fn schema(fields: &[(&str, DataType)]) -> Schema {
        Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>())
    }

    fn check(before: &[(&str, DataType)], now: &[(&str, DataType)]) -> Drift {
        let text = "title = { zh = \"工资\", en = \"Pay\" }\n[[feed]]\nfills = \"payment\"\ntable = \"GZFF\"\n[feed.columns]\n\
                    id_number = { from = \"SFZH\" }\nmonth = { from = \"NY\" }\nkind = { value = \"salary\" }\ngross_fen = { from = \"YF\" , money = \"yuan\" }\n";
        let feed = mapping::read(&Source::new("mappings/pay.toml", text), &|_| None).expect("a mapping of the test").feeds.remove(0);
        drift(&feed, &schema(before), &schema(now))
    }

    #[test]
    fn what_the_mapping_reads_must_be_as_it_was_and_the_rest_is_told() {
        let before = [("SFZH", DataType::Utf8), ("NY", DataType::Int32), ("YF", DataType::Decimal128(12, 2)), ("BZ", DataType::Utf8)];
        assert_eq!(check(&before, &before), Drift::default());
        let wider = [("SFZH", DataType::Utf8), ("NY", DataType::Int64), ("YF", DataType::Decimal128(14, 2)), ("BZ", DataType::Utf8)];
        assert_eq!(check(&before, &wider), Drift::default());
        let now = [("SFZH", DataType::Utf8), ("NY", DataType::Utf8), ("YF2", DataType::Decimal128(12, 2)), ("BZ", DataType::Int64)];
        let found = check(&before, &now);
        assert_eq!((found.new.join(" "), found.gone.join(" ")), ("YF2".to_owned(), "YF".to_owned()));
        assert_eq!(found.retyped, [Retyped { column: "NY".into(), from: "Int32".into(), to: "Utf8".into() }]);
        assert_eq!(found.retyped_unread.len(), 1);
        assert!(found.renamed_to("YF").is_some_and(|it| it.en.contains("YF2")));
        assert_eq!(found.renamed_to("SFZH"), None);
        assert_eq!(check(&before, &[("SFZH", DataType::Utf8), ("YF", DataType::Float64)]).retyped.len(), 1);
    }
}

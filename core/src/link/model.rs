//! The model: what each level of agreement is worth, as a file that people can read and replace.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The model that is shipped.
pub const SHIPPED: &str = include_str!("model.toml");

/// The levels of every field, in the order of the enums that stand for them.
pub const NUMBER: &[&str] = &[
    "silent",
    "same",
    "elsewhere",
    "valid-near",
    "valid-twin",
    "valid-far",
    "one-edit",
    "prefix-15",
    "prefix-14",
    "two-edits",
    "birth-and-sequence",
    "four-edits",
    "far",
    "mask-fits",
    "mask-differs",
    "other-same",
    "other-near",
    "other-far",
];
const WHOLE: &[&str] = &["silent", "same", "sound", "one-away", "shares", "family", "other"];
const PART: &[&str] = &["silent", "same", "near", "initial", "swapped", "weak", "other"];
const BIRTH: &[&str] = &["silent", "same", "slip", "part", "year", "other"];
const SEX: &[&str] = &["silent", "same", "other"];
const TEXT: &[&str] = &["silent", "same", "known", "near", "weak", "other"];

/// Every field and its levels.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("number", NUMBER),
    ("whole", WHOLE),
    ("given", PART),
    ("family", PART),
    ("birth", BIRTH),
    ("sex", SEX),
    ("unit", TEXT),
    ("address", TEXT),
    ("contact", TEXT),
    ("other", TEXT),
];

/// How often one person's records agree so, and two people's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// Of one person.
    pub m: f64,
    /// Of two people.
    pub u: f64,
}

/// What is believed before anything is compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Of the right file's people, how many the left does not know.
    pub unknown: f64,
    /// Of equal numbers, how many are somebody else's.
    pub stray: f64,
    /// Of the right file's people, how many stand there twice.
    pub twice: f64,
    /// From this probability on a link is made.
    pub link: f64,
    /// From this probability on a pair is shown to a reviewer.
    pub review: f64,
}

/// The model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its version; links say which model made them.
    pub version: u32,
    /// How many pairs the shipped chances count for when a file's own are learned.
    pub strength: f64,
    /// How many pairs of strangers the shipped chances count for.
    pub strangers: f64,
    /// See [`Prior`].
    pub prior: Prior,
    /// By field and level.
    #[serde(flatten)]
    fields: BTreeMap<String, BTreeMap<String, Chance>>,
}

static DEFAULT: LazyLock<Model> = LazyLock::new(|| Model::read(SHIPPED).expect("the shipped model is whole; a test reads it"));

impl Model {
    /// The shipped model.
    pub fn shipped() -> &'static Model {
        &DEFAULT
    }

    /// Reads a model; says what is missing or not a probability.
    pub fn read(text: &str) -> Result<Model, String> {
        let model: Model = toml::from_str(text).map_err(|err| err.to_string())?;
        for (field, levels) in FIELDS {
            let given = model.fields.get(*field).ok_or_else(|| format!("[{field}] is missing"))?;
            for level in *levels {
                let chance = given.get(*level).ok_or_else(|| format!("[{field}] has no `{level}`"))?;
                if !(chance.m > 0.0 && chance.m <= 1.0 && chance.u > 0.0 && chance.u <= 1.0) {
                    return Err(format!("[{field}] {level}: m and u are more than 0 and at most 1"));
                }
            }
            if let Some(unknown) = given.keys().find(|it| !levels.contains(&it.as_str())) {
                return Err(format!("[{field}] has no level `{unknown}`; it has {}", levels.join(", ")));
            }
        }
        Ok(model)
    }

    /// The chances of a field, level by level.
    pub fn field(&self, name: &str) -> Vec<Chance> {
        let levels = FIELDS.iter().find(|it| it.0 == name).map_or(&[][..], |it| it.1);
        levels.iter().map(|level| self.fields[name][*level]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_is_whole() {
        let model = Model::read(SHIPPED).expect("whole");
        assert_eq!(model.field("birth").len(), BIRTH.len());
        assert_eq!(Model::read(&toml::to_string(&model).expect("it can be written")).expect("whole"), model);
    }

    #[test]
    fn a_wrong_model_is_told() {
        let without = SHIPPED.replace("slip = ", "slep = ");
        assert_eq!(Model::read(&without).expect_err("a level is missing"), "[birth] has no `slip`");
        let impossible = SHIPPED.replace("far = { m = 0.03", "far = { m = 1.03");
        assert!(Model::read(&impossible).expect_err("more than 1").starts_with("[number] far"));
    }
}

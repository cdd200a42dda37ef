//! `[cases]` of `muster.toml`: how long each step of a case may take, and who hears when it takes longer.

use muster_core::case::escalation::{Ladder, Step};
use muster_core::case::work::Deadlines;
use muster_core::diag::did_you_mean;
use serde::Deserialize;

use crate::people::Person;
use crate::store::work::Terms;

/// `[cases]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaseSettings {
    /// Working days to take a case up.
    pub acknowledge: i32,
    /// Working days for the unit to answer.
    pub reply: i32,
    /// Working days to decide, from when the case was opened.
    pub decide: i32,
    /// Days for money to come back, from when it was demanded.
    pub recover_days: u32,
    /// Months that an explanation may hold before a second pair of eyes must look.
    pub explained_months: u32,
    /// Who hears of late cases.
    pub escalate: EscalateSettings,
}

/// `[cases.escalate]`: working days past the due day, and ids of people.toml.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EscalateSettings {
    /// When the head of the unit hears.
    pub unit_head_after: i32,
    /// Heads of units; each hears of the cases that they may see.
    pub unit_head: Vec<String>,
    /// When the organization office hears.
    pub organization_after: i32,
    /// Its people.
    pub organization: Vec<String>,
    /// When discipline and audit hear.
    pub discipline_after: i32,
    /// Their people.
    pub discipline: Vec<String>,
}

impl Default for CaseSettings {
    fn default() -> Self {
        let it = Deadlines::default();
        CaseSettings {
            acknowledge: it.acknowledge,
            reply: it.reply,
            decide: it.decide,
            recover_days: it.recover_days,
            explained_months: it.explained_months,
            escalate: EscalateSettings::default(),
        }
    }
}

impl Default for EscalateSettings {
    fn default() -> Self {
        let Ladder([unit_head_after, organization_after, discipline_after]) = Ladder::default();
        let nobody = Vec::new;
        EscalateSettings {
            unit_head_after,
            unit_head: nobody(),
            organization_after,
            organization: nobody(),
            discipline_after,
            discipline: nobody(),
        }
    }
}

impl CaseSettings {
    /// For the store.
    pub fn terms(&self) -> Terms {
        let deadlines = Deadlines {
            acknowledge: self.acknowledge,
            reply: self.reply,
            decide: self.decide,
            recover_days: self.recover_days,
            explained_months: self.explained_months,
        };
        Terms { deadlines, ladder: Ladder(self.after()) }
    }

    /// Ids of the people who hear on a step.
    pub fn hear(&self, step: Step) -> &[String] {
        match step {
            Step::UnitHead => &self.escalate.unit_head,
            Step::Organization => &self.escalate.organization,
            Step::Discipline => &self.escalate.discipline,
        }
    }

    fn after(&self) -> [i32; 3] {
        [self.escalate.unit_head_after, self.escalate.organization_after, self.escalate.discipline_after]
    }

    /// What is wrong: the key, why, and a hint.
    pub fn wrong(&self, people: &[Person]) -> Vec<(String, String, String)> {
        let mut wrong = Vec::new();
        let recover_days = i32::try_from(self.recover_days).unwrap_or(i32::MAX);
        let explained_months = i32::try_from(self.explained_months).unwrap_or(i32::MAX);
        let [unit_head_after, organization_after, discipline_after] = self.after();
        let lengths = [
            ("acknowledge", self.acknowledge),
            ("reply", self.reply),
            ("decide", self.decide),
            ("recover_days", recover_days),
            ("explained_months", explained_months),
            ("unit_head_after", unit_head_after),
            ("organization_after", organization_after),
            ("discipline_after", discipline_after),
        ];
        for (key, it) in lengths.into_iter().filter(|it| !(1..=400).contains(&it.1)) {
            wrong.push((key.to_owned(), format!("`{key}` cannot be {it}"), "a number from 1 to 400".to_owned()));
        }
        if !self.after().is_sorted_by(|a, b| a < b) {
            let hint = "unit_head_after < organization_after < discipline_after".to_owned();
            wrong.push(("_after".to_owned(), "each step of an escalation comes later than the one before".to_owned(), hint));
        }
        for id in Step::ALL.into_iter().flat_map(|it| self.hear(it)).filter(|id| people.iter().all(|it| it.id != **id)) {
            let hint = did_you_mean(id, people.iter().map(|it| it.id.as_str()), "ids of people.toml stand here");
            wrong.push((id.clone(), format!("nobody of people.toml is called `{id}`"), hint));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> CaseSettings {
        toml::from_str(text).expect("settings")
    }

    #[test]
    fn what_is_not_said_is_as_shipped_and_mistakes_are_told() {
        let it = read("reply = 7\n[escalate]\norganization_after = 3");
        assert_eq!((it.terms().deadlines.reply, it.terms().deadlines.decide), (7, 20));
        assert_eq!(it.terms().ladder, Ladder([1, 3, 15]));
        assert!(it.wrong(&[]).is_empty());
        let keys = |text: &str| read(text).wrong(&[]).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(keys("reply = 0\nrecover_days = 4000"), ["reply", "recover_days"]);
        assert_eq!(keys("[escalate]\nunit_head_after = 9"), ["_after"]);
        assert_eq!(keys("[escalate]\ndiscipline = ['nobody']"), ["nobody"]);
    }
}

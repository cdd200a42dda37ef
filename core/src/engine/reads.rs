//! Which shared tables a query looks into, and where it says so.
//!
//! A rule that reads a table it does not declare runs on a night when that table's feed was left out, and takes its absence for
//! evidence. So what a card declares is held against what is found here. A name that is a shared table's always counts as that
//! table, also where a `with` table has taken it.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, Value, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::trouble::bytes;
use crate::schema::{self, IDENTITY, PRESENCE, UNIT_REFERENCE};

/// One look of a query into shared tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What is read, as one would name it: `payment`, `presence.paid`.
    pub what: String,
    /// The shared tables behind it; it takes one of them to be lost for the reading to be wrong.
    pub tables: &'static [&'static str],
    /// Where, in bytes.
    pub at: Range<usize>,
}

/// What the columns of `presence` are computed from (`crate::presence`). Its person and month come from all of them.
const PRESENCE_FROM: &[(&str, &[&str])] = &[
    ("on_establishment", &["establishment"]),
    ("establishment_unit_id", &["establishment"]),
    ("employed", &["employment"]),
    ("employment_unit_id", &["employment"]),
    ("on_post", &["attendance"]),
    ("paid", &["payment"]),
    ("paid_again", &["payment"]),
    ("payer_unit_id", &["payment"]),
    ("insured", &["contribution"]),
    ("insured_again", &["contribution"]),
    ("insurer_unit_id", &["contribution"]),
    ("pensioned", &["pension", "payment"]),
    ("dead", &["death"]),
    ("on_leave", &["leave"]),
    ("seconded", &["secondment"]),
];

/// All of them.
const PRESENCE_FROM_ALL: &[&str] =
    &["establishment", "employment", "attendance", "payment", "contribution", "pension", "death", "leave", "secondment"];

/// What `sql` reads of shared tables, in the order of the text; nothing when it cannot be parsed, which running it tells.
pub(crate) fn readings(sql: &str) -> Vec<Reading> {
    let Ok(statements) = Parser::parse_sql(&GenericDialect {}, sql) else { return Vec::new() };
    let mut walk = Walk { sql, ..Walk::default() };
    let _: ControlFlow<()> = statements.visit(&mut walk);
    let Walk { mut found, named, of_presence, presence, mentions, .. } = walk;
    if let Some(at) = presence {
        if of_presence.is_empty() {
            found.push(Reading { what: PRESENCE.name.to_owned(), tables: PRESENCE_FROM_ALL, at });
        }
        found.extend(of_presence);
    }
    if mentions.contains(IDENTITY.name) || mentions.contains(UNIT_REFERENCE.name) {
        found.extend(named);
    }
    found.sort_by_key(|it| it.at.start);
    found
}

#[derive(Default)]
struct Walk<'a> {
    sql: &'a str,
    found: Vec<Reading>,
    /// Where `presence` is mentioned first.
    presence: Option<Range<usize>>,
    /// Its columns, if it is mentioned.
    of_presence: Vec<Reading>,
    /// What `table_name` is compared with.
    named: Vec<Reading>,
    /// All tables, by name.
    mentions: BTreeSet<String>,
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let Some(ident) = relation.0.last().and_then(|it| it.as_ident()) else { return ControlFlow::Continue(()) };
        let (name, at) = (ident.value.to_lowercase(), bytes(self.sql, ident.span));
        if name == PRESENCE.name {
            self.presence.get_or_insert(at);
        } else if let Some(tables) = alone(&name) {
            self.found.push(Reading { what: name.clone(), tables, at });
        }
        self.mentions.insert(name);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                let Some(ident) = column(expr) else { return ControlFlow::Continue(()) };
                let name = ident.value.to_lowercase();
                if let Some((name, tables)) = PRESENCE_FROM.iter().find(|it| it.0 == name) {
                    self.of_presence.push(Reading { what: format!("{}.{name}", PRESENCE.name), tables, at: bytes(self.sql, ident.span) });
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                self.table_named(left, right);
                self.table_named(right, left);
            }
            Expr::InList { expr, list, negated: false } => list.iter().for_each(|it| self.table_named(expr, it)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Walk<'_> {
    /// `table_name = 'payment'`: the identities of one table's feeds.
    fn table_named(&mut self, column_of: &Expr, value: &Expr) {
        let Expr::Value(value) = value else { return };
        let (Some(column), Value::SingleQuotedString(name)) = (column(column_of), &value.value) else { return };
        if let (true, Some(tables)) = (column.value.eq_ignore_ascii_case("table_name"), alone(name)) {
            self.named.push(Reading { what: name.clone(), tables, at: bytes(self.sql, value.span) });
        }
    }
}

/// The shared table `name` as a list of one.
fn alone(name: &str) -> Option<&'static [&'static str]> {
    schema::table(name).map(|it| std::slice::from_ref(&it.name))
}

fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, wanted: &[&str]) {
        let found = readings(sql);
        let told: Vec<&str> = found.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(told, wanted, "{sql}");
        for it in &found {
            let word = it.what.rsplit('.').next().unwrap_or_default();
            assert!(sql[it.at.clone()].to_lowercase().contains(word), "{sql}: {it:?}");
        }
    }

    #[test]
    fn tables_are_found_wherever_they_stand() {
        check("select person_id from payment", &["payment"]);
        check("with 甲 as (select * from Leave) select * from 甲 where not exists (select 1 from \"death\" d)", &["leave", "death"]);
        check("select 1 from person where (select count(*) from public.post) = 0", &["post"]);
        check(
            "select 1 from payment p left join employment e using (person_id) union all select 1 from sanction",
            &["payment", "employment", "sanction"],
        );
        check("select not sql at all", &[]);
    }

    #[test]
    fn presence_stands_for_what_its_columns_are_computed_from() {
        check("select p.person_id from presence p where p.paid and not p.dead", &["presence.paid", "presence.dead"]);
        check("with own as (select r.* from presence r) select 1 from own where on_leave", &["presence.on_leave"]);
        check("select person_id from presence", &["presence"]);
        check("select e.paid from person e", &[]);
        for (column, tables) in PRESENCE_FROM {
            assert!(PRESENCE.columns.iter().any(|it| it.0 == *column), "{column}");
            assert!(tables.iter().all(|it| PRESENCE_FROM_ALL.contains(it)), "{column}");
        }
        let told = PRESENCE.columns.iter().filter(|it| !["person_id", "month"].contains(&it.0)).count();
        assert_eq!(told, PRESENCE_FROM.len());
    }

    #[test]
    fn identities_of_a_table_are_that_table() {
        check("select 1 from identity i where i.table_name in ('payment', 'death')", &["payment", "death"]);
        check("select 1 from identity where table_name = 'leave' and name = 'post'", &["leave"]);
        check("select 1 from feed where table_name = 'leave'", &[]);
    }
}

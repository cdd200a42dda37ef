//! What a query says several times is computed once.
//!
//! The planner writes a `with` table out in full at every mention, so that a card that mentions one three times would read a
//! province's payments three times, and one whose tables build on each other a dozen times. Here such a table is computed when it
//! is met, kept in memory while the query runs, and read from there. One that turns out too large to keep is left as it was.

use std::ops::ControlFlow;

use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Cte, Query, visit_relations};

use super::Engine;

/// Tables that one query computed for itself; they go with it.
pub(super) struct Kept<'a> {
    engine: &'a Engine,
    names: Vec<String>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            self.engine.ctx.deregister_table(name.as_str()).expect("a bare name names a table of the default schema");
        }
    }
}

impl Engine {
    /// Computes every `with` table that `statement` mentions more than once, and puts a reading of the result in its place.
    pub(super) async fn compute_once(&self, statement: &mut Statement) -> Result<Kept<'_>, DataFusionError> {
        let mut kept = Kept { engine: self, names: Vec::new() };
        let Some(query) = query_of(statement) else { return Ok(kept) };
        let tables = query.with.as_ref().filter(|it| !it.recursive).map_or(0, |it| it.cte_tables.len());
        for at in 0..tables {
            if mentions(query, at) < 2 {
                continue;
            }
            let part = Statement::Statement(Box::new(ast::Statement::Query(Box::new(part(query, at)))));
            let state = self.ctx.state();
            let plan = super::planned(&state, part).await?;
            let Some((schema, batches)) = self.collect_twice(&plan, self.keep_bytes).await? else { continue };
            let name = format!("__once_{}", self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            self.batches(&name, schema, batches);
            let mut reading = state.sql_to_statement(&format!("select * from {name}"), &state.config_options().sql_parser.dialect)?;
            kept.names.push(name);
            if let (Some(reading), Some(table)) = (query_of(&mut reading), table(query, at)) {
                *table.query = reading.clone();
            }
        }
        Ok(kept)
    }
}

fn query_of(statement: &mut Statement) -> Option<&mut Query> {
    match statement {
        Statement::Statement(inner) => match inner.as_mut() {
            ast::Statement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

fn table(query: &mut Query, at: usize) -> Option<&mut Cte> {
    query.with.as_mut()?.cte_tables.get_mut(at)
}

/// How often the `with` table `at` is mentioned after its definition.
fn mentions(query: &Query, at: usize) -> usize {
    let Some(name) = query.with.as_ref().and_then(|it| it.cte_tables.get(at)).map(|it| it.alias.name.value.clone()) else { return 0 };
    let mut rest = query.clone();
    if let Some(with) = &mut rest.with {
        with.cte_tables.drain(..=at);
    }
    let mut count = 0;
    let _: ControlFlow<()> = visit_relations(&rest, |relation| {
        let parts = &relation.0;
        count += usize::from(parts.len() == 1 && parts[0].as_ident().is_some_and(|it| it.value.eq_ignore_ascii_case(&name)));
        ControlFlow::Continue(())
    });
    count
}

/// The `with` table `at` as a query of its own, with the tables before it.
fn part(query: &Query, at: usize) -> Query {
    let with = query.with.as_ref().expect("the caller counts its tables");
    let mut part = (*with.cte_tables[at].query).clone();
    let mut before = with.clone();
    before.cte_tables.truncate(at);
    if let Some(own) = part.with.take() {
        before.recursive |= own.recursive;
        before.cte_tables.extend(own.cte_tables);
    }
    part.with = (!before.cte_tables.is_empty()).then_some(before);
    part
}

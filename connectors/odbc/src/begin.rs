//! A transaction that only reads, in the words of each system.

use muster_connectors::odbc::line::At;
use odbc_api::Connection;

use crate::trouble::{Broken, at};

/// What a system's transaction begins with.
struct Beginning {
    /// The first letters of what its driver calls it.
    name: &'static str,
    says: &'static str,
    /// Whether all that it reads then is of one instant.
    snapshot: bool,
}

const STANDARD: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Systems that know transactions which only read. The others are read without, between two counts.
const BEGINNINGS: &[Beginning] = &[
    Beginning { name: "PostgreSQL", says: STANDARD, snapshot: true },
    Beginning { name: "KingbaseES", says: STANDARD, snapshot: true },
    Beginning { name: "openGauss", says: STANDARD, snapshot: true },
    Beginning { name: "GaussDB", says: STANDARD, snapshot: true },
    Beginning { name: "MySQL", says: STANDARD, snapshot: true },
    Beginning { name: "MariaDB", says: STANDARD, snapshot: true },
    Beginning { name: "Oracle", says: "SET TRANSACTION READ ONLY", snapshot: true },
    Beginning { name: "DM", says: "SET TRANSACTION READ ONLY", snapshot: false },
    Beginning { name: "SQLite", says: "PRAGMA query_only = 1", snapshot: true },
];

/// What holds for the pull.
pub struct State {
    /// What the driver calls the system.
    pub name: String,
    pub read_only: bool,
    pub snapshot: bool,
}

/// Begins a transaction, read-only where the system knows such; a system that should and refuses is not read.
pub fn begin(connection: &Connection<'_>) -> Result<State, Broken> {
    let name = connection.database_management_system_name().map_err(at(At::Begin))?;
    let known = BEGINNINGS.iter().find(|it| name.to_lowercase().starts_with(&it.name.to_lowercase()));
    connection.set_autocommit(false).map_err(at(At::Begin))?;
    if let Some(known) = known {
        connection.execute(known.says, (), None).map_err(at(At::Begin))?;
    }
    Ok(State { name, read_only: known.is_some(), snapshot: known.is_some_and(|it| it.snapshot) })
}

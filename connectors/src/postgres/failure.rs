//! What a server's error means for the night: worth a retry or not, and what to try.

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use crate::Failure;

/// What the server or the line says, after what the failure says already.
///
/// Messages that quote data or the query are left out: a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Database(it) => match it.try_downcast_ref::<PgDatabaseError>() {
            Some(it) => of_server(failure, it.code(), it.message()),
            None => because(failure, "the server refused"),
        },
        Error::Io(it) if it.to_string().contains("certificate") => of_tls(failure, &it.to_string()),
        Error::Io(it) => because(failure, &format!("the connection broke: {it}")).hint("is the server up, is the line stable?").passing(),
        Error::Tls(it) => of_tls(failure, &it.to_string()),
        Error::Protocol(it) => {
            because(failure, &format!("the server's answer is not understood: {it}")).hint("is it PostgreSQL that listens there?")
        }
        Error::Configuration(it) => because(failure, &format!("the settings cannot be used: {it}")),
        other => because(failure, &other.to_string()),
    }
}

fn of_tls(failure: Failure, why: &str) -> Failure {
    because(failure, &format!("TLS failed: {why}"))
        .hint("does `ca` fit the server's certificate, and `host` its name? The server must speak TLS 1.2 or later")
}

fn because(failure: Failure, why: &str) -> Failure {
    Failure { why: format!("{}: {why}", failure.why), ..failure }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_server(failure: Failure, state: &str, message: &str) -> Failure {
    let class = state.get(..2).unwrap_or_default();
    let why = match (class, state) {
        ("22" | "23" | "P0", _) => "a value cannot be computed",
        (_, "42601" | "42P02") => "the server does not understand the query",
        _ => message,
    };
    let failure = because(failure, &format!("{why} (error {state})"));
    match (class, state) {
        (_, "57P01" | "57P02" | "57P03" | "57P05") => failure.hint("the server ended the connection; was it restarted?").passing(),
        (_, "57014") => failure.hint("somebody ended the query, or it waited for a lock").passing(),
        (_, "53300") => failure.hint("too many connections; it is tried again").passing(),
        ("53" | "58", _) => failure.hint("the server is short of memory or disk").passing(),
        (_, "40001" | "40P01" | "72000") => failure.hint("others changed the table meanwhile; it is tried again").passing(),
        (_, "55P03") => failure.hint("somebody locks the table; it is tried again").passing(),
        (_, "08P01") => failure
            .hint("a pooler that gives every statement another connection cannot keep one state; use its session or transaction mode"),
        ("08", _) => failure.hint("is the server up, is the line stable?").passing(),
        (_, "28P01") => failure.hint("is the user right, is the password current?"),
        ("28", _) => failure.hint("may this login come from this machine? `pg_hba.conf` says so, and whether it must use TLS"),
        (_, "3D000") => failure.hint("is `database` right?"),
        (_, "42501") => failure.hint("the login may not read this: GRANT SELECT ON it TO the login, and GRANT USAGE ON its schema"),
        (_, "42P01" | "3F000") => failure.hint("is the table's name right? Capitals matter, and `schema` says where to look"),
        (_, "42703") => failure.hint("the query names a column that is not there"),
        (_, "42601") => failure.hint("try the query with another program"),
        (_, "25006") => failure.hint("the query does more than read"),
        (_, "22021" | "22P05") => {
            failure.hint("the database holds bytes that are no text in its encoding; a query can leave the column out")
        }
        _ => failure,
    }
}

//! What a server's error means for the night: worth a retry or not, and what to try.

use tiberius::error::{Error, IoErrorKind, TokenError};

use crate::Failure;

/// Errors whose message names tables, columns and rights, and neither quotes the query nor what a row holds.
const NAMING_ONLY: [u32; 14] = [207, 208, 229, 230, 262, 297, 300, 916, 976, 983, 1033, 3952, 8155, 8156];

/// What the server or the line says, after what the failure says already.
///
/// Other messages of the server are left out: they quote values, and a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Server(it) => of_server(failure, it),
        Error::Io { kind: IoErrorKind::TimedOut, .. } => {
            because(failure, "the server did not answer in time").hint("`command_timeout` says how long it may think").passing()
        }
        Error::Io { kind: IoErrorKind::InvalidData, message } => because(failure, &format!("TLS failed: {message}")).hint(TLS_HINT),
        Error::Io { message, .. } => {
            because(failure, &format!("the connection broke: {message}")).hint("is the server up, is the line stable?").passing()
        }
        Error::Tls(it) => {
            let why = it.split(" To connect anyway").next().unwrap_or_default();
            because(failure, &format!("TLS failed: {why}")).hint(TLS_HINT)
        }
        Error::Protocol(it) if it.contains("encryption level") => because(failure, "the server does not encrypt as the settings ask")
            .hint("`encryption` may be `off`, `login`, `required` or `strict`; encryption can be switched on at the server"),
        Error::Encoding(_) | Error::Utf8 | Error::Utf16 => because(failure, "the server sent bytes that are no text")
            .hint("a text column of a query holds them; read the table itself: its bad rows stand apart"),
        Error::Protocol(it) => {
            because(failure, &format!("the server's answer is not understood: {it}")).hint("is it SQL Server that listens there?").passing()
        }
        Error::Routing { .. } => because(failure, "the server sends us elsewhere").passing(),
        _ => because(failure, "an answer of the server is not of the type that it told"),
    }
}

const TLS_HINT: &str = "does `ca` fit the server's certificate, and `certificate_name` or `host` its name? `trust = true` believes any";

fn because(failure: Failure, why: &str) -> Failure {
    Failure { why: format!("{}: {why}", failure.why), ..failure }
}

/// <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>, for 40xxx and 49xxx
/// <https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues>
fn of_server(failure: Failure, error: &TokenError) -> Failure {
    let number = error.code();
    let why = match number {
        18456 => "the login was refused".to_owned(),
        4060 => "the database cannot be opened".to_owned(),
        number if NAMING_ONLY.contains(&number) => error.message().to_owned(),
        _ => "the server refused".to_owned(),
    };
    let failure = because(failure, &format!("{why} (error {number}, state {})", error.state()));
    match number {
        1205 => failure.hint("the server took us for the victim of a deadlock; it is tried again").passing(),
        1222 => failure.hint("somebody locks the table; it is tried again").passing(),
        1204 | 701 | 802 | 8645 | 8651 | 10_928..=10_930 | 40_501 | 40_544 | 40_549..=40_553 => {
            failure.hint("the server is short of memory, locks or sessions; it is tried again").passing()
        }
        3960 | 3961 => failure.hint("the table was changed while it was read; it is tried again").passing(),
        921 | 922 | 927 | 976 | 978 | 983 | 4221 | 40_613 | 40_197 | 40_143 | 40_540 | 49_918..=49_920 => {
            failure.hint("the database is not available just now; it is tried again").passing()
        }
        596 | 6005 | 17_142 | 18_401 | 233 | 64 | 10_053 | 10_054 | 10_060 => {
            failure.hint("the server ended the connection; was it restarted?").passing()
        }
        18_456 => failure.hint("are `user` and the password right, and does the server allow SQL Server authentication?"),
        18_470 | 18_486 => failure.hint("the login is disabled or locked; ask its keeper"),
        18_487 | 18_488 => failure.hint("the password has run out and must be changed"),
        18_452 => failure.hint("the server allows Windows logins alone; it must allow SQL Server authentication too"),
        4060 => failure.hint("is `database` right? The login may also not be allowed to see it"),
        916 => failure.hint("the login has no user in this database: CREATE USER ... FOR LOGIN ..."),
        40_615 => failure.hint("the server's firewall does not let this machine in"),
        229 | 230 | 262 | 297 | 300 => failure.hint("the login may not read this: GRANT SELECT ON it TO the login"),
        208 => failure.hint("is the name of the table right, and its schema?"),
        207 => failure.hint("the query names a column that is not there"),
        3952 => failure.hint("ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON, or leave it off for good"),
        1033 => failure.hint("leave ORDER BY out of the query: the order of rows says nothing here"),
        8155 | 8156 => failure.hint("give every column of the query a name of its own with AS"),
        102 | 105 | 156 | 319 => {
            failure.hint("the server does not understand the query; OPTION and FOR cannot stand in it. Try it with another program")
        }
        220 | 232 | 241 | 242 | 244 | 245 | 248 | 8114 | 8115 | 8134 => {
            failure.hint("a value cannot be converted; which one is left out here, try the query with another program")
        }
        _ if error.class() >= 17 => failure.hint("the server is in trouble; its error log says more").passing(),
        _ => failure.hint("the number is explained in the manual of SQL Server"),
    }
}

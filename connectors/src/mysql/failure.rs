//! What a server's error means for the night: worth a retry or not, and what to try.

use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::Failure;

/// What the server or the line says, after what the failure says already.
///
/// Messages that quote data or the query (classes 22 and 42000 syntax) are left out: a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Database(it) => match it.try_downcast_ref::<MySqlDatabaseError>() {
            Some(it) => of_server(failure, it),
            None => because(failure, "the server refused"),
        },
        Error::Io(it) if it.to_string().contains("certificate") => of_tls(failure, &it.to_string()),
        Error::Io(it) => because(failure, &format!("the connection broke: {it}")).hint("is the server up, is the line stable?").passing(),
        Error::Tls(it) => of_tls(failure, &it.to_string()),
        Error::Protocol(it) => {
            because(failure, &format!("the server's answer is not understood: {it}")).hint("is it MySQL or MariaDB that listens there?")
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

/// <https://mariadb.com/kb/en/mariadb-error-codes/>, <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>
fn of_server(failure: Failure, error: &MySqlDatabaseError) -> Failure {
    let number = error.number();
    let state = error.code().unwrap_or_default();
    let why = match number {
        1064 => "the server does not understand the query".to_owned(),
        _ if state.starts_with("22") => "a value cannot be computed".to_owned(),
        _ => error.message().to_owned(),
    };
    let failure = because(failure, &format!("{why} (error {number})"));
    match number {
        1040 | 1203 | 1226 => failure.hint("too many connections; it is tried again").passing(),
        1205 | 1213 => failure.hint("somebody locks the table; it is tried again").passing(),
        1053 | 1077 | 1078 | 1079 | 1080 | 1158..=1161 | 1184 | 1152 | 1927 | 2006 | 2013 | 3169 => {
            failure.hint("the server ended the connection; was it restarted?").passing()
        }
        1317 => failure.hint("somebody ended the query").passing(),
        1412 | 1615 | 1020 => failure.hint("the table was changed while it was read; it is tried again").passing(),
        1969 | 3024 => failure.hint("the server limits how long a query may take; ask its keeper to lift that for this login"),
        1021 | 1114 | 1041 | 1037 | 1038 => failure.hint("the server is short of memory or disk").passing(),
        1044 | 1142 | 1143 | 1227 | 1370 => failure.hint("the login may not read this: GRANT SELECT ON it TO the login"),
        1045 | 1698 => failure.hint("is the user right, is the password current, may the login come from this machine?"),
        1049 => failure.hint("is `database` right? The login may also not be allowed to see it"),
        1129 => failure.hint("the server has blocked this machine after many failed tries: FLUSH HOSTS"),
        1130 => failure.hint("the login may not come from this machine"),
        1251 | 1275 | 2059 | 1524 => {
            failure.hint("the login's way of authentication is not known here; try `mysql_native_password` or `caching_sha2_password`")
        }
        1820 | 1862 => failure.hint("the password has run out and must be changed"),
        1146 | 1109 => failure.hint("is the table's name right? Capitals matter on most servers"),
        1054 => failure.hint("the query names a column that is not there"),
        1064 => failure.hint("try the query with another program"),
        3159 => failure.hint("the server wants TLS: set `tls = \"required\"`"),
        1792 => failure.hint("the query does more than read"),
        _ => failure,
    }
}

//! What a server's error means for the night: worth a retry or not, and what to try.

use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::{Failure, Said, said};

/// What the server or the line says, after what the failure says already.
///
/// Messages that quote data or the query (classes 22 and 42000 syntax) are left out: a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Database(it) => match it.try_downcast_ref::<MySqlDatabaseError>() {
            Some(it) => of_server(failure, it),
            None => because(failure, said!("服务器拒绝", "the server refused")),
        },
        Error::Io(it) if it.to_string().contains("certificate") => of_tls(failure, &it.to_string()),
        Error::Io(it) => because(failure, said!("连接中断：{it}", "the connection broke: {it}"))
            .hint(said!("服务器在运行吗，线路稳定吗？", "is the server up, is the line stable?"))
            .passing(),
        Error::Tls(it) => of_tls(failure, &it.to_string()),
        Error::Protocol(it) => because(failure, said!("看不懂服务器的应答：{it}", "the server's answer is not understood: {it}"))
            .hint(said!("那里运行的是 MySQL 或 MariaDB 吗？", "is it MySQL or MariaDB that listens there?")),
        Error::Configuration(it) => because(failure, said!("设置无法使用：{it}", "the settings cannot be used: {it}")),
        other => because(failure, other.to_string()),
    }
}

fn of_tls(failure: Failure, why: &str) -> Failure {
    because(failure, said!("TLS 失败：{why}", "TLS failed: {why}")).hint(said!(
        "`ca` 与服务器证书相符吗，`host` 与证书上的名称相符吗？服务器须支持 TLS 1.2 以上",
        "does `ca` fit the server's certificate, and `host` its name? The server must speak TLS 1.2 or later"
    ))
}

fn because(failure: Failure, why: impl Into<Said>) -> Failure {
    Failure { why: failure.why.because(&why.into()), ..failure }
}

/// <https://mariadb.com/kb/en/mariadb-error-codes/>, <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>
fn of_server(failure: Failure, error: &MySqlDatabaseError) -> Failure {
    let number = error.number();
    let state = error.code().unwrap_or_default();
    let why = match number {
        1064 => said!("服务器看不懂这条查询", "the server does not understand the query"),
        _ if state.starts_with("22") => said!("有值无法计算", "a value cannot be computed"),
        _ => error.message().into(),
    };
    let failure = because(failure, said!("{}（错误 {number}）", "{} (error {number})"; why));
    match number {
        1040 | 1203 | 1226 => failure.hint(said!("连接数过多；会自动重试", "too many connections; it is tried again")).passing(),
        1205 | 1213 => failure.hint(said!("有人锁定了这张表；会自动重试", "somebody locks the table; it is tried again")).passing(),
        1053 | 1077 | 1078 | 1079 | 1080 | 1158..=1161 | 1184 | 1152 | 1927 | 2006 | 2013 | 3169 => {
            failure.hint(said!("服务器断开了连接；是不是重启了？", "the server ended the connection; was it restarted?")).passing()
        }
        1317 => failure.hint(said!("有人终止了查询", "somebody ended the query")).passing(),
        1412 | 1615 | 1020 => {
            failure.hint(said!("读取时表被改动；会自动重试", "the table was changed while it was read; it is tried again")).passing()
        }
        1969 | 3024 => failure.hint(said!(
            "服务器限制查询时长；请管理员为该账号放宽",
            "the server limits how long a query may take; ask its keeper to lift that for this login"
        )),
        1021 | 1114 | 1041 | 1037 | 1038 => failure.hint(said!("服务器内存或磁盘不足", "the server is short of memory or disk")).passing(),
        1044 | 1142 | 1143 | 1227 | 1370 => {
            failure.hint(said!("该账号无权读取：请对表 GRANT SELECT", "the login may not read this: GRANT SELECT ON it TO the login"))
        }
        1045 | 1698 => failure.hint(said!(
            "账号对吗，口令是最新的吗，允许从本机登录吗？",
            "is the user right, is the password current, may the login come from this machine?"
        )),
        1049 => failure
            .hint(said!("`database` 对吗？也可能是该账号无权看到它", "is `database` right? The login may also not be allowed to see it")),
        1129 => failure.hint(said!(
            "多次失败后服务器封锁了本机：请执行 FLUSH HOSTS",
            "the server has blocked this machine after many failed tries: FLUSH HOSTS"
        )),
        1130 => failure.hint(said!("该账号不允许从本机登录", "the login may not come from this machine")),
        1251 | 1275 | 2059 | 1524 => failure.hint(said!(
            "不支持该账号的认证方式；请试 `mysql_native_password` 或 `caching_sha2_password`",
            "the login's way of authentication is not known here; try `mysql_native_password` or `caching_sha2_password`"
        )),
        1820 | 1862 => failure.hint(said!("口令已过期，必须更换", "the password has run out and must be changed")),
        1146 | 1109 => failure.hint(said!("表名对吗？多数服务器区分大小写", "is the table's name right? Capitals matter on most servers")),
        1054 => failure.hint(said!("查询用到了没有的列", "the query names a column that is not there")),
        1064 => failure.hint(said!("请用别的程序试一试这条查询", "try the query with another program")),
        3159 => failure.hint(said!("服务器要求 TLS：请设 `tls = \"required\"`", "the server wants TLS: set `tls = \"required\"`")),
        1792 => failure.hint(said!("该查询不只是读取", "the query does more than read")),
        _ => failure,
    }
}

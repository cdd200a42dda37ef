//! What a server's error means for the night: worth a retry or not, and what to try.

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use crate::{Failure, Said, said};

/// What the server or the line says, after what the failure says already.
///
/// Messages that quote data or the query are left out: a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Database(it) => match it.try_downcast_ref::<PgDatabaseError>() {
            Some(it) => of_server(failure, it.code(), it.message()),
            None => because(failure, said!("服务器拒绝", "the server refused")),
        },
        Error::Io(it) if it.to_string().contains("certificate") => of_tls(failure, &it.to_string()),
        Error::Io(it) => because(failure, said!("连接中断：{it}", "the connection broke: {it}"))
            .hint(said!("服务器在运行吗，线路稳定吗？", "is the server up, is the line stable?"))
            .passing(),
        Error::Tls(it) => of_tls(failure, &it.to_string()),
        Error::Protocol(it) => because(failure, said!("看不懂服务器的应答：{it}", "the server's answer is not understood: {it}"))
            .hint(said!("那里运行的是 PostgreSQL 吗？", "is it PostgreSQL that listens there?")),
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

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_server(failure: Failure, state: &str, message: &str) -> Failure {
    let class = state.get(..2).unwrap_or_default();
    let why = match (class, state) {
        ("22" | "23" | "P0", _) => said!("有值无法计算", "a value cannot be computed"),
        (_, "42601" | "42P02") => said!("服务器看不懂这条查询", "the server does not understand the query"),
        _ => message.into(),
    };
    let failure = because(failure, said!("{}（错误 {state}）", "{} (error {state})"; why));
    match (class, state) {
        (_, "57P01" | "57P02" | "57P03" | "57P05") => {
            failure.hint(said!("服务器断开了连接；是不是重启了？", "the server ended the connection; was it restarted?")).passing()
        }
        (_, "57014") => failure.hint(said!("有人终止了查询，或它在等待锁", "somebody ended the query, or it waited for a lock")).passing(),
        (_, "53300") => failure.hint(said!("连接数过多；会自动重试", "too many connections; it is tried again")).passing(),
        ("53" | "58", _) => failure.hint(said!("服务器内存或磁盘不足", "the server is short of memory or disk")).passing(),
        (_, "40001" | "40P01" | "72000") => {
            failure.hint(said!("同时有人在改这张表；会自动重试", "others changed the table meanwhile; it is tried again")).passing()
        }
        (_, "55P03") => failure.hint(said!("有人锁定了这张表；会自动重试", "somebody locks the table; it is tried again")).passing(),
        (_, "08P01") => failure.hint(said!(
            "连接池若给每条语句换连接，就无法保持同一状态；请用会话模式或事务模式",
            "a pooler that gives every statement another connection cannot keep one state; use its session or transaction mode"
        )),
        ("08", _) => failure.hint(said!("服务器在运行吗，线路稳定吗？", "is the server up, is the line stable?")).passing(),
        (_, "28P01") => failure.hint(said!("账号对吗，口令是最新的吗？", "is the user right, is the password current?")),
        ("28", _) => failure.hint(said!(
            "允许该账号从本机登录吗？是否必须用 TLS？都由 `pg_hba.conf` 决定",
            "may this login come from this machine? `pg_hba.conf` says so, and whether it must use TLS"
        )),
        (_, "3D000") => failure.hint(said!("`database` 对吗？", "is `database` right?")),
        (_, "42501") => failure.hint(said!(
            "该账号无权读取：请对表 GRANT SELECT，并对模式 GRANT USAGE",
            "the login may not read this: GRANT SELECT ON it TO the login, and GRANT USAGE ON its schema"
        )),
        (_, "42P01" | "3F000") => failure.hint(said!(
            "表名对吗？区分大小写，`schema` 设定在哪里找",
            "is the table's name right? Capitals matter, and `schema` says where to look"
        )),
        (_, "42703") => failure.hint(said!("查询用到了没有的列", "the query names a column that is not there")),
        (_, "42601") => failure.hint(said!("请用别的程序试一试这条查询", "try the query with another program")),
        (_, "25006") => failure.hint(said!("该查询不只是读取", "the query does more than read")),
        (_, "22021" | "22P05") => failure.hint(said!(
            "数据库中有不合其编码的字节；可用查询略去该列",
            "the database holds bytes that are no text in its encoding; a query can leave the column out"
        )),
        _ => failure,
    }
}

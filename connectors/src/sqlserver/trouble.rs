//! What a server's error means for the night: worth a retry or not, and what to try.

use tiberius::error::{Error, IoErrorKind, TokenError};

use crate::{Failure, Said, said};

/// Errors whose message names tables, columns and rights, and neither quotes the query nor what a row holds.
const NAMING_ONLY: [u32; 14] = [207, 208, 229, 230, 262, 297, 300, 916, 976, 983, 1033, 3952, 8155, 8156];

/// What the server or the line says, after what the failure says already.
///
/// Other messages of the server are left out: they quote values, and a failure names no person.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    match error {
        Error::Server(it) => of_server(failure, it),
        Error::Io { kind: IoErrorKind::TimedOut, .. } => because(failure, said!("服务器没有及时应答", "the server did not answer in time"))
            .hint(said!("服务器可思考多久由 `command_timeout` 设定", "`command_timeout` says how long it may think"))
            .passing(),
        Error::Io { kind: IoErrorKind::InvalidData, message } => {
            because(failure, said!("TLS 失败：{message}", "TLS failed: {message}")).hint(tls_hint())
        }
        Error::Io { message, .. } => because(failure, said!("连接中断：{message}", "the connection broke: {message}"))
            .hint(said!("服务器在运行吗，线路稳定吗？", "is the server up, is the line stable?"))
            .passing(),
        Error::Tls(it) => {
            let why = it.split(" To connect anyway").next().unwrap_or_default();
            because(failure, said!("TLS 失败：{why}", "TLS failed: {why}")).hint(tls_hint())
        }
        Error::Protocol(it) if it.contains("encryption level") => {
            because(failure, said!("服务器的加密方式与设置不符", "the server does not encrypt as the settings ask")).hint(said!(
                "`encryption` 可为 `off`、`login`、`required` 或 `strict`；加密可在服务器上启用",
                "`encryption` may be `off`, `login`, `required` or `strict`; encryption can be switched on at the server"
            ))
        }
        Error::Encoding(_) | Error::Utf8 | Error::Utf16 => {
            because(failure, said!("服务器发来不是文本的字节", "the server sent bytes that are no text")).hint(said!(
                "它们在查询的文本列中；请直接读表，坏行会单独列出",
                "a text column of a query holds them; read the table itself: its bad rows stand apart"
            ))
        }
        Error::Protocol(it) => because(failure, said!("看不懂服务器的应答：{it}", "the server's answer is not understood: {it}"))
            .hint(said!("那里运行的是 SQL Server 吗？", "is it SQL Server that listens there?"))
            .passing(),
        Error::Routing { .. } => because(failure, said!("服务器要求转向别处", "the server sends us elsewhere")).passing(),
        _ => because(failure, said!("服务器的应答与其声明的类型不符", "an answer of the server is not of the type that it told")),
    }
}

fn tls_hint() -> Said {
    said!(
        "`ca` 与服务器证书相符吗，`certificate_name` 或 `host` 与证书上的名称相符吗？`trust = true` 信任任何证书",
        "does `ca` fit the server's certificate, and `certificate_name` or `host` its name? `trust = true` believes any"
    )
}

fn because(failure: Failure, why: impl Into<Said>) -> Failure {
    Failure { why: failure.why.because(&why.into()), ..failure }
}

/// <https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors>, for 40xxx and 49xxx
/// <https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues>
fn of_server(failure: Failure, error: &TokenError) -> Failure {
    let number = error.code();
    let why = match number {
        18456 => said!("登录被拒绝", "the login was refused"),
        4060 => said!("无法打开数据库", "the database cannot be opened"),
        number if NAMING_ONLY.contains(&number) => error.message().into(),
        _ => said!("服务器拒绝", "the server refused"),
    };
    let failure = because(failure, said!("{1}（错误 {number}，状态 {0}）", "{1} (error {number}, state {0})", error.state(); why));
    match number {
        1205 => failure
            .hint(said!("服务器在死锁中终止了本次查询；会自动重试", "the server took us for the victim of a deadlock; it is tried again"))
            .passing(),
        1222 => failure.hint(said!("有人锁定了这张表；会自动重试", "somebody locks the table; it is tried again")).passing(),
        1204 | 701 | 802 | 8645 | 8651 | 10_928..=10_930 | 40_501 | 40_544 | 40_549..=40_553 => failure
            .hint(said!("服务器内存、锁或会话不足；会自动重试", "the server is short of memory, locks or sessions; it is tried again"))
            .passing(),
        3960 | 3961 => {
            failure.hint(said!("读取时表被改动；会自动重试", "the table was changed while it was read; it is tried again")).passing()
        }
        921 | 922 | 927 | 976 | 978 | 983 | 4221 | 40_613 | 40_197 | 40_143 | 40_540 | 49_918..=49_920 => {
            failure.hint(said!("数据库暂不可用；会自动重试", "the database is not available just now; it is tried again")).passing()
        }
        596 | 6005 | 17_142 | 18_401 | 233 | 64 | 10_053 | 10_054 | 10_060 => {
            failure.hint(said!("服务器断开了连接；是不是重启了？", "the server ended the connection; was it restarted?")).passing()
        }
        18_456 => failure.hint(said!(
            "`user` 和口令对吗，服务器允许 SQL Server 身份验证吗？",
            "are `user` and the password right, and does the server allow SQL Server authentication?"
        )),
        18_470 | 18_486 => failure.hint(said!("该账号被停用或锁定；请找管理员", "the login is disabled or locked; ask its keeper")),
        18_487 | 18_488 => failure.hint(said!("口令已过期，必须更换", "the password has run out and must be changed")),
        18_452 => failure.hint(said!(
            "服务器只允许 Windows 登录；须同时允许 SQL Server 身份验证",
            "the server allows Windows logins alone; it must allow SQL Server authentication too"
        )),
        4060 => failure
            .hint(said!("`database` 对吗？也可能是该账号无权看到它", "is `database` right? The login may also not be allowed to see it")),
        916 => failure.hint(said!(
            "该登录名在此数据库中没有用户：CREATE USER ... FOR LOGIN ...",
            "the login has no user in this database: CREATE USER ... FOR LOGIN ..."
        )),
        40_615 => failure.hint(said!("服务器的防火墙不放行本机", "the server's firewall does not let this machine in")),
        229 | 230 | 262 | 297 | 300 => {
            failure.hint(said!("该账号无权读取：请对表 GRANT SELECT", "the login may not read this: GRANT SELECT ON it TO the login"))
        }
        208 => failure.hint(said!("表名和模式名对吗？", "is the name of the table right, and its schema?")),
        207 => failure.hint(said!("查询用到了没有的列", "the query names a column that is not there")),
        3952 => failure.hint(said!(
            "ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON，或始终不开启",
            "ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON, or leave it off for good"
        )),
        1033 => failure.hint(said!(
            "请去掉查询中的 ORDER BY：行的次序在此无意义",
            "leave ORDER BY out of the query: the order of rows says nothing here"
        )),
        8155 | 8156 => failure.hint(said!("请用 AS 给查询的每一列取名", "give every column of the query a name of its own with AS")),
        102 | 105 | 156 | 319 => failure.hint(said!(
            "服务器看不懂这条查询；其中不能有 OPTION 和 FOR。请用别的程序试一试",
            "the server does not understand the query; OPTION and FOR cannot stand in it. Try it with another program"
        )),
        220 | 232 | 241 | 242 | 244 | 245 | 248 | 8114 | 8115 | 8134 => failure.hint(said!(
            "有值无法转换；为保护数据此处不写是哪一个，请用别的程序试一试这条查询",
            "a value cannot be converted; which one is left out here, try the query with another program"
        )),
        _ if error.class() >= 17 => {
            failure.hint(said!("服务器出了故障；详见其错误日志", "the server is in trouble; its error log says more")).passing()
        }
        _ => failure.hint(said!("该编号的含义见 SQL Server 手册", "the number is explained in the manual of SQL Server")),
    }
}

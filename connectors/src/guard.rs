//! A query that only reads: looked at before it is sent, whatever the login may do.

use crate::{Said, said};

/// Whether what a mapping names as its table is a query.
pub(crate) fn is_query(table: &str) -> bool {
    let word = table.trim_start().split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or_default();
    word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("with")
}

/// Why `sql` is not one statement that only reads. Texts, quoted names and comments are not looked into.
///
/// The words of every dialect are refused together: a column of such a name must be quoted.
pub(crate) fn only_reads(sql: &str) -> Result<(), Said> {
    let (words, _) = words(sql)?;
    if !is_query(&words.join(" ")) {
        return Err(said!("查询必须以 SELECT 或 WITH 开头", "a query must begin with SELECT or WITH"));
    }
    match words.iter().find(|word| WRITES.contains(&word.as_str())) {
        Some(word) => {
            Err(said!("只读的查询中不应有 `{word}`；若是名称请加引号", "a query that reads has no `{word}`; quote it if it is a name"))
        }
        None => Ok(()),
    }
}

/// The query without the semicolon at its end and what stands behind it, so that it can stand in brackets. A comment may be last in it.
pub(crate) fn bare(sql: &str) -> &str {
    words(sql).map_or(sql, |(_, end)| &sql[..end])
}

/// Words that write, lock, or run what may write.
const WRITES: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "REPLACE",
    "INTO",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "GRANT",
    "REVOKE",
    "CALL",
    "EXEC",
    "EXECUTE",
    "DO",
    "COPY",
    "LOCK",
    "SET",
    "USE",
    "ATTACH",
    "DETACH",
    "PRAGMA",
    "VACUUM",
    "BACKUP",
    "RESTORE",
    "SHUTDOWN",
    "KILL",
    "OPENROWSET",
    "OPENQUERY",
    "OPENDATASOURCE",
    "XP_CMDSHELL",
    "LO_IMPORT",
    "LO_EXPORT",
    "NEXTVAL",
    "SETVAL",
    "DBLINK",
    "DBLINK_EXEC",
    "LOAD_FILE",
    "PG_TERMINATE_BACKEND",
    "PG_READ_FILE",
    "SHARE",
    "WAITFOR",
    "PG_SLEEP",
    "SLEEP",
    "BENCHMARK",
];

/// The words outside of texts, quoted names and comments, in capitals, and where the statement ends; a second statement is refused.
fn words(sql: &str) -> Result<(Vec<String>, usize), Said> {
    let mut words = Vec::new();
    let mut rest = sql;
    let mut end = None;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' | '"' | '`' => after_quote(rest, first)?,
            '[' => after_quote(rest, ']')?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                if rest.starts_with("/*!") {
                    return Err(said!("MySQL 会执行的注释不是注释", "a comment that MySQL runs is no comment"));
                }
                rest.find("*/").map(|it| it + 2).ok_or(said!("注释没有结束", "a comment does not end"))?
            }
            '$' if rest.starts_with("$$") => {
                rest[2..].find("$$").map(|it| it + 4).ok_or(said!("$$ 中的文本没有结束", "a text in $$ does not end"))?
            }
            ';' => {
                end = end.or(Some(sql.len() - rest.len()));
                1
            }
            it if it.is_alphabetic() || it == '_' => {
                let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_' && it != '$').unwrap_or(rest.len());
                words.push(rest[..end].to_uppercase());
                end
            }
            it => it.len_utf8(),
        };
        if end.is_some() && first != ';' && !first.is_whitespace() && !rest.starts_with("--") && !rest.starts_with("/*") {
            return Err(said!("只能发送一条语句", "only one statement can be sent"));
        }
        rest = &rest[skipped..];
    }
    Ok((words, end.unwrap_or(sql.len())))
}

/// Where what is quoted ends; a quote in it is doubled.
fn after_quote(text: &str, close: char) -> Result<usize, Said> {
    let mut at = 1;
    while let Some(found) = text[at..].find(close) {
        at += found + close.len_utf8();
        if !text[at..].starts_with(close) {
            return Ok(at);
        }
        at += close.len_utf8();
    }
    Err(said!("引号 {close} 没有结束", "a quote {close} does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_let_through() {
        for sql in [
            "SELECT * FROM gzff",
            "  with a as (select 1) select * from a where x = 'DELETE; it''s' -- drop it\n;",
            "select \"update\", [set], `into` from t /* insert */",
            "SELECT 姓名 FROM 人员 WHERE 备注 <> '更新'",
        ] {
            assert_eq!(only_reads(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn anything_else_is_not_sent() {
        for sql in [
            "DELETE FROM gzff",
            "select 1; drop table gzff",
            "with gone as (delete from gzff returning *) select * from gone",
            "SELECT * INTO other FROM gzff",
            "select * from gzff for update",
            "select /*! 1 into outfile '/tmp/x' */ 1",
            "select 'a",
            "exec sp_who",
            "select 1 /* open",
            "",
        ] {
            assert!(only_reads(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_query_is_bared_of_its_end() {
        assert_eq!(bare("select ';' -- a;b\n from t ; -- last"), "select ';' -- a;b\n from t ");
        assert_eq!(bare("select 1 -- last"), "select 1 -- last");
    }

    #[test]
    fn a_table_is_no_query() {
        assert!(is_query("SELECT 1") && is_query("\n with x as (select 1) select 2"));
        assert!(!is_query("selected_people") && !is_query("工资") && !is_query("with_pay") && !is_query("select人员"));
    }
}

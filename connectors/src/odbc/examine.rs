//! The checklist of `muster connect` for a system behind a driver.

use super::System;
use super::line::Answer;
use crate::steps::doubtful;
use crate::{Step, guard, said};

/// Tries the way to the system step by step; stops at the first that fails. Host and port are the driver's affair.
pub(super) async fn examine(system: &System, tables: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(failed) = all(system, tables, &mut steps).await {
        steps.push(failed);
    }
    steps
}

async fn all(system: &System, tables: &[String], steps: &mut Vec<Step>) -> Result<(), Step> {
    let (about, offers) = system.tables().await.map_err(|it| Step::failed("login", it))?;
    if let Answer::System { name, read_only, snapshot } = about {
        steps.push(Step::fine("login", name));
        steps.push(if read_only {
            Step::fine("read-only", said!("取数在只读事务中进行", "pulls are read-only transactions"))
        } else {
            doubtful(
                "read-only",
                said!("该系统没有只读事务", "the system has no read-only transactions"),
                said!("只发送查询语句，但请用只有查询权限的账号", "only queries are sent, but use a login with SELECT alone"),
            )
        });
        if !snapshot {
            steps.push(doubtful(
                "count",
                said!("取数期间他人可以写入", "others may write while it is pulled"),
                said!("行数会前后核对；请在业务空闲时取数", "rows are held against the counts before and after; pull when nobody works"),
            ));
        }
    }
    steps.push(Step::fine("tables", said!("{} 张", "{} there", offers.len())));
    for table in tables {
        let rows = system.count(table).await.map_err(|it| Step::failed("table", it))?;
        let query = said!("该查询", "the query");
        let name = if guard::is_query(table) { query } else { format!("`{table}`").into() };
        steps.push(Step::fine("count", said!("{}：{rows} 行", "{}: {rows} rows"; name)));
    }
    Ok(())
}

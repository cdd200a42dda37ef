//! `muster audit`: who did what, and whether the log is whole.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;

use crate::cli::{AuditListArgs, AuditVerifyArgs, AuditWhat};
use crate::commands::{Code, Done, Say, read};
use crate::store::Store;
use crate::store::audit::{Chained, Verified};
use crate::words::{Lang, count, pad};

/// `muster audit …`.
pub async fn audit(what: &AuditWhat, say: Say) -> Done {
    match what {
        AuditWhat::List(args) => list(args, say).await,
        AuditWhat::Verify(args) => verify(args, say).await,
    }
}

async fn list(args: &AuditListArgs, say: Say) -> Done {
    let store = Store::of(&read(&args.config.config)?).await?;
    let entries = store.audit_entries(args.about.as_deref(), args.rows).await?;
    say.print(&entries, || listed(&entries, say.lang));
    Ok(Code::Fine)
}

fn listed(entries: &[Chained], lang: Lang) -> String {
    let mut out = String::new();
    for Chained { id, entry, .. } in entries {
        let detail: Vec<String> = entry.detail.iter().map(|(name, it)| format!("{name}={it}")).collect();
        let _ = writeln!(
            out,
            "  {} {} {} {} {}  {}",
            pad(&id.to_string(), 7),
            entry.at,
            pad(&entry.who, 18),
            pad(&entry.what, 16),
            pad(&entry.about, 16),
            detail.join(" ")
        );
    }
    match entries.first() {
        Some(newest) => out.push_str(&format!("  {} {}\n", lang.pick("末条摘要", "head"), newest.hash)),
        None => out.push_str(&format!("  {}\n", lang.pick("审计日志为空", "the audit log is empty"))),
    }
    out
}

async fn verify(args: &AuditVerifyArgs, say: Say) -> Done {
    let store = Store::of(&read(&args.config.config)?).await?;
    let verified = store.audit_verify(args.head.as_deref()).await?;
    say.print(&verified, || told(&verified, say.lang));
    Ok(if verified.holds() { Code::Fine } else { Code::Defects })
}

fn told(it: &Verified, lang: Lang) -> String {
    let entries = count(it.entries);
    let mut out = match (it.broken_at, lang) {
        (None, Lang::Zh) => format!("  ✓ 审计日志完整：{entries} 条首尾相连\n"),
        (None, Lang::En) => format!("  ✓ the audit log is whole: a chain of {entries} entries\n"),
        (Some(id), Lang::Zh) => format!("  ✗ 审计日志自第 {id} 条起不再相连：有人改动、删除或插入过记录；请封存现场并与备份比对\n"),
        (Some(id), Lang::En) => {
            format!(
                "  ✗ the chain breaks at entry {id}: something was changed, removed or put between; keep the store as it is and compare it with a backup\n"
            )
        }
    };
    if let Some(head) = &it.head {
        out.push_str(&format!("    {} {head}\n", lang.pick("末条摘要", "head")));
    }
    match it.met {
        Some(true) => out.push_str(&format!(
            "  ✓ {}\n",
            lang.pick("所记摘要在日志之中，其后只有新增", "the remembered hash is in the log; what came after was added")
        )),
        Some(false) => {
            out.push_str(&format!(
                "  ✗ {}\n",
                lang.pick(
                    "日志中没有所记的摘要：末尾被截去或整体被替换",
                    "the remembered hash is not in the log: its end was cut off, or all of it was replaced"
                )
            ));
        }
        None => {}
    }
    out
}

/// Who is at the terminal: the operating system's user, by the process itself and not by what the environment claims.
pub fn local_user() -> String {
    let id = std::fs::metadata("/proc/self").map(|it| it.uid()).unwrap_or_default();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().map(|it| it.split(':').collect::<Vec<_>>()).find(|it| it.get(2).is_some_and(|it| *it == id.to_string()));
    format!("local:{}", named.map_or_else(|| id.to_string(), |it| it[0].to_owned()))
}

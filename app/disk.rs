//! What a disk that is full or may not be written says, whoever met it, and what to do then.
//!
//! Engine, Parquet, SQLite, PostgreSQL and the system each say it in their words, and on the way to the one place where it is told it
//! has become a text. Those words are known here and nowhere else.

use crate::night::Said;

/// What the system, SQLite and PostgreSQL say when no space is left: ENOSPC, EDQUOT, `SQLITE_FULL`, SQLSTATE 53100.
const FULL: [&str; 5] = ["(os error 28)", "(os error 122)", "No space left on device", "database or disk is full", "Disk quota exceeded"];

/// When nothing may be written: EROFS, `SQLITE_READONLY`.
const READ_ONLY: [&str; 3] = ["(os error 30)", "Read-only file system", "attempt to write a readonly database"];

/// When it cannot be told which: `SQLITE_IOERR`.
const FAILS: [&str; 1] = ["disk I/O error"];

/// What it is and what to do; null when `why` is nothing of the kind.
pub fn advice(why: &str) -> Option<Said> {
    let says = |words: &[&str]| words.iter().any(|it| why.contains(it));
    if says(&FULL) {
        return Some(Said {
            zh: "磁盘已满；此前保存的数据完好。请释放数据、库或报告目录所在磁盘的空间（df -h；muster retain --dry-run 列出到期可删的），然后重跑同一夜"
                .to_owned(),
            en: "the disk is full; nothing that was kept before is damaged. Free space where data, store or reports lie (df -h; muster retain --dry-run lists what may go), then run the same night again"
                .to_owned(),
        });
    }
    if says(&FAILS) {
        return Some(Said {
            zh: "磁盘读写出错：已满或有故障；此前保存的数据完好。请看 df -h 与 dmesg，排除后重跑同一夜".to_owned(),
            en: "the disk cannot be written: it is full, or it fails; nothing that was kept before is damaged. See df -h and dmesg, mend it, then run the same night again".to_owned(),
        });
    }
    says(&READ_ONLY).then(|| Said {
        zh: "磁盘只读；此前保存的数据完好。请查看系统日志（dmesg）中磁盘有无故障，重新以可写方式挂载（mount -o remount,rw），然后重跑同一夜".to_owned(),
        en: "the disk is read-only; nothing that was kept before is damaged. See in dmesg whether it fails, mount it for writing again (mount -o remount,rw), then run the same night again"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_known_by_its_words_and_nothing_else_is() {
        let full = std::io::Error::from_raw_os_error(28).to_string();
        let read_only = std::io::Error::from_raw_os_error(30).to_string();
        assert!(advice(&full).is_some_and(|it| it.en.starts_with("the disk is full") && it.zh.starts_with("磁盘已满")));
        assert!(advice(&read_only).is_some_and(|it| it.en.starts_with("the disk is read-only") && it.zh.starts_with("磁盘只读")));
        assert!(advice("the store: error returned from database: (code: 13) database or disk is full").is_some());
        let refused = std::io::Error::from_raw_os_error(111).to_string();
        assert_eq!((advice(&refused), advice("the store is damaged")), (None, None));
    }
}

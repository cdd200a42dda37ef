//! The key, and the folder that it opens.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use chrono::NaiveDate;

use super::{Check, State};
use crate::config::City;
use crate::retain::{bytes_below, size};
use crate::vault::{self, Vault};
use crate::{key, retain};

/// Files that are named when many are wrong.
const FILES_SHOWN: usize = 3;

/// A night needs room for itself, its deliveries and what the engine spills.
const ROOM: u64 = 3;

/// The bits of a file's mode; null where it is not there.
pub fn mode(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.mode() & 0o777)
}

fn owner(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.uid())
}

/// Whether it is there, who may read it, and whether it opens what is there.
pub fn key(city: &City, newest: Option<NaiveDate>) -> Vec<Check> {
    let vault = match city.vault() {
        Ok(it) => it,
        Err(stop) => {
            let zh = "个人信息密钥不可用：没有它什么也读不了、写不了";
            return vec![Check::quoted(State::Wrong, (zh, "the key of personal data cannot be used"), &stop.line()).mend(
                format!("从备份取回 {0}；全新安装用 muster key new；权限用 chmod 600 {0}", city.key_file.display()),
                format!(
                    "bring {0} back from where its copy is kept; muster key new for a new installation; chmod 600 {0}",
                    city.key_file.display()
                ),
            )];
        }
    };
    let mut checks = vec![whose_key(city, &vault)];
    checks.extend(sealed(city, &vault));
    if let Some(night) = newest {
        checks.push(opens(city, night));
    }
    checks
}

fn whose_key(city: &City, vault: &Vault) -> Check {
    let id = vault.ids()[0].to_owned();
    if std::env::var_os("MUSTER_KEY").is_some() {
        return Check::fine(format!("密钥 {id} 来自环境变量 MUSTER_KEY"), format!("key {id}, from the environment (MUSTER_KEY)"));
    }
    if std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|it| Path::new(&it).join("muster.key").exists()) {
        return Check::fine(format!("密钥 {id} 由 systemd 提供"), format!("key {id}, handed over by systemd"));
    }
    file_of_key(&city.key_file, &city.data(), &id)
}

/// The file of the key, against the data folder that it opens.
pub fn file_of_key(file: &Path, data: &Path, id: &str) -> Check {
    let (shown, bits) = (file.display(), mode(file).unwrap_or(0));
    if bits & 0o077 != 0 {
        let zh = format!("密钥文件 {shown} 他人可读（{bits:03o}）");
        let check = Check::doubtful(zh, format!("others than its owner can read the key file {shown} ({bits:03o})"));
        return check.mend(format!("chmod 600 {shown}"), format!("chmod 600 {shown}"));
    }
    match (owner(file), owner(data)) {
        (Some(one), Some(other)) if one != other => {
            let zh = format!("密钥文件与数据目录的所有者不同（uid {one} 与 {other}）");
            let check = Check::doubtful(zh, format!("the key file and the data folder belong to different users (uid {one} and {other})"));
            check.mend(format!("chown --reference={} {shown}", data.display()), format!("chown --reference={} {shown}", data.display()))
        }
        _ => Check::fine(format!("密钥 {id}：{shown}（{bits:03o}）"), format!("key {id}: {shown} ({bits:03o})")),
    }
}

/// Every file below the data folder is sealed, under a key that we have.
fn sealed(city: &City, vault: &Vault) -> Vec<Check> {
    let data = city.data();
    // A folder that cannot be read is told by the section of the data folder.
    let Ok(files) = key::sealed_files(&data) else { return Vec::new() };
    let (mut clear, mut shut, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for path in &files {
        match vault::master_of(path) {
            Ok(Some(id)) if vault.ids().contains(&id.as_str()) => {}
            Ok(Some(_)) => shut.push(path),
            Ok(None) => clear.push(path),
            Err(_) => unread.push(path),
        }
    }
    let told = |wrong: &[&std::path::PathBuf], zh: &str, en: &str| {
        let some: Vec<String> =
            wrong.iter().take(FILES_SHOWN).map(|it| it.strip_prefix(&data).unwrap_or(it).display().to_string()).collect();
        let (many, some) = (wrong.len(), some.join(", "));
        Check::wrong(format!("{many} 个文件{zh}：{some}"), format!("{many} files {en}: {some}"))
    };
    let mut checks = Vec::new();
    if !clear.is_empty() {
        checks.push(told(&clear, "未加密", "are not sealed").mend(
            "查明来源后删除；本程序只写加密文件。muster key check 列出全部",
            "find out where they are from and delete them: muster writes sealed files only. muster key check lists all",
        ));
    }
    if !shut.is_empty() {
        checks.push(told(&shut, "所需的密钥未提供", "need a key that is not given").mend(
            "把旧的 seal 行加回密钥文件；muster key check 列出所缺密钥",
            "put the older `seal` line back into the key file; muster key check names the keys that lack",
        ));
    }
    if !unread.is_empty() {
        checks.push(told(&unread, "无法读取", "cannot be read").mend("检查文件所有者与权限", "see who owns them, and their mode"));
    }
    if checks.is_empty() && !files.is_empty() {
        checks.push(Check::fine(
            format!("{} 个文件均已加密，密钥齐全", files.len()),
            format!("{} files are sealed, and their keys are there", files.len()),
        ));
    }
    checks
}

/// Whether the newest night can be read from end to end of its seal.
fn opens(city: &City, night: NaiveDate) -> Check {
    let told = city.archive().map_err(|stop| stop.line()).and_then(|it| it.told(night).map_err(|err| err.to_string()));
    match told {
        Ok(Some(_)) => Check::fine(format!("最近一夜 {night} 可以打开"), format!("the newest night, {night}, opens")),
        Ok(None) => {
            Check::wrong(format!("最近一夜 {night} 的文件夹不在"), format!("the folder of the newest night, {night}, is not there")).mend(
                format!("从备份取回，或重做：muster run --night {night}"),
                format!("bring it back from a backup, or muster run --night {night}"),
            )
        }
        Err(err) => Check::quoted(State::Wrong, ("最近一夜打不开", "the newest night cannot be opened"), &err).mend(
            format!("muster key check；或重做：muster run --night {night}"),
            format!("muster key check; or muster run --night {night}"),
        ),
    }
}

/// Whose the data folder is, and whether the next nights have room.
pub fn data(city: &City, newest: Option<NaiveDate>) -> Vec<Check> {
    let data = city.data();
    let shown = data.display();
    let (Some(bits), Some(owned_by)) = (mode(&data), owner(&data)) else {
        let check = Check::doubtful(format!("{shown} 还不存在"), format!("{shown} is not there yet"));
        return vec![check.mend("第一夜会建立；或检查 muster.toml 的 data", "the first night makes it; or see `data` in muster.toml")];
    };
    let mut checks = Vec::new();
    let me = owner(Path::new("/proc/self")).unwrap_or(owned_by);
    if me != owned_by && me != 0 {
        let check = Check::wrong(
            format!("{shown} 属于另一用户（uid {owned_by}，当前 {me}）"),
            format!("{shown} belongs to another user (uid {owned_by}, we are {me})"),
        );
        checks.push(check.mend("以运行对账的用户执行 muster", "run muster as the user who runs the nights"));
    }
    if bits & 0o007 != 0 {
        let check = Check::doubtful(
            format!("{shown} 对本机所有人开放（{bits:03o}）"),
            format!("everybody on this machine can look into {shown} ({bits:03o})"),
        );
        checks.push(check.mend(format!("chmod 750 {shown}"), format!("chmod 750 {shown}")));
    }
    if checks.is_empty() {
        checks.push(Check::fine(format!("{shown}（{bits:03o}）"), format!("{shown} ({bits:03o})")));
    }
    checks.extend(disk(&data, newest));
    checks
}

/// Whether the next nights have room.
pub fn disk(data: &Path, newest: Option<NaiveDate>) -> Vec<Check> {
    let needs = newest.map_or(0, |it| night_bytes(data, it));
    vec![free_bytes(data).map_or_else(
        || Check::doubtful("看不出剩余空间（df 不可用）", "how much room is left cannot be told (df does not say)"),
        |free| room(free, needs),
    )]
}

/// What the newest night and its deliveries take.
fn night_bytes(data: &Path, night: NaiveDate) -> u64 {
    let night = night.to_string();
    let mut bytes = bytes_below(&data.join("nights").join(&night)).unwrap_or(0);
    for (_, department) in retain::folders(&data.join("deliveries")).unwrap_or_default() {
        for (_, feed) in retain::folders(&department).unwrap_or_default() {
            bytes += bytes_below(&feed.join(&night)).unwrap_or(0);
        }
    }
    bytes
}

/// Whether `free` bytes are room enough, where a night takes `needs`.
pub fn room(free: u64, needs: u64) -> Check {
    let (shown, one) = (size(free), size(needs));
    let (zh, en) = (format!("剩余 {shown}，一夜约需 {one}"), format!("{shown} are free; a night takes {one}"));
    let mend = |it: Check| {
        it.mend("muster retain --dry-run 列出到期内容；或扩充磁盘", "muster retain --dry-run shows what is due to go; or add disk")
            .alarm("disk", "")
    };
    match free {
        it if it <= needs => mend(Check::wrong(zh, en)),
        it if it < needs.saturating_mul(ROOM) => mend(Check::doubtful(zh, en)),
        _ => Check::fine(zh, en),
    }
}

/// What `df` says is free at `path`: the fourth column of its second line, in blocks of 1024 bytes.
fn free_bytes(path: &Path) -> Option<u64> {
    let out = Command::new("df").arg("-Pk").arg(path).env("LC_ALL", "C").output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let blocks: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    blocks.checked_mul(1024)
}

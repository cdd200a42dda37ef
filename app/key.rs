//! `muster key`: the keys of personal data on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use serde::Serialize;

use crate::archive::{Archive, SEALED};
use crate::audit::local_user;
use crate::cli::{ConfigArg, KeyOpenArgs, KeyWhat};
use crate::clock;
use crate::commands::{Code, Done, Say, read};
use crate::config::{self, City};
use crate::files::private_file;
use crate::pull;
use crate::run::Stop;
use crate::store::Store;
use crate::store::audit::Entry;
use crate::turn::Turn;
use crate::vault::{self, Vault};
use crate::words::{Lang, count, pad, pad_left};

/// `muster key …`.
pub async fn key(what: &KeyWhat, say: Say) -> Done {
    match what {
        KeyWhat::New(args) => new(args, say),
        KeyWhat::Check(args) => check(&read(&args.config)?, say).await,
        KeyWhat::Rotate(args) => rotate(&read(&args.config)?, say).await,
        KeyWhat::Reseal(args) => reseal(&read(&args.config)?, say).await,
        KeyWhat::Open(args) => open(args, say).await,
    }
}

/// Writes a key file that only we can read; says no where there is one: it is never replaced.
pub fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    match private_file(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(true)
        }
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(err) => Err(err),
    }
}

fn new(args: &ConfigArg, say: Say) -> Done {
    let path = &args.config.with_file_name("muster.key");
    // Where data lies already, only the key that it was sealed with is of use.
    if config::read(&args.config).is_ok_and(|it| it.has_sealed_data()) {
        let why = say.lang.pick(
            "数据目录中已有加密数据：请放回原来的密钥文件，新密钥打不开它",
            "the data folder holds sealed data: put the key back that it was sealed with; a new one does not open it",
        );
        return Err(Stop::Usage(why.to_owned()));
    }
    if !write_new(path, &Vault::new_file())? {
        let why = say.lang.pick("已存在；密钥从不覆盖", "is there already; a key is never replaced");
        return Err(Stop::Usage(format!("{} {why}", path.display())));
    }
    let copy = say.lang.pick(
        "请另存一份，与备份分开保管：遗失密钥，数据无法恢复",
        "keep a copy of it, apart from the backups: who loses the key loses the data",
    );
    say.print(&serde_json::json!({ "out": path }), || format!("  ✓ {}\n  ! {copy}\n", path.display()));
    Ok(Code::Fine)
}

/// Which key opens what.
#[derive(Default, Serialize)]
struct Checked {
    /// Ids of the master keys, the one that seals first.
    keys: Vec<String>,
    /// Sealed files by the key they need.
    files: BTreeMap<String, u64>,
    /// The key that the store needs.
    store: Option<String>,
    /// Files in clear that should be sealed, below the data folder.
    clear: Vec<PathBuf>,
    /// Keys that files need and that are not given.
    missing: Vec<String>,
}

async fn check(city: &City, say: Say) -> Done {
    let archive = city.archive()?;
    // Opening it tells whether its key is there.
    let store = Store::of(city).await?.master().await?;
    let keys = archive.vault.ids().into_iter().map(str::to_owned).collect();
    let mut checked = Checked { keys, store, ..Checked::default() };
    for path in sealed_files(&archive.data)? {
        match vault::master_of(&path)? {
            Some(id) => *checked.files.entry(id).or_default() += 1,
            None => checked.clear.push(path),
        }
    }
    checked.missing = checked.files.keys().filter(|it| !checked.keys.contains(it)).cloned().collect();
    say.print(&checked, || checked_text(&checked, say.lang));
    Ok(if checked.missing.is_empty() && checked.clear.is_empty() { Code::Fine } else { Code::Defects })
}

fn checked_text(it: &Checked, lang: Lang) -> String {
    let mut out = String::new();
    for (at, id) in it.keys.iter().enumerate() {
        let files = it.files.get(id).copied().unwrap_or(0) + u64::from(it.store.as_ref() == Some(id));
        let word = match (at, files) {
            (0, _) => lang.pick("在用", "seals"),
            (_, 0) => lang.pick("已无数据需要；旧备份可能仍需", "no data needs it; old backups may"),
            _ => lang.pick("旧数据仍需要", "older data needs it"),
        };
        out.push_str(&format!(
            "  {} {} {}  {word}\n",
            pad(id, 10),
            pad_left(&count(files as i64), 10),
            lang.pick("个文件与存储", "files and stores")
        ));
    }
    for id in &it.missing {
        out.push_str(&format!("  ✗ {id} {}\n", lang.pick("有文件需要此密钥，但未提供", "files need this key, and it is not given")));
    }
    for path in &it.clear {
        out.push_str(&format!("  ✗ {} {}\n", path.display(), lang.pick("未加密", "is not sealed")));
    }
    out
}

/// A new master key at the head of the key file, then everything under it.
async fn rotate(city: &City, say: Say) -> Done {
    let elsewhere = ["MUSTER_KEY", "CREDENTIALS_DIRECTORY"].iter().any(|it| std::env::var_os(it).is_some());
    if elsewhere || !city.key_file.exists() {
        let why = say.lang.pick(
            "密钥由环境变量或 systemd 提供：请在其存放处的首行加入新的 seal 行，再运行 muster key reseal",
            "the key is handed over by the environment or systemd: put a new `seal` line first where it is kept, then muster key reseal",
        );
        return Err(Stop::Usage(why.to_owned()));
    }
    let store = Store::of(city).await?;
    // No night writes meanwhile.
    let turn = Turn::take(&store).await?;
    let done = add_key(&city.key_file);
    turn.give_back().await?;
    done?;
    reseal(city, say).await
}

/// The file with one key more, in its place and its owner's as before.
fn add_key(path: &Path) -> Result<(), Stop> {
    let text = fs::read_to_string(path)?;
    let partial = path.with_extension("key.partial");
    if partial.exists() {
        fs::remove_file(&partial)?;
    }
    write_new(&partial, &Vault::with_another(&text))?;
    as_before(path, &partial)?;
    fs::rename(&partial, path)?;
    // The store may lie elsewhere: the new key's name must be on disk before anything needs it.
    File::open(path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Gives `path` the owner and mode of the file whose place it takes: who rotates may be root, and who runs nights is not.
fn as_before(before: &Path, path: &Path) -> io::Result<()> {
    let was = fs::metadata(before)?;
    fs::set_permissions(path, was.permissions())?;
    std::os::unix::fs::chown(path, Some(was.uid()), Some(was.gid()))
}

/// What sealing anew came to.
#[derive(Serialize)]
struct Resealed {
    key: String,
    files: u64,
    store: bool,
    /// Files that could not be: their places, and why.
    failed: Vec<String>,
}

async fn reseal(city: &City, say: Say) -> Done {
    let archive = city.archive()?;
    let store = Store::of(city).await?;
    // No night writes meanwhile.
    let turn = Turn::take(&store).await?;
    let done = reseal_all(&archive, &turn.store).await;
    turn.give_back().await?;
    let told = done?;
    let detail = BTreeMap::from([("files".to_owned(), told.files.to_string())]);
    noted(&store, "keys-resealed", &told.key, detail).await?;
    say.print(&told, || {
        let failed: String = told.failed.iter().map(|it| format!("  ✗ {it}\n")).collect();
        failed
            + &match say.lang {
                Lang::Zh => format!("  ✓ {} 个文件与存储改用密钥 {}；旧密钥行在旧备份不再需要时删除\n", told.files, told.key),
                Lang::En => format!(
                    "  ✓ {} files and the store are under the key {}; remove the older lines when no backup needs them\n",
                    told.files, told.key
                ),
            }
    });
    Ok(if told.failed.is_empty() { Code::Fine } else { Code::Defects })
}

async fn reseal_all(archive: &Archive, store: &Store) -> Result<Resealed, Stop> {
    let mut told =
        Resealed { key: archive.vault.ids()[0].to_owned(), files: 0, store: store.rewrap(&archive.vault).await?, failed: Vec::new() };
    for path in sealed_files(&archive.data)? {
        let mut partial = path.clone().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        // One that cannot be resealed keeps no other from it; its old key is still there.
        match archive.vault.reseal(&path, &partial) {
            Ok(true) => {
                as_before(&path, &partial)?;
                fs::rename(&partial, &path)?;
                told.files += 1;
            }
            Ok(false) => {}
            Err(err) => told.failed.push(format!("{}: {err}", path.display())),
        }
    }
    Ok(told)
}

/// One sealed file in clear, for another program or a look at what is wrong. It is written down who opened it and why.
async fn open(args: &KeyOpenArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let archive = city.archive()?;
    let store = Store::of(&city).await?;
    if args.reveal.trim().is_empty() {
        return Err(Stop::Usage(say.lang.pick("--reveal 须说明理由", "--reveal takes a reason").to_owned()));
    }
    if !args.file.is_file() {
        return Err(Stop::Usage(format!("{}: {}", args.file.display(), say.lang.pick("没有这个文件", "no such file"))));
    }
    let detail = BTreeMap::from([("why".to_owned(), args.reveal.clone())]);
    noted(&store, "file-opened", &args.file.display().to_string(), detail).await?;
    let failed = |err: Box<dyn std::error::Error + Send + Sync>| Stop::Trouble(format!("{}: {err}", args.file.display()));
    if args.file.extension().is_some_and(|it| it == SEALED) {
        let mut sealed = archive.vault.unsealing(io::BufReader::new(File::open(&args.file)?)).map_err(|err| failed(err.into()))?;
        match &args.out {
            Some(out) => drop(io::copy(&mut sealed, &mut private_file(out)?)?),
            None => drop(io::copy(&mut sealed, &mut io::stdout())?),
        }
        return Ok(Code::Fine);
    }
    let rows = archive.rows(&args.file).map_err(failed)?;
    let rows = rows.ok_or_else(|| Stop::Usage(format!("{}: {}", args.file.display(), say.lang.pick("没有这个文件", "no such file"))))?;
    let Some(out) = &args.out else {
        return Err(Stop::Usage(say.lang.pick("表格须以 --out 指明写到哪里", "a table needs --out: where to write it").to_owned()));
    };
    let mut writer = ArrowWriter::try_new(private_file(out)?, rows.schema().clone(), Some(pull::settings().build()))?;
    for batch in rows.build()? {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(Code::Fine)
}

async fn noted(store: &Store, what: &str, about: &str, detail: BTreeMap<String, String>) -> Result<(), Stop> {
    let entry = Entry { at: clock::now(), who: local_user(), what: what.to_owned(), about: about.to_owned(), detail };
    Ok(store.audit(&entry).await?)
}

/// Every file below `data` that should be sealed, in order.
pub fn sealed_files(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // What a night under way, or one that was killed, has begun.
            if path.extension().is_some_and(|it| it == "partial") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == SEALED || it == "parquet") {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

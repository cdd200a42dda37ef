//! A source of files, whatever their format: finds them here or elsewhere, waits until they are whole, unpacks, reads and verifies them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use serde::Deserialize;

use crate::control::{self, Control, Controls, Counted, Tally};
use crate::pick::{self, DEEPEST, Pick, Picked, Wanted};
use crate::sink::{Outlet, Stop, blocking};
use crate::spool::{Found, Spool};
use crate::store::{self, Access, Entry, Store, Trouble};
use crate::zipped::{Archive, Member};
use crate::{Ask, Connector, Failure, Offer, PLACE_COLUMNS, Piece, Place, Pull, Said, Setting, SkippedLine, Spot, Step, fits, said};

/// A format of files. Its layout is what must be known of a file before its rows can be read: encoding, heading, sheets.
pub(crate) trait Format: Clone + Send + Sync + 'static {
    /// How one file is to be read.
    type Layout: Send + Sync + 'static;

    /// How its files end, in small letters.
    const ENDINGS: &'static [&'static str];

    /// How files end that belong to one of its files and lie beside it under the same name.
    const BESIDE: &'static [&'static str] = &[];

    /// Finds out how a file is to be read. With nothing asked for, as it would be offered. What was opened may be kept open for
    /// [`Format::read`] when the file is read `alone`.
    fn layout(&self, found: &Found, asked: &[String], alone: bool) -> Result<Self::Layout, Trouble>;

    /// The columns of files that are one table.
    fn schema(&self, layouts: &[&Self::Layout], asked: &[String]) -> Result<SchemaRef, Trouble>;

    /// Reads a file to its end.
    fn read(&self, found: &Found, layout: &Self::Layout, reading: &Reading<'_>) -> Result<(), Stopped>;
}

/// What the reader of a file needs besides the file.
pub(crate) struct Reading<'a> {
    /// Of the whole pull.
    pub schema: &'a SchemaRef,
    pub ask: &'a Ask,
    pub out: &'a Counted<'a>,
}

/// Why reading a file ended early.
pub(crate) enum Stopped {
    /// The file cannot be read on.
    Broke(Trouble),
    /// The pull is over.
    Stop(Stop),
}

impl From<Stop> for Stopped {
    fn from(stop: Stop) -> Stopped {
        Stopped::Stop(stop)
    }
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Stopped {
        Stopped::Broke(trouble)
    }
}

/// What every kind of file may say, before its own settings.
pub(crate) const SETTINGS: [Setting; 15] = [
    Setting {
        name: "folder",
        about: "Folder that holds the files, or its address: `sftp://user@host/out`, `ftp://`, `ftps://`, `https://` (WebDAV), `s3://bucket/out`. A table is a file name or a pattern like `pay-*.csv`; `pay-*.zip/*.csv` are members of archives. Default: the source's root",
        about_zh: "文件所在文件夹，或其地址：`sftp://user@host/out`、`ftp://`、`ftps://`、`https://`（WebDAV）、`s3://bucket/out`。表名即文件名或 `pay-*.csv` 之类的通配符；`pay-*.zip/*.csv` 指压缩包内文件。默认：数据根目录",
    },
    Setting {
        name: "pick",
        about: "`newest`: of the files that fit only the one changed last. Default `all`: together they are one table",
        about_zh: "`newest`：符合的文件中只取最后修改的一个。默认 `all`：合为一张表",
    },
    Setting {
        name: "settle_seconds",
        about: "A file that grew or changed within so many seconds is still being written and is not read. Default 2",
        about_zh: "在此秒数内仍在增长或改动的文件视为尚未写完，不读取。默认 2",
    },
    Setting {
        name: "control",
        about: "Control files (`pay.csv.control.json`, `pay.ctl`: rows, sha256, sums): `required`, `ignored`. Default `if-present`: what they say must be what was read",
        about_zh: "控制文件（`pay.csv.control.json`、`pay.ctl`：行数、sha256、合计）：`required` 必须有，`ignored` 不看。默认 `if-present`：有则核对，不符即失败",
    },
    Setting {
        name: "control_sums",
        about: "Which column a sum of the control file is of, like `{ sum_gross = \"YFHJ\" }`. Default: `sum_YFHJ` is of `YFHJ`",
        about_zh: "控制文件中的合计是哪一列的，如 `{ sum_gross = \"YFHJ\" }`。默认：`sum_YFHJ` 即 `YFHJ` 列",
    },
    Setting {
        name: "unpacked_gib",
        about: "More than this no pull fetches or unpacks. Default 20",
        about_zh: "一次取数下载或解压的上限（GiB）。默认 20",
    },
    Setting {
        name: "user",
        about: "Login of a folder elsewhere; for S3 the access key. Default: the one in the address",
        about_zh: "远程文件夹的登录名；S3 为 access key。默认：地址中的用户名",
    },
    Setting {
        name: "password",
        about: "Its password, or the secret key of S3: `{ env = \"…\" }`, `{ file = \"…\" }` or `{ credential = \"…\" }`. SFTP takes a key instead",
        about_zh: "口令，S3 为 secret key：`{ env = \"…\" }`、`{ file = \"…\" }` 或 `{ credential = \"…\" }`。SFTP 用密钥登录",
    },
    Setting {
        name: "key", about: "File of the private key for SFTP. Default: as ssh finds it", about_zh: "SFTP 私钥文件。默认：同 ssh"
    },
    Setting {
        name: "known_hosts",
        about: "File with the key of the SFTP server; no other is believed. Default: those that ssh knows",
        about_zh: "记有 SFTP 服务器公钥的文件，只信其中所列。默认：同 ssh",
    },
    Setting { name: "endpoint", about: "Address of the S3 service. Default: Amazon's", about_zh: "S3 服务地址。默认：亚马逊" },
    Setting { name: "region", about: "Region of the S3 service. Default `us-east-1`", about_zh: "S3 区域。默认 `us-east-1`" },
    Setting {
        name: "ca",
        about: "PEM file of the authority that vouches for an FTPS, WebDAV or S3 server. Default: the system's",
        about_zh: "FTPS、WebDAV、S3 服务器证书的签发机构（PEM 文件）。默认：系统所信任的",
    },
    Setting {
        name: "idle_seconds",
        about: "How long a folder elsewhere may be silent. Default 60",
        about_zh: "远程文件夹无响应的时限（秒）。默认 60",
    },
    Setting {
        name: "total_minutes", about: "How long fetching may take in all. Default 120", about_zh: "下载总时限（分钟）。默认 120"
    },
];

/// The settings of all files and those of one kind.
pub(crate) const fn and<const OWN: usize, const ALL: usize>(own: [Setting; OWN]) -> [Setting; ALL] {
    assert!(SETTINGS.len() + OWN == ALL, "as many as both together");
    let mut all = [SETTINGS[0]; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < SETTINGS.len() { SETTINGS[at] } else { own[at - SETTINGS.len()] };
        at += 1;
    }
    all
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct Settings {
    folder: String,
    pick: Pick,
    settle_seconds: u64,
    control: Controls,
    control_sums: BTreeMap<String, String>,
    unpacked_gib: u64,
    total_minutes: u64,
    #[serde(flatten)]
    access: Access,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            folder: ".".to_owned(),
            pick: Pick::default(),
            settle_seconds: 2,
            control: Controls::default(),
            control_sums: BTreeMap::new(),
            unpacked_gib: 20,
            total_minutes: 120,
            access: Access::default(),
        }
    }
}

/// Opens a source of files; `format` reads what is left of the settings.
pub(crate) fn open<F: Format>(
    place: Place,
    settings: toml::Table,
    format: impl FnOnce(toml::Table) -> Result<F, Said>,
) -> Result<Box<dyn Connector>, Said> {
    let (common, own) = settings.into_iter().partition(|(key, _)| SETTINGS.iter().any(|it| it.name == key));
    let settings: Settings = toml::Table::try_into(common).map_err(|it| it.message().to_owned())?;
    let store = store::open(&place, &settings.folder, settings.access.clone())?;
    Ok(Box::new(Files { place, settings, store, format: format(own)? }))
}

#[derive(Clone)]
struct Files<F> {
    place: Place,
    settings: Settings,
    store: Arc<dyn Store>,
    format: F,
}

/// The files of a pull, ready to be read.
#[derive(Default)]
struct Ready {
    files: Vec<File>,
    controls: Vec<Control>,
    /// What fitted but is not read, and why.
    left: Vec<(String, &'static str)>,
    /// Private copies live as long as this.
    _spool: Arc<Spool>,
}

struct File {
    found: Found,
    /// The control file that speaks of it, among those of the pull.
    control: Option<usize>,
    /// Whether that speaks of this file alone, not of the archive it was in.
    alone: bool,
}

#[async_trait]
impl<F: Format> Connector for Files<F> {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let trouble = |it: Trouble| it.at(&self.place, "");
        let entries = self.store.list(DEEPEST).await.map_err(trouble)?;
        let of_format = |it: &&Entry| ends(&it.name, F::ENDINGS) || ends(&it.name, &[".zip"]);
        let spool = Arc::new(Spool::default());
        let mut offers = Vec::new();
        for (pattern, files) in pick::alike(entries.iter().filter(of_format), |it| &it.name) {
            let last = files[files.len() - 1];
            let found = self.whole(last, &entries, &spool).await.map_err(trouble)?;
            let (this, spool) = (self.clone(), Arc::clone(&spool));
            let offered = tokio::task::spawn_blocking(move || this.offered(&pattern, &found, &spool));
            offers.extend(offered.await.map_err(|it| self.place.failure("", it.to_string()))?);
        }
        Ok(offers)
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let trouble = |it: Trouble| it.at(&self.place, &ask.table);
        let in_all = Duration::from_secs(60 * self.settings.total_minutes.max(1));
        let overdue = || {
            Trouble::new(said!("未能按时取完", "fetching was not done in time"))
                .hint(said!("时限由 `total_minutes` 设定", "`total_minutes` sets the limit"))
        };
        let ready = tokio::time::timeout(in_all, self.ready(ask)).await.unwrap_or_else(|_| Err(overdue())).map_err(trouble)?;
        let (this, asked) = (self.clone(), ask.clone());
        let laid_out = tokio::task::spawn_blocking(move || {
            let alone = ready.files.len() == 1;
            let layouts = ready
                .files
                .iter()
                .map(|it| this.format.layout(&it.found, &asked.columns, alone).map_err(|trouble| trouble.of(&it.found.name)));
            let layouts = layouts.collect::<Result<Vec<_>, _>>()?;
            let schema = this.format.schema(&layouts.iter().collect::<Vec<_>>(), &asked.columns)?;
            Ok((ready, layouts, schema))
        });
        let laid_out = laid_out.await.map_err(|it| self.place.failure(&ask.table, it.to_string()))?;
        let (ready, layouts, schema) = laid_out.map_err(trouble)?;
        let (this, whole, asked) = (self.clone(), Arc::clone(&schema), ask.clone());
        let pieces = blocking(&self.place, &ask.table, move |outlet| {
            this.read(ready, &layouts, &whole, &asked, outlet).map_err(|it| match it {
                Stopped::Broke(trouble) => Stop::Failed(trouble.at(&this.place, &asked.table)),
                Stopped::Stop(stop) => stop,
            })
        });
        Ok(Pull { schema, pieces })
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        let mut steps = self.store.examine().await;
        if steps.iter().any(|it| it.state == crate::StepState::Failed) {
            return steps;
        }
        match self.store.list(DEEPEST).await {
            Ok(entries) => steps.extend(tables.iter().map(|table| self.examined(table, &entries))),
            Err(it) => steps.push(store::step_failed("open", it)),
        }
        steps
    }
}

fn ends(name: &str, endings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    endings.iter().any(|it| name.ends_with(it))
}

impl<F: Format> Files<F> {
    /// What a file, or the members of an archive, can be asked for as.
    fn offered(&self, pattern: &str, found: &Found, spool: &Spool) -> Vec<Offer> {
        let offer = |table: String, found: &Found| {
            let layout = self.format.layout(found, &[], false).ok()?;
            let schema = self.format.schema(&[&layout], &[]).ok()?;
            let names = schema.fields().iter().map(|it| it.name().clone());
            Some(Offer { table, columns: names.filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).collect(), rows: None })
        };
        if !ends(&found.name, &[".zip"]) {
            return offer(pattern.to_owned(), found).into_iter().collect();
        }
        let Ok(mut archive) = Archive::open(found) else { return Vec::new() };
        let members: Vec<_> = archive.members.iter().filter(|it| ends(&it.name, F::ENDINGS)).cloned().collect();
        let mut bytes_left = self.bytes_most();
        let mut of_members = |(members_pattern, members): (String, Vec<Member>)| {
            let found = whole_member::<F>(&mut archive, members.last()?, spool, &mut bytes_left).ok()?;
            offer(format!("{pattern}/{members_pattern}"), &found)
        };
        pick::alike(members, |it| &it.name).into_iter().filter_map(&mut of_members).collect()
    }

    fn bytes_most(&self) -> u64 {
        self.settings.unpacked_gib.max(1) << 30
    }

    fn examined(&self, table: &str, entries: &[Entry]) -> Step {
        let picked = Wanted::read(table).and_then(|it| self.picked(entries, &it));
        match picked {
            Ok(picked) => {
                let bytes: u64 = picked.files.iter().map(|it| it.bytes).sum();
                Step::fine("table", said!("`{table}`：{} 个文件，{bytes} 字节", "`{table}`: {} files, {bytes} bytes", picked.files.len()))
            }
            Err(it) => store::step_failed("table", it),
        }
    }

    /// Picks the files, waits until nobody writes to them any more, fetches and unpacks them, and reads their control files.
    async fn ready(&self, ask: &Ask) -> Result<Ready, Trouble> {
        let wanted = Wanted::read(&ask.table)?;
        let entries = self.settled(&wanted).await?;
        let mut picked = self.picked(&entries, &wanted)?;
        let spool = Arc::new(Spool::default());
        let mut ready = Ready { left: std::mem::take(&mut picked.left), _spool: Arc::clone(&spool), ..Ready::default() };
        let mut bytes_left = self.bytes_most();
        for entry in &picked.files {
            if self.store.path(&entry.name).is_none() {
                let most = || {
                    Trouble::new(said!("超过一次取数的上限", "is more than a pull may fetch"))
                        .of(&entry.name)
                        .hint(said!("上限由 `unpacked_gib` 设定", "`unpacked_gib` sets the limit"))
                };
                bytes_left = bytes_left.checked_sub(entry.bytes).ok_or_else(most)?;
            }
            let found = self.whole(entry, &entries, &spool).await?;
            let control = self.control_beside(entry, &entries, &spool).await?.map(|it| {
                ready.controls.push(it);
                ready.controls.len() - 1
            });
            if !ends(&entry.name, &[".zip"]) {
                self.demand(control, &entry.name)?;
                ready.files.push(File { found, control, alone: true });
                continue;
            }
            let (this, members, spool) = (self.clone(), wanted.members.clone(), Arc::clone(&spool));
            let unpacked = tokio::task::spawn_blocking(move || {
                if let Some(at) = control {
                    ready.controls[at].verify_hash(&hashed(&found)?)?;
                }
                this.unpack(&found, members.as_deref(), control, &spool, &mut bytes_left, &mut ready)?;
                found.unchanged()?;
                Ok::<_, Trouble>((ready, bytes_left))
            });
            (ready, bytes_left) = unpacked.await.unwrap_or_else(|it| Err(Trouble::new(it.to_string())))?;
        }
        if ready.files.iter().any(|it| self.store.path(&it.found.name).is_none()) {
            self.still_there(&picked.files, &wanted).await?;
        }
        Ok(ready)
    }

    /// The files that are wanted. A control file is none of them, unless it is named.
    fn picked(&self, entries: &[Entry], wanted: &Wanted) -> Result<Picked, Trouble> {
        let beside = |it: &Entry| self.settings.control != Controls::Ignored && control::is_control(&it.name) && it.name != wanted.files;
        let files: Vec<Entry> = entries.iter().filter(|it| !beside(it)).cloned().collect();
        pick::pick(&files, &wanted.files, &self.settings.folder, self.settings.pick)
    }

    /// The listing of the folder, once the files that are wanted have not changed for a while.
    async fn settled(&self, wanted: &Wanted) -> Result<Vec<Entry>, Trouble> {
        let entries = self.store.list(wanted.depth()).await?;
        let settle = Duration::from_secs(self.settings.settle_seconds);
        let picked = self.picked(&entries, wanted)?;
        // The age of a file elsewhere is counted on another clock; only a second look tells.
        let old = |it: &Entry| it.changed.and_then(|it| it.elapsed().ok()).is_some_and(|age| age >= settle);
        let here = |it: &Entry| self.store.path(&it.name).is_some();
        if settle.is_zero() || picked.files.iter().all(|it| here(it) && old(it)) {
            return Ok(entries);
        }
        tokio::time::sleep(settle).await;
        let later = self.store.list(wanted.depth()).await?;
        same(&picked.files, &later, "is still being written")?;
        Ok(later)
    }

    /// Refuses copies of files that were replaced while they were fetched.
    async fn still_there(&self, files: &[Entry], wanted: &Wanted) -> Result<(), Trouble> {
        let fetched: Vec<Entry> = files.iter().filter(|it| self.store.path(&it.name).is_none()).cloned().collect();
        if fetched.is_empty() {
            return Ok(());
        }
        same(&fetched, &self.store.list(wanted.depth()).await?, "was changed while it was fetched")
    }

    /// The file, and those beside it that belong to it.
    async fn whole(&self, entry: &Entry, entries: &[Entry], spool: &Spool) -> Result<Found, Trouble> {
        let mut found = self.obtain(entry, spool).await?;
        for beside in entries.iter().filter(|it| belongs(&it.name, &entry.name, F::BESIDE)) {
            found.beside.push(self.obtain(beside, spool).await?);
        }
        Ok(found)
    }

    /// The file where it is, or a whole private copy of it.
    async fn obtain(&self, entry: &Entry, spool: &Spool) -> Result<Found, Trouble> {
        if let Some(path) = self.store.path(&entry.name) {
            return Found::at(path, &entry.name);
        }
        let path = spool.path(&entry.name)?;
        let bytes = self.store.fetch(&entry.name, &path, entry.bytes).await?;
        if bytes != entry.bytes {
            let why = said!("有 {} 字节，只取到 {bytes} 字节", "has {} bytes, and {bytes} came", entry.bytes);
            return Err(Trouble::new(why).of(&entry.name).hint(said!("是不是还在写？", "is it still being written?")).passing());
        }
        Found::at(path, &entry.name)
    }

    /// The control file beside a file, read.
    async fn control_beside(&self, entry: &Entry, entries: &[Entry], spool: &Spool) -> Result<Option<Control>, Trouble> {
        if self.settings.control == Controls::Ignored {
            return Ok(None);
        }
        let names = control::names(&entry.name);
        let Some(beside) = names.iter().find_map(|name| entries.iter().find(|it| it.name == *name && it.name != entry.name)) else {
            return Ok(None);
        };
        let found = self.obtain(beside, spool).await?;
        self.control(&found).map(Some)
    }

    fn control(&self, found: &Found) -> Result<Control, Trouble> {
        let text =
            std::fs::read(&found.path).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")).of(&found.name))?;
        let text = String::from_utf8(text).map_err(|_| Trouble::new(said!("不是 UTF-8", "is no UTF-8")).of(&found.name))?;
        Control::read(&found.name, &text, &self.settings.control_sums)
    }

    fn demand(&self, control: Option<usize>, name: &str) -> Result<(), Trouble> {
        if control.is_none() && self.settings.control == Controls::Required {
            let hint = said!(
                "由送数方在旁边放 `{name}.control.json`；`control` 设定是否必须有",
                "its sender puts `{name}.control.json` beside it; `control` says whether there must be one"
            );
            return Err(Trouble::new(said!("没有控制文件", "has no control file")).of(name).hint(hint).passing());
        }
        Ok(())
    }

    /// Adds the members of an archive that are wanted to the files of the pull.
    fn unpack(
        &self,
        found: &Found,
        pattern: Option<&str>,
        of_archive: Option<usize>,
        spool: &Spool,
        bytes_left: &mut u64,
        ready: &mut Ready,
    ) -> Result<(), Trouble> {
        let mut archive = Archive::open(found)?;
        let wanted = |name: &str| pattern.map_or_else(|| ends(name, F::ENDINGS), |it| fits(it, name));
        let mut members = archive.members.clone();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let mut read = 0;
        for member in &members {
            let name = format!("{}/{}", found.name, member.name);
            if control::is_control(&member.name) && self.settings.control != Controls::Ignored {
                continue;
            }
            if members.iter().any(|it| belongs(&member.name, &it.name, F::BESIDE)) {
                continue;
            }
            if !wanted(&member.name) {
                ready.left.push((name, "member not asked for"));
                continue;
            }
            let names = control::names(&member.name);
            let beside = names.iter().find_map(|name| members.iter().find(|it| it.name == *name));
            let mut control = of_archive;
            if let Some(beside) = beside.filter(|_| self.settings.control != Controls::Ignored) {
                ready.controls.push(self.control(&archive.unpack(beside, spool, bytes_left)?)?);
                control = Some(ready.controls.len() - 1);
            }
            self.demand(control, &name)?;
            let alone = beside.is_some();
            ready.files.push(File { found: whole_member::<F>(&mut archive, member, spool, bytes_left)?, control, alone });
            read += 1;
        }
        if read == 0 {
            let names = crate::near::list(members.iter().map(|it| it.name.as_str()));
            let why = pattern.map_or_else(
                || said!("其中没有 {} 文件", "holds no {} file", F::ENDINGS[0]),
                |it| said!("其中没有名为 `{it}` 的文件", "holds no file called `{it}`"),
            );
            return Err(Trouble::new(why).of(&found.name).hint(said!("其中有 {}", "it holds {}"; names)));
        }
        Ok(())
    }

    fn read(&self, mut ready: Ready, layouts: &[F::Layout], schema: &SchemaRef, ask: &Ask, outlet: &Outlet) -> Result<(), Stopped> {
        for (name, why) in std::mem::take(&mut ready.left) {
            outlet.put(Piece::Skipped(SkippedLine { spot: at(&name), text: name, why }))?;
        }
        let mut tallies: Vec<Tally> = ready.controls.iter_mut().map(|it| it.tally(schema)).collect();
        for control in &ready.controls {
            for key in &control.others {
                outlet.put(Piece::Skipped(SkippedLine { spot: at(&control.name), text: key.clone(), why: "not verified" }))?;
            }
        }
        for (nth, (file, layout)) in ready.files.iter().zip(layouts).enumerate() {
            let before = file.control.map_or_else(Tally::default, |it| std::mem::take(&mut tallies[it]));
            let out = Counted::new(outlet, before);
            self.format.read(&file.found, layout, &Reading { schema, ask, out: &out }).map_err(|it| match it {
                Stopped::Broke(trouble) => Stopped::Broke(trouble.of(&file.found.name)),
                stop @ Stopped::Stop(_) => stop,
            })?;
            let tally = out.tally();
            let read = hashed(&file.found)?;
            file.found.unchanged()?;
            if let Some(at) = file.control {
                let control = &ready.controls[at];
                if file.alone {
                    control.verify_hash(&read)?;
                }
                if ready.files[nth + 1..].iter().all(|it| it.control != Some(at)) {
                    control.verify(&file.found.name, &tally)?;
                }
                tallies[at] = tally;
            }
            outlet.put(Piece::File(read))?;
        }
        Ok(())
    }
}

/// A member, and those beside it that belong to it.
fn whole_member<F: Format>(archive: &mut Archive, member: &Member, spool: &Spool, bytes_left: &mut u64) -> Result<Found, Trouble> {
    let mut found = archive.unpack(member, spool, bytes_left)?;
    let besides: Vec<Member> = archive.members.iter().filter(|it| belongs(&it.name, &member.name, F::BESIDE)).cloned().collect();
    for beside in besides {
        found.beside.push(archive.unpack(&beside, spool, bytes_left)?);
    }
    Ok(found)
}

/// Whether `beside` is called like `name`, but for one of the `endings`; DOS knew no small letters.
fn belongs(beside: &str, name: &str, endings: &[&str]) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem);
    beside.to_ascii_lowercase().strip_prefix(stem).is_some_and(|it| endings.contains(&it))
}

fn hashed(found: &Found) -> Result<crate::ReadFile, Trouble> {
    found.read_file().map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")).of(&found.name))
}

fn at(file: &str) -> Spot {
    Spot { file: Some(file.to_owned()), sheet: None, row: None }
}

/// Refuses files that are not as they were.
fn same(before: &[Entry], now: &[Entry], otherwise: &str) -> Result<(), Trouble> {
    match before.iter().find(|it| !now.contains(it)) {
        None => Ok(()),
        Some(changed) => Err(Trouble::new(otherwise)
            .of(&changed.name)
            .hint(said!("`settle_seconds` 设定文件静止多久才读取", "`settle_seconds` says how long a file must rest before it is read"))
            .passing()),
    }
}

//! What an operator sets: `config/muster.toml`, one file per department, and the mappings and cards they name.
//!
//! Everything is read and checked before a night begins; all mistakes of all files are told at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use muster_connectors::{Connector, Hidden, KINDS, Kind, Place, Secret};
use muster_core::calendar::{self, Calendar};
use muster_core::category;
use muster_core::diag::{Mistake, Said, Source, did_you_mean, perhaps, said};
use muster_core::mapping::{self, Mapping, Title};
use muster_core::report::{ReportColumn, shipped_columns};
use muster_core::rule::{self, Rule, Tuning};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::archive::Archive;
use crate::case::settings::CaseSettings;
use crate::doctor::beyond;
use crate::mail::kind;
use crate::mail::smime::{Certificate, Certificates};
use crate::mail::{Attach, MailFile, MailSettings, Templates};
use crate::people::{self, Person};
use crate::pull::{PullFile, PullSettings};
use crate::retain::RetainSettings;
use crate::run::Stop;
use crate::schedule::{Schedule, ScheduleFile};
use crate::sheet::SheetSettings;
use crate::shipped;
use crate::store::db::Address;
use crate::telemetry::TelemetrySettings;
use crate::vault::Vault;
use crate::words::Lang;

/// `config/muster.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The city's name.
    pub city: Title,
    /// Its division code, six digits of GB/T 2260.
    pub region: String,
    /// Where deliveries, nights and the store are kept; below the root.
    #[serde(default = "data_folder")]
    pub data: PathBuf,
    /// Folder of mappings; those that come with the binary are found without it.
    #[serde(default = "mappings_folder")]
    pub mappings: PathBuf,
    /// Folder of the city's own rule cards, beside those that come with the binary.
    #[serde(default = "rules_folder")]
    pub rules: PathBuf,
    /// Where it is remembered which cards held, so that they are not proved again; below the root. Null: `proved.json` in `data`.
    #[serde(default)]
    pub proved: Option<PathBuf>,
    /// Other names of units: a CSV file with the columns `alias` and `unit_code`.
    #[serde(default)]
    pub unit_aliases: Option<PathBuf>,
    /// What reports show.
    #[serde(default)]
    pub report: ReportSettings,
    /// What the engine may use.
    #[serde(default)]
    pub engine: EngineSettings,
    /// Where the store lies.
    #[serde(default)]
    pub store: StoreSettings,
    /// How letters are sent; null sends none.
    #[serde(default)]
    pub mail: Option<MailFile>,
    /// When nights are due.
    #[serde(default)]
    pub schedule: ScheduleFile,
    /// The daemon.
    #[serde(default)]
    pub serve: ServeSettings,
    /// Who is sent the trace of a night.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
    /// How long what is kept is kept.
    #[serde(default)]
    pub retain: RetainSettings,
    /// How long the steps of a case may take, and who hears when they take longer.
    #[serde(default)]
    pub cases: CaseSettings,
}

/// `[serve]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// Where watchers ask (`127.0.0.1:9464`); null: nowhere.
    pub listen: Option<SocketAddr>,
}

/// `[store]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Where the address of a PostgreSQL database is kept (`postgres://user:password@host/database`); null keeps the store in
    /// `muster.db` in the data folder.
    pub url: Option<Secret>,
}

/// `[report]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Language of workbook and page.
    pub lang: Lang,
    /// Whether the workbook shows whole ID numbers; the page never does.
    pub full_ids: bool,
    /// Where every night leaves workbook and page, which name people and are not sealed; null: nowhere.
    pub folder: Option<PathBuf>,
    /// Where the password of workbooks is kept; null: they have none. Workbooks with whole ID numbers must have one.
    pub password: Option<Secret>,
    /// Columns of the case sheets; the shipped ones where empty.
    pub columns: Vec<ReportColumn>,
}

impl ReportSettings {
    /// What the workbook is told.
    pub fn sheet(&self) -> SheetSettings {
        let columns = if self.columns.is_empty() { shipped_columns() } else { self.columns.clone() };
        SheetSettings { lang: self.lang, full_ids: self.full_ids, columns }
    }
}

/// `[engine]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSettings {
    /// Memory pool of the query engine in MiB.
    pub memory_mib: usize,
    /// Partitions of a query; 0 takes one per core.
    pub partitions: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        EngineSettings { memory_mib: 1024, partitions: 0 }
    }
}

fn data_folder() -> PathBuf {
    "data".into()
}
fn mappings_folder() -> PathBuf {
    "mappings".into()
}
fn rules_folder() -> PathBuf {
    "rules".into()
}

/// `config/departments/*.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepartmentFile {
    /// Kebab-case id.
    pub name: String,
    /// What people call it.
    pub title: Title,
    /// Name of its mapping, without `.toml`.
    pub mapping: String,
    /// Who gets its report by mail.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// Which letters they get.
    #[serde(default = "kind::usual")]
    pub letters: Vec<kind::Kind>,
    /// Whether their nightly letter comes too when nothing is new.
    #[serde(default = "kind::heartbeat")]
    pub heartbeat: bool,
    /// Days after which operators hear that a feed is late, by feed; `*` is all others.
    #[serde(default)]
    pub late_days: BTreeMap<String, u32>,
    /// How patiently its systems are asked.
    #[serde(default)]
    pub pull: PullFile,
    /// How to reach its systems, by name; `pull` in one of them overrides the department's.
    pub source: BTreeMap<String, toml::Table>,
}

/// A department, ready to be pulled from.
pub struct Department {
    /// What its file says.
    pub file: DepartmentFile,
    /// Its checked mapping.
    pub mapping: Mapping,
    /// Its sources, by name.
    pub sources: BTreeMap<String, Box<dyn Connector>>,
    /// How patiently each of them is asked.
    pub pulls: BTreeMap<String, PullSettings>,
}

/// A whole configuration, checked.
pub struct City {
    /// Folder that relative paths are below.
    pub root: PathBuf,
    /// `muster.key` beside `muster.toml`: the keys, unless the environment or systemd hands them over.
    pub key_file: PathBuf,
    /// What `muster.toml` says.
    pub settings: Settings,
    /// In file-name order.
    pub departments: Vec<Department>,
    /// Shipped cards and the city's own, as written, in id order.
    pub rules: Vec<Rule>,
    /// What the city sets otherwise than the cards, by rule id: `rules.toml` beside `muster.toml`.
    pub tunings: BTreeMap<String, Tuning>,
    /// What official documents call what the rules find.
    pub categories: Vec<category::List>,
    /// Public holidays: `holidays.toml` beside `muster.toml`, or the shipped ones.
    pub calendar: Arc<Calendar>,
    /// Declared aliases: name and unit code.
    pub aliases: Vec<(String, String)>,
    /// How letters are sent; null sends none.
    pub mail: Option<MailSettings>,
    /// When nights are due.
    pub schedule: Schedule,
    /// Who may see what: `people.toml` beside `muster.toml`; nobody without it.
    pub people: Vec<Person>,
}

impl Settings {
    /// The file of proved cards: data, and so where data may be written.
    fn proved(&self, root: &Path) -> PathBuf {
        self.proved.as_ref().map_or_else(|| root.join(&self.data).join("proved.json"), |it| root.join(it))
    }
}

impl City {
    /// Where deliveries, nights and the store are kept.
    pub fn data(&self) -> PathBuf {
        self.root.join(&self.settings.data)
    }

    /// The keys of personal data, from the first place that has them: the variable `MUSTER_KEY`, systemd's credential `muster.key`,
    /// the file `muster.key` beside `muster.toml`.
    pub fn vault(&self) -> Result<Arc<Vault>, Stop> {
        let mistake = |place: String, why: String, label: &str, hint: &str| {
            Stop::Mistakes(vec![Source::new(place, "").mistake(0..0, why, label).try_this(hint)])
        };
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|it| Path::new(&it).join("muster.key")).filter(|it| it.exists());
        let (place, text) = match (std::env::var("MUSTER_KEY"), credential) {
            (Ok(text), _) => ("MUSTER_KEY".to_owned(), text),
            (Err(_), credential) => {
                let path = credential.unwrap_or_else(|| self.key_file.clone());
                let place = path.display().to_string();
                let text = std::fs::read_to_string(&path).map_err(|err| {
                    let why = format!("the key of personal data cannot be read: {err}");
                    let hint = if self.has_sealed_data() {
                        "put the key back that the data was sealed with: there is no other way to open it"
                    } else {
                        "`muster key new` writes one; or hand it over as MUSTER_KEY, or as systemd's credential muster.key"
                    };
                    mistake(place.clone(), why, "nothing is read or written without it", hint)
                })?;
                if std::fs::metadata(&path)?.permissions().mode() & 0o007 != 0 {
                    let why = "everybody on this machine can read the key of personal data".to_owned();
                    return Err(mistake(place, why, "its mode", "chmod 600"));
                }
                (place, text)
            }
        };
        let read = Vault::read(&text);
        read.map(Arc::new).map_err(|why| mistake(place, why, "the key of personal data", "`muster key new` writes a right one"))
    }

    /// The password of workbooks; null when they have none. The message says where it was looked for.
    pub fn report_password(&self) -> Result<Option<Hidden>, Stop> {
        self.settings.report.password.as_ref().map(|it| it.fetch(&self.root)).transpose().map_err(|it| Stop::Trouble(it.into()))
    }

    /// Whether nights or deliveries are there, which only their own key opens.
    pub fn has_sealed_data(&self) -> bool {
        ["nights", "deliveries"].iter().any(|it| self.data().join(it).read_dir().is_ok_and(|mut it| it.next().is_some()))
    }

    /// Where the reports of a night lie; null when the operator wants none there.
    pub fn reports(&self, night: NaiveDate) -> Option<PathBuf> {
        Some(self.root.join(self.settings.report.folder.as_ref()?).join(night.to_string()))
    }

    /// Its deliveries and nights.
    pub fn archive(&self) -> Result<Archive, Stop> {
        Ok(Archive { data: self.data(), vault: self.vault()? })
    }

    /// Where the store lies; the message says where its address was looked for.
    pub fn store(&self) -> Result<Address, String> {
        let Some(url) = &self.settings.store.url else { return Ok(Address::File(self.data().join("muster.db"))) };
        Address::server(url.fetch(&self.root)?.reveal())
    }

    /// Where it is remembered which cards held: `MUSTER_PROVED`, where several cities share it, or what the configuration says.
    pub fn proved(&self) -> PathBuf {
        std::env::var_os("MUSTER_PROVED").map_or_else(|| self.settings.proved(&self.root), PathBuf::from)
    }

    /// What the city sets otherwise than `card`.
    pub fn tuning(&self, card: &Rule) -> Option<&Tuning> {
        self.tunings.get(&card.id)
    }

    /// The department called `name`, or what it could have been.
    pub fn department(&self, name: &str) -> Result<&Department, String> {
        self.departments
            .iter()
            .find(|it| it.file.name == name)
            .ok_or_else(|| did_you_mean(name, self.departments.iter().map(|it| it.file.name.as_str()), "see config/departments"))
    }
}

/// Reads `config/muster.toml` and everything that it names.
pub fn read(path: &Path) -> Result<City, Vec<Mistake>> {
    let root = root_of(path);
    let source = file(path, Some(said!("用 `muster init` 写一份", "write one with `muster init`")))?;
    let settings: Settings = parse(&source).map_err(|it| vec![it])?;
    let mut mistakes = Vec::new();
    let departments = departments(path, &root, &settings, &mut mistakes);
    let rules = rules(&root.join(&settings.rules), &mut mistakes);
    // What stands beside the cards is read against them: it would only repeat their mistakes.
    let (mut tuned, mut listed) = (BTreeMap::new(), Vec::new());
    if mistakes.is_empty() {
        tuned = tunings(path, &rules, &mut mistakes);
        listed = categories(&root.join(&settings.rules), &rules, &mut mistakes);
    }
    let calendar = holidays(path, &mut mistakes);
    let people = people_beside(path, &departments, &mut mistakes);
    let schedule = schedule(&source, &settings.schedule, &root, &mut mistakes);
    mistakes.extend(
        settings
            .retain
            .wrong()
            .into_iter()
            .map(|(key, why)| source.mistake(find(&source, key), why, "here").try_this("a number of months from 1 to 1200")),
    );
    let certificates = certificates(path, &root, &people, &mut mistakes);
    let mut mail = settings.mail.clone().and_then(|it| mail(&source, it, &root, &mut mistakes));
    if let Some(mail) = &mut mail {
        mail.certificates = certificates;
        unfit(&source, mail, &settings.report, &mut mistakes);
        mail.templates = Templates::read(&path.with_file_name("mail")).unwrap_or_else(|more| {
            mistakes.extend(more);
            Templates::default()
        });
    }
    if let Some((text, why)) = settings.telemetry.wrong() {
        let hint = "write one like http://127.0.0.1:4318/v1/traces; a login goes into OTEL_EXPORTER_OTLP_HEADERS";
        mistakes.push(source.mistake(find(&source, text), why, "here").try_this(hint));
    }
    if settings.schedule.mail.holds() && settings.mail.is_none() {
        let why = "letters have times and there is no [mail]";
        mistakes.push(source.mistake(find(&source, "[schedule.mail]"), why, "here").try_this("add [mail], or take this away"));
    }
    let wrong = settings.cases.wrong(&people);
    mistakes.extend(wrong.into_iter().map(|(key, why, hint)| source.mistake(find(&source, &key), why, "here").try_this(hint)));
    let aliases = settings.unit_aliases.as_ref().map_or_else(Vec::new, |it| aliases(&root.join(it), &mut mistakes));
    if let (Some(schedule), true) = (schedule, mistakes.is_empty()) {
        let key_file = path.with_file_name("muster.key");
        Ok(City {
            root,
            key_file,
            settings,
            departments,
            rules,
            tunings: tuned,
            categories: listed,
            calendar,
            aliases,
            mail,
            schedule,
            people,
        })
    } else {
        Err(mistakes)
    }
}

/// The folder above `config/`, or the folder of the file when it is not in one.
fn root_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.file_name() {
        Some(name) if name == "config" => folder.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned(),
        _ => folder.to_owned(),
    }
}

fn departments(path: &Path, root: &Path, settings: &Settings, mistakes: &mut Vec<Mistake>) -> Vec<Department> {
    let folder = path.parent().unwrap_or(Path::new(".")).join("departments");
    let paths = toml_files(&folder);
    if paths.is_empty() {
        mistakes.push(
            Source::new(folder.display().to_string(), "")
                .mistake(0..0, said!("没有部门文件", "no department file"), said!("这里应有 *.toml", "expected *.toml here"))
                .try_this(said!("`muster init` 能从来源写出一份", "`muster init` writes one from a live source")),
        );
    }
    let mut departments: Vec<Department> = Vec::new();
    for path in paths {
        match department(&path, root, settings) {
            Ok(it) => departments.push(it),
            Err(more) => mistakes.extend(more),
        }
    }
    departments
}

fn department(path: &Path, root: &Path, settings: &Settings) -> Result<Department, Vec<Mistake>> {
    let source = file(path, None)?;
    let file: DepartmentFile = parse(&source).map_err(|it| vec![it])?;
    let mut mistakes = Vec::new();
    let (mut sources, mut pulls) = (BTreeMap::new(), BTreeMap::new());
    for (name, table) in &file.source {
        let place = Place { department: file.name.clone(), source: name.clone(), root: root.to_owned() };
        let mut table = table.clone();
        if table.remove("expires").is_some_and(|it| beyond::day_in(&it).is_none()) {
            let at = find(&source, "expires");
            mistakes.push(
                source
                    .mistake(at, said!("`expires` 不是日期", "`expires` is no day"), said!("此处", "here"))
                    .try_this(said!("口令到期的那一天，如 \"2027-03-01\"", "the day on which the password ends, like \"2027-03-01\"")),
            );
        }
        match table.remove("pull").map_or(Ok(PullFile::default()), toml::Value::try_into) {
            Ok(own) => drop(pulls.insert(name.clone(), PullSettings::of(file.pull, own))),
            Err(why) => {
                mistakes.push(source.mistake(
                    find(&source, &format!("[source.{name}.pull]")),
                    why.message(),
                    said!("如何取数", "how this source is asked"),
                ));
            }
        }
        match muster_connectors::open(place, table) {
            Ok(it) => drop(sources.insert(name.clone(), it)),
            Err(why) => mistakes.push({
                let why = Said { zh: why.zh, en: why.en };
                source.mistake(find(&source, &format!("[source.{name}]")), why, said!("这个来源", "this source"))
            }),
        }
    }
    for address in file.reviewers.iter().filter(|it| !it.contains('@')) {
        let mistake = source.mistake(
            find(&source, address),
            said!("`{address}` 不是邮箱地址", "`{address}` is no e-mail address"),
            said!("这位收件人", "this reviewer"),
        );
        let hint = said!("收件人写邮箱地址，如 name@city.example", "reviewers are e-mail addresses, like name@city.example");
        mistakes.push(mistake.try_this(hint));
    }
    let mapping = match mapping_called(&file.mapping, &root.join(&settings.mappings)) {
        Ok(it) => Some(it),
        Err(None) => {
            let known: Vec<String> = shipped_names(shipped::MAPPINGS);
            let otherwise = said!("映射在 `mappings` 文件夹中", "mappings are in the folder `mappings`");
            let hint = perhaps(&file.mapping, known.iter().map(String::as_str), otherwise);
            let what = said!("没有映射 `{}`", "no mapping `{}`", file.mapping);
            mistakes.push(source.mistake(find(&source, "mapping"), what, said!("此处", "here")).try_this(hint));
            None
        }
        Err(Some(more)) => {
            mistakes.extend(more);
            None
        }
    };
    if let Some(mapping) = &mapping {
        mistakes.extend(mapping.feeds.iter().filter_map(|feed| {
            let named = feed.source.as_deref();
            let found = named.map_or(sources.len() == 1, |it| sources.contains_key(it));
            (!found && sources.len() == file.source.len()).then(|| {
                let what = named.map_or_else(
                    || said!("数据源 `{}` 须写明读哪个来源", "feed `{}` must say which of the sources it reads", feed.name),
                    |it| {
                        said!(
                            "数据源 `{}` 读来源 `{it}`，而本部门没有",
                            "feed `{}` reads source `{it}`, which this department does not have",
                            feed.name
                        )
                    },
                );
                let hint = perhaps(
                    named.unwrap_or(""),
                    file.source.keys().map(String::as_str),
                    said!("加上 [source.…]，或在数据源中写 `source`", "add a [source.…] or set `source` in the feed"),
                );
                source.mistake(find(&source, "[source"), what, said!("来源在这里", "the sources are here")).try_this(hint)
            })
        }));
    }
    for name in file.late_days.keys().filter(|it| *it != "*") {
        let Some(mapping) = mapping.as_ref().filter(|it| !it.feeds.iter().any(|feed| feed.name == *name)) else { continue };
        let otherwise = said!("数据源写在映射中；`*` 指全部", "feeds are in the mapping; `*` is all of them");
        let hint = perhaps(name, mapping.feeds.iter().map(|it| it.name.as_str()), otherwise);
        let what = said!("没有数据源 `{name}`", "no feed `{name}`");
        mistakes.push(source.mistake(find(&source, "late_days"), what, said!("此处", "here")).try_this(hint));
    }
    for feed in mapping.iter().flat_map(|it| &it.feeds) {
        mistakes.extend(unable_in_parts(&source, &file, feed));
    }
    match mapping {
        Some(mapping) if mistakes.is_empty() => Ok(Department { file, mapping, sources, pulls }),
        _ => Err(mistakes),
    }
}

/// A feed that is pulled in parts needs a source that can be asked for what changed, and for a list of what it has.
fn unable_in_parts(source: &Source, file: &DepartmentFile, feed: &mapping::Feed) -> Option<Mistake> {
    feed.incremental.as_ref()?;
    let table = feed.source.as_ref().map_or_else(|| file.source.values().next(), |it| file.source.get(it))?;
    let name = table.get("kind")?.as_str()?;
    let kind = KINDS.iter().find(|it| it.name == name)?;
    let able = |it: &Kind| it.since && LIST_KINDS.contains(&it.name);
    (!able(kind)).then(|| {
        let known: Vec<&str> = KINDS.iter().filter(|it| able(it)).map(|it| it.name).collect();
        let what = said!(
            "数据源 `{}` 写了 `incremental`，而 `{name}` 来源不能增量取数",
            "feed `{}` is `incremental`, but a source of kind `{name}` cannot be pulled in parts",
            feed.name
        );
        let hint = said!(
            "去掉映射中的 `incremental`；能增量的有：{}",
            "remove `incremental` from the mapping; kinds that can are: {}",
            known.join(", ")
        );
        source.mistake(find(source, "[source"), what, said!("来源在这里", "the source is here")).try_this(hint)
    })
}

/// Kinds that answer a query, and so can list their keys.
const LIST_KINDS: [&str; 5] = ["postgres", "mysql", "sqlserver", "sqlite", "odbc"];

/// The mapping called `name`: the city's own before the shipped one. `Err(None)` when there is none.
pub fn mapping_called(name: &str, folder: &Path) -> Result<Mapping, Option<Vec<Mistake>>> {
    let own = folder.join(format!("{name}.toml"));
    let beside = |it: &str| std::fs::read_to_string(folder.join(it)).ok().or_else(|| shipped_text(shipped::MAPPINGS, it));
    let source = match std::fs::read_to_string(&own) {
        Ok(text) => Source::new(own.display().to_string(), text),
        Err(_) => Source::new(format!("mappings/{name}.toml"), shipped_text(shipped::MAPPINGS, &format!("{name}.toml")).ok_or(None)?),
    };
    mapping::read(&source, &beside).map_err(Some)
}

/// The shipped cards and those in `folder`; a card of the folder replaces a shipped one of the same file name.
pub fn rules(folder: &Path, mistakes: &mut Vec<Mistake>) -> Vec<Rule> {
    let mut texts: BTreeMap<String, (String, String)> =
        shipped::RULES.iter().map(|(name, text)| ((*name).to_owned(), (format!("rules/{name}"), (*text).to_owned()))).collect();
    for path in files_ending(folder, "md") {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        match file(&path, None) {
            Ok(source) => drop(texts.insert(name, (source.path, source.text))),
            Err(more) => mistakes.extend(more),
        }
    }
    let mut rules = Vec::new();
    for (path, text) in texts.into_values() {
        match rule::read(Source::new(path, text)) {
            Ok(it) => rules.push(it),
            Err(more) => mistakes.extend(more),
        }
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    mistakes.extend(rules.windows(2).filter(|it| it[0].id == it[1].id).map(|it| same_id(&it[0], &it[1])));
    rules
}

/// Two cards of one id: cases hang on ids, so that two rules under one would write into each other's cases.
fn same_id(one: &Rule, other: &Rule) -> Mistake {
    let is_shipped = |it: &&Rule| shipped::RULES.iter().any(|(_, text)| *text == it.source.text);
    let (taken, new) = if is_shipped(&other) { (other, one) } else { (one, other) };
    let at = new.source.text.find(&format!("\"{}\"", new.id)).map_or(0..0, |at| at..at + new.id.len() + 2);
    let hint = said!(
        "另取编号；若要替换那张卡片，文件名须为 {}.md",
        "choose another id; or, to replace that card, call this file {}.md",
        taken.name
    );
    let what = said!("编号 `{}` 已被 {} 占用", "the id `{}` is taken by {}", new.id, taken.source.path);
    new.source.mistake(at, what, said!("此处", "here")).try_this(hint)
}

/// Who may see what.
fn people_beside(path: &Path, departments: &[Department], mistakes: &mut Vec<Mistake>) -> Vec<Person> {
    let path = path.with_file_name("people.toml");
    // Read against the departments: without them it would only repeat their mistakes.
    if !path.exists() || !mistakes.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = departments.iter().map(|it| it.file.name.as_str()).collect();
    file(&path, None).and_then(|source| people::people(&source, &names)).unwrap_or_else(|more| {
        mistakes.extend(more);
        Vec::new()
    })
}

/// The certificates that letters to people are encrypted for.
fn certificates(path: &Path, root: &Path, people: &[Person], mistakes: &mut Vec<Mistake>) -> Certificates {
    let mut certificates = Certificates::default();
    for person in people {
        let Some(file) = &person.smime else { continue };
        match Certificate::read(&root.join(file)) {
            Ok(it) => certificates.add(&person.id, &person.address, it),
            Err((why, hint)) => {
                let path = path.with_file_name("people.toml");
                let source = Source::new(path.display().to_string(), std::fs::read_to_string(&path).unwrap_or_default());
                mistakes.push(source.mistake(find(&source, &file.display().to_string()), why, "this certificate").try_this(hint));
            }
        }
    }
    certificates
}

/// When nights are due.
fn schedule(source: &Source, file: &ScheduleFile, root: &Path, mistakes: &mut Vec<Mistake>) -> Option<Schedule> {
    let told = |(about, why): (String, String)| {
        let at = find(source, &about);
        mistakes.push(source.mistake(if at.is_empty() { find(source, "[schedule]") } else { at }, why, "here"));
    };
    file.check(root).map_err(|wrong| wrong.into_iter().for_each(told)).ok()
}

/// How letters are sent.
fn mail(source: &Source, file: MailFile, root: &Path, mistakes: &mut Vec<Mistake>) -> Option<MailSettings> {
    let told = |(about, why): (String, String)| {
        let at = find(source, &about);
        mistakes.push(source.mistake(if at.is_empty() { find(source, "[mail]") } else { at }, why, "here"));
    };
    file.check(root).map_err(|wrong| wrong.into_iter().for_each(told)).ok()
}

/// Workbooks leave by mail under a password, or without whole ID numbers.
fn unfit(source: &Source, mail: &MailSettings, report: &ReportSettings, mistakes: &mut Vec<Mistake>) {
    let (why, hint) = match mail.file.attach {
        Attach::Encrypted if report.password.is_none() => {
            ("`attach = \"encrypted\"` needs a password for the workbooks", "set `password` in [report]")
        }
        Attach::Clear if report.full_ids => {
            ("workbooks with whole ID numbers do not leave in clear", "write `attach = \"encrypted\"`, or remove `full_ids` from [report]")
        }
        _ => return,
    };
    mistakes.push(source.mistake(find(source, "attach"), why, "here").try_this(hint));
}

/// The city's own holidays, or the shipped ones.
fn holidays(path: &Path, mistakes: &mut Vec<Mistake>) -> Arc<Calendar> {
    let path = path.with_file_name("holidays.toml");
    if !path.exists() {
        return Calendar::shipped();
    }
    file(&path, None).and_then(|source| calendar::read(&source)).map_or_else(
        |more| {
            mistakes.extend(more);
            Calendar::shipped()
        },
        Arc::new,
    )
}

/// The city's own lists of official categories, or the shipped ones.
pub fn categories(folder: &Path, rules: &[Rule], mistakes: &mut Vec<Mistake>) -> Vec<category::List> {
    let own = folder.join("categories.toml");
    let source = if own.exists() { file(&own, None) } else { Ok(Source::new("rules/categories.toml", category::SHIPPED)) };
    source.and_then(|it| category::read(&it, rules, own.exists())).unwrap_or_else(|more| {
        mistakes.extend(more);
        Vec::new()
    })
}

/// The city's settings of rules; none without the file.
fn tunings(path: &Path, rules: &[Rule], mistakes: &mut Vec<Mistake>) -> BTreeMap<String, Tuning> {
    let path = path.with_file_name("rules.toml");
    if !path.exists() {
        return BTreeMap::new();
    }
    file(&path, None).and_then(|source| rule::tunings(&source, rules)).unwrap_or_else(|more| {
        mistakes.extend(more);
        BTreeMap::new()
    })
}

fn aliases(path: &Path, mistakes: &mut Vec<Mistake>) -> Vec<(String, String)> {
    let source = match file(path, Some(said!("一个 CSV 文件，列为 alias,unit_code", "a CSV file with the columns alias,unit_code")))
    {
        Ok(it) => it,
        Err(more) => {
            mistakes.extend(more);
            return Vec::new();
        }
    };
    let mut reader = csv::Reader::from_reader(source.text.as_bytes());
    let rows = reader.deserialize::<(String, String)>().collect::<Result<Vec<_>, _>>();
    rows.unwrap_or_else(|err| {
        let at = err.position().map_or(0, |it| it.byte() as usize);
        mistakes.push(source.mistake(at..at, said!("每行须为 alias,unit_code", "a row must be alias,unit_code"), said!("此处", "here")));
        Vec::new()
    })
}

fn file(path: &Path, hint: Option<Said>) -> Result<Source, Vec<Mistake>> {
    let shown = path.display().to_string();
    std::fs::read_to_string(path).map(|text| Source::new(&shown, text)).map_err(|err| {
        let mistake = Source::new(&shown, "").mistake(0..0, said!("无法读取 {shown}：{err}", "cannot read {shown}: {err}"), "");
        vec![match hint {
            Some(hint) => mistake.try_this(hint),
            None => mistake,
        }]
    })
}

/// Reads TOML; a mistake points at its place and, for a misspelt key, names the nearest one.
#[allow(clippy::result_large_err, reason = "a mistake ends the command; it is never made in a loop over rows")]
fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Mistake> {
    toml::from_str(&source.text).map_err(|err: toml::de::Error| {
        let message = err.message().to_owned();
        let mut words = message.split('`').skip(1).step_by(2);
        let what = in_both(message.lines().next().unwrap_or_default());
        let mistake = source.mistake(err.span().unwrap_or(0..0), what, said!("此处", "here"));
        match (message.starts_with("unknown"), words.next()) {
            (true, Some(wrong)) => {
                mistake.try_this(perhaps(wrong, words, said!("各键见 docs/config.md", "the keys are listed in docs/config.md")))
            }
            _ => mistake,
        }
    })
}

/// What the reader of TOML says, in both languages where it says it often.
fn in_both(message: &str) -> Said {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let zh = match message {
        it if it.starts_with("missing field") => format!("缺少 `{quoted}`"),
        it if it.starts_with("unknown field") => format!("没有 `{quoted}` 这一项"),
        it if it.starts_with("unknown variant") => format!("不能写 `{quoted}`"),
        it if it.starts_with("duplicate key") => "同一个键写了两次".to_owned(),
        it if it.starts_with("invalid type") || it.starts_with("invalid value") => format!("类型或取值不对（{it}）"),
        it => format!("不是 TOML（{it}）"),
    };
    Said { zh, en: message.to_owned() }
}

fn find(source: &Source, text: &str) -> std::ops::Range<usize> {
    source.text.find(text).map_or(0..0, |at| at..at + text.len())
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    files_ending(folder, "toml")
}

fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|it| it.path());
    let mut paths: Vec<PathBuf> = entries.filter(|it| it.extension().is_some_and(|it| it == ending)).collect();
    paths.sort();
    paths
}

fn shipped_text(list: &[(&str, &str)], name: &str) -> Option<String> {
    list.iter().find(|(it, _)| *it == name).map(|(_, text)| (*text).to_owned())
}

fn shipped_names(list: &[(&str, &str)]) -> Vec<String> {
    list.iter().filter_map(|(name, _)| name.strip_suffix(".toml")).map(str::to_owned).collect()
}

/// Names of the mappings that come with the binary.
pub fn shipped_mappings() -> Vec<String> {
    shipped_names(shipped::MAPPINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proved_is_remembered_where_data_may_be_written() {
        let settings = |more: &str| -> Settings {
            let text = format!("region = \"330683\"\n{more}\ncity = {{ zh = \"嵊州\", en = \"Shengzhou\" }}\n");
            parse(&Source::new("muster.toml", text)).expect("right")
        };
        let root = Path::new("/etc/muster");
        for (more, wanted) in [
            ("", "/etc/muster/data/proved.json"),
            ("data = \"/var/lib/muster\"", "/var/lib/muster/proved.json"),
            ("proved = \"/tmp/proved.json\"", "/tmp/proved.json"),
        ] {
            assert_eq!(settings(more).proved(root), Path::new(wanted), "{more}");
        }
    }
}

//! `muster bench pull`: five million payroll rows of twelve columns out of a database or a file into Arrow, by the connector that a
//! night uses. The pull runs in a process of its own, so that its processor time and memory are its own.

mod fill;
mod one;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::cli::{BenchPullArgs, PullOneArgs};
use crate::clock::Stopwatch;
use crate::commands::{Code, Done, Say};
use crate::init;
use crate::run::Stop;
use crate::words::{Lang, count, pad, pad_left};

/// The environment variable by which the child is told the password of `--url`.
const PASSWORD: &str = "MUSTER_BENCH_PASSWORD";

/// What one pull came to; the child prints it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pulled {
    /// Rows that came.
    pub rows: u64,
    /// Batches.
    pub batches: u64,
    /// Bytes of the Arrow arrays, all batches together.
    pub arrow_mib: u64,
    /// Wall time of the pull.
    pub seconds: f64,
    /// Processor time of the whole process.
    pub cpu_seconds: f64,
    /// The most memory it ever held.
    pub peak_mib: u64,
}

#[derive(Serialize)]
struct Told<'a> {
    kind: &'a str,
    table: &'a str,
    rows_per_second: f64,
    #[serde(flatten)]
    pulled: &'a Pulled,
    /// The library alone, without Arrow, where that is measured.
    alone: Option<&'a Pulled>,
}

/// Fills what is to be pulled unless it is there, pulls it in a process of its own, and prints the figures.
pub async fn pull(args: &BenchPullArgs, say: Say) -> Done {
    let out = std::path::absolute(&args.out)?;
    let clock = Stopwatch::start();
    let target = target(args, &out)?;
    if fill::fill(&target, args.rows).await.map_err(|err| Stop::Trouble(err.to_string()))? {
        eprintln!("{} {:.0} s", say.lang.pick("数据生成用时", "the rows were written in"), clock.elapsed().as_secs_f64());
    }
    let mut settings = args.set.clone();
    settings.extend(target.settings.clone());
    let pulled = child(&target, &settings, false)?;
    let alone = if args.kind == "xlsx" { Some(child(&target, &settings, true)?) } else { None };
    let rows_per_second = pulled.rows as f64 / pulled.seconds.max(0.001);
    let told = Told { kind: &args.kind, table: &target.table, rows_per_second, pulled: &pulled, alone: alone.as_ref() };
    say.print(&told, || text(&told, say.lang));
    Ok(if pulled.rows == args.rows || !target.is_ours { Code::Fine } else { Code::Defects })
}

/// What is pulled from: a server of the caller's, or a file of ours.
pub struct Target {
    kind: String,
    /// How to write to it, for servers.
    url: Option<String>,
    /// The file, for files.
    file: PathBuf,
    /// What the connector is asked for.
    table: String,
    /// Settings of the connector, as `--set` has them.
    settings: Vec<String>,
    password: Option<String>,
    /// Whether this command may write to it.
    is_ours: bool,
}

fn target(args: &BenchPullArgs, out: &Path) -> Result<Target, Stop> {
    std::fs::create_dir_all(out)?;
    let file = |name: String| out.join(name);
    let mut target = Target {
        kind: args.kind.clone(),
        url: args.url.clone(),
        file: PathBuf::new(),
        table: args.table.clone().unwrap_or_else(|| "bench_pay".to_owned()),
        settings: Vec::new(),
        password: None,
        is_ours: args.table.is_none(),
    };
    let folder = format!("folder={:?}", out.display().to_string());
    // The file is ours and whole: nobody has to be waited for.
    let settled = "settle_seconds=0".to_owned();
    match args.kind.as_str() {
        "sqlite" => {
            target.file = file(format!("pay-{}.db", args.rows));
            target.settings = vec![format!("file={:?}", target.file.display().to_string())];
        }
        "csv" => {
            target.file = file(format!("pay-{}.csv", args.rows));
            target.table = format!("pay-{}.csv", args.rows);
            target.settings = vec![folder, settled, "encoding=gb18030".to_owned()];
        }
        "xlsx" => {
            target.file = file(format!("pay-{}.xlsx", args.rows));
            target.table = format!("pay-{}.xlsx", args.rows);
            target.settings = vec![folder, settled];
        }
        _ => {
            if let Some(url) = &args.url {
                let parts = UrlParts::read(url)
                    .ok_or_else(|| Stop::Trouble(format!("no URL like kind://user:password@host:port/database: {}", args.kind)))?;
                target.settings = parts.settings();
                target.password = parts.password;
            }
        }
    }
    Ok(target)
}

/// `scheme://user:password@host:port/database`.
struct UrlParts {
    user: String,
    password: Option<String>,
    host: String,
    port: String,
    database: String,
}

impl UrlParts {
    fn read(url: &str) -> Option<UrlParts> {
        let (_, rest) = url.split_once("://")?;
        let (who, place) = rest.rsplit_once('@')?;
        let (address, database) = place.split_once('/')?;
        let (host, port) = address.rsplit_once(':')?;
        let (user, password) = who.split_once(':').map_or((who, None), |(user, password)| (user, Some(password.to_owned())));
        let database = database.split('?').next().unwrap_or_default().to_owned();
        Some(UrlParts { user: user.to_owned(), password, host: host.to_owned(), port: port.to_owned(), database })
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("host={:?}", self.host),
            format!("port={}", self.port),
            format!("database={:?}", self.database),
            format!("user={:?}", self.user),
        ];
        if self.password.is_some() {
            settings.push(format!("password.env={PASSWORD}"));
        }
        settings
    }
}

/// Runs the pull in a process of its own.
fn child(target: &Target, settings: &[String], alone: bool) -> Result<Pulled, Stop> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--json", "bench", "pull-one", "--kind", &target.kind, "--table", &target.table]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    if alone {
        command.arg("--alone").arg(&target.file);
    }
    if let Some(password) = &target.password {
        command.env(PASSWORD, password);
    }
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Stop::Trouble("the pull failed; its reason stands above".to_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The child of [`pull`].
pub async fn pull_one(args: &PullOneArgs, say: Say) -> Done {
    let pulled = match &args.alone {
        Some(file) => one::alone(file).map_err(Stop::Trouble)?,
        None => {
            let mut settings = toml::Table::from_iter([("kind".to_owned(), args.kind.as_str().into())]);
            init::set(&mut settings, &args.set)?;
            one::pull(&args.kind, settings, &args.table).await?
        }
    };
    say.print(&pulled, || format!("{pulled:?}\n"));
    Ok(Code::Fine)
}

fn text(told: &Told<'_>, lang: Lang) -> String {
    let mut out = String::new();
    let mut line = |what: &str, number: String| out.push_str(&format!("  {} {}\n", pad(what, 26), pad_left(&number, 14)));
    line(lang.pick("行", "rows"), count(told.pulled.rows));
    line(lang.pick("用时", "wall"), format!("{:.2} s", told.pulled.seconds));
    line(lang.pick("每秒行数", "rows per second"), count(told.rows_per_second as i64));
    line(lang.pick("客户端处理器用时", "client CPU"), format!("{:.2} s", told.pulled.cpu_seconds));
    line(lang.pick("内存峰值", "peak memory"), format!("{} MiB", count(told.pulled.peak_mib)));
    if let Some(alone) = told.alone {
        line(lang.pick("仅解析库", "the library alone"), format!("{:.2} s", alone.cpu_seconds));
        line(lang.pick("处理器用时之比", "CPU ratio"), format!("{:.2}", told.pulled.cpu_seconds / alone.cpu_seconds.max(0.01)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let parts = UrlParts::read("postgres://bench:p@ss@127.0.0.1:5433/hub?x=1").expect("a URL");
        assert_eq!((parts.user.as_str(), parts.password.as_deref(), parts.host.as_str()), ("bench", Some("p@ss"), "127.0.0.1"));
        assert_eq!((parts.port.as_str(), parts.database.as_str()), ("5433", "hub"));
        assert!(UrlParts::read("127.0.0.1:5433/hub").is_none());
    }
}

//! Where files are: a folder of this machine, or one that is reached over SFTP, FTP, WebDAV or S3. All of them only list and read.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::Url;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::secret::Secret;
use crate::{Failure, Place, Said, Step, ftp, near, said, sftp, web};

/// A file of a source, as its folder lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path below the folder, with `/` between folders.
    pub name: String,
    pub bytes: u64,
    /// When it was last changed, as far as the folder says.
    pub changed: Option<SystemTime>,
}

/// What is wrong with a file or a folder, before it is known whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub why: Said,
    pub hint: Option<Said>,
    pub passing: bool,
}

impl Trouble {
    pub(crate) fn new(why: impl Into<Said>) -> Trouble {
        Trouble { why: why.into(), hint: None, passing: false }
    }

    pub(crate) fn hint(self, hint: impl Into<Said>) -> Trouble {
        Trouble { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn passing(self) -> Trouble {
        Trouble { passing: true, ..self }
    }

    /// The same, with the name of the file it is about before it.
    pub(crate) fn of(self, file: &str) -> Trouble {
        Trouble { why: said!("{file} {}", "{file} {}"; self.why), ..self }
    }

    pub(crate) fn at(self, place: &Place, table: &str) -> Failure {
        Failure { hint: self.hint, passing: self.passing, ..place.failure(table, self.why) }
    }
}

/// A folder that can be listed and read. Nothing of it is ever written.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// The files below the folder, at most `depth` folders deep.
    async fn list(&self, depth: usize) -> Result<Vec<Entry>, Trouble>;

    /// Copies a file to `to`, which is new, and gives its length. Stops when it is longer than `most`.
    async fn fetch(&self, name: &str, to: &Path, most: u64) -> Result<u64, Trouble>;

    /// Where a file is read without a copy; null where it must be fetched.
    fn path(&self, _name: &str) -> Option<PathBuf> {
        None
    }

    /// Tries the way to the folder.
    async fn examine(&self) -> Vec<Step>;
}

/// How a folder elsewhere is reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Access {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub key: Option<String>,
    pub known_hosts: Option<String>,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub ca: Option<String>,
    pub idle_seconds: Option<u64>,
}

/// Opens the folder that the settings call `name`: an address, or a folder below the root of `place`.
pub(crate) fn open(place: &Place, name: &str, access: Access) -> Result<Arc<dyn Store>, Said> {
    let Some((scheme, _)) = name.split_once("://") else {
        return Ok(Arc::new(Local { name: name.to_owned(), path: place.root.join(name) }));
    };
    let url = Url::parse(name).map_err(|it| said!("`folder` 不是地址：{it}", "`folder` is no address: {it}"))?;
    if url.password().is_some() {
        return Err(said!(
            "口令不要写在 `folder` 中；请用 `password = {{ env = \"…\" }}`",
            "a password does not belong into `folder`; use `password = {{ env = \"…\" }}`"
        ));
    }
    match scheme {
        "sftp" => Ok(Arc::new(sftp::Sftp::open(place, &url, access)?)),
        "ftp" | "ftps" => Ok(Arc::new(ftp::Ftp::open(place, &url, access)?)),
        "s3" => Ok(Arc::new(web::Web::s3(place, &url, &access)?)),
        "http" | "https" => Ok(Arc::new(web::Web::webdav(place, &url, &access)?)),
        other => {
            let known = ["sftp", "ftp", "ftps", "http", "https", "s3"];
            Err(
                said!("无法经 `{other}` 访问文件夹；{}", "no folder is reached over `{other}`; {}"; near::did_you_mean(other, known.into_iter())),
            )
        }
    }
}

/// The path of an address as people write it, without the slashes around it.
pub(crate) fn path_of(url: &Url) -> Result<String, Said> {
    let bytes = percent_decoded(url.path());
    String::from_utf8(bytes)
        .map(|it| it.trim_matches('/').to_owned())
        .map_err(|_| said!("`folder` 的路径不是 UTF-8", "the path of `folder` is no UTF-8"))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = |at: usize| more.get(at).and_then(|it| char::from(*it).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = &more[2..];
            }
            _ => {
                decoded.push(*first);
                rest = more;
            }
        }
    }
    decoded
}

/// What comes within the time that a server may be silent.
pub(crate) async fn in_time<T>(idle: Duration, asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::time::timeout(idle, asked).await.unwrap_or_else(|_| {
        let why = said!("{} 秒没有任何数据", "nothing came for {} s", idle.as_secs());
        Err(Trouble::new(why)
            .hint(said!(
                "线路通吗，服务器繁忙吗？时限由 `idle_seconds` 设定",
                "is the line up, is the server busy? `idle_seconds` sets the limit"
            ))
            .passing())
    })
}

/// Copies what comes, as long as it comes.
pub(crate) async fn copied(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    name: &str,
    most: u64,
    idle: Duration,
) -> Result<u64, Trouble> {
    let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
    loop {
        let lost = |it: std::io::Error| Trouble::new(said!("连接丢失：{it}", "the connection was lost: {it}")).of(name).passing();
        let read = in_time(idle, async { from.read(&mut buffer).await.map_err(lost) }).await?;
        if read == 0 {
            return Ok(bytes);
        }
        let ours = |it: std::io::Error| {
            Trouble::new(said!("无法写入 {name} 的临时副本：{it}", "the private copy of {name} cannot be written: {it}"))
        };
        to.write_all(&buffer[..read]).await.map_err(ours)?;
        bytes += read as u64;
        within(bytes, most, name)?;
    }
}

/// Refuses a file that is longer than its folder said: it grows, or the server does not stop.
pub(crate) fn within(bytes: u64, most: u64, name: &str) -> Result<(), Trouble> {
    if bytes <= most {
        return Ok(());
    }
    Err(Trouble::new(said!("应有 {most} 字节，来的更多", "has {most} bytes, and more came"))
        .of(name)
        .hint(said!("是不是还在写？", "is it still being written?"))
        .passing())
}

/// Tries a host and a port: the steps, as the error when the way ends there.
pub(crate) async fn reached(host: &str, port: u16, idle: Duration) -> Result<Vec<Step>, Vec<Step>> {
    let looked_up = in_time(idle, async {
        let found = tokio::net::lookup_host((host, port))
            .await
            .map_err(|it| Trouble::new(said!("`{host}` 无法解析：{it}", "`{host}` is not known: {it}")))?;
        Ok(found.collect::<Vec<_>>())
    });
    let addresses = looked_up.await.map_err(|it| vec![step_failed("name", it)])?;
    let name = Step::fine("name", addresses.first().map_or_else(String::new, |it| it.ip().to_string()));
    let connected = in_time(idle, async {
        TcpStream::connect(&addresses[..])
            .await
            .map_err(|it| Trouble::new(said!("端口 {port} 没有应答：{it}", "port {port} does not answer: {it}")))
    });
    match connected.await {
        Ok(_) => Ok(vec![name, Step::fine("port", port.to_string())]),
        Err(it) => Err(vec![
            name,
            step_failed("port", it.hint(said!("服务器在运行吗，中间有防火墙吗？", "is the server running, and is a firewall between?"))),
        ]),
    }
}

/// A folder of this machine.
struct Local {
    /// As the settings say it, for messages.
    name: String,
    path: PathBuf,
}

#[async_trait]
impl Store for Local {
    async fn list(&self, depth: usize) -> Result<Vec<Entry>, Trouble> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let listed = tokio::task::spawn_blocking(move || {
            if !path.is_dir() {
                return Err(Trouble::new(said!("没有文件夹 `{name}`", "there is no folder `{name}`")).hint(said!(
                    "查找的位置是 {}",
                    "it is looked for at {}",
                    path.display()
                )));
            }
            let mut entries = Vec::new();
            walk(&path, "", depth, &mut entries)
                .map_err(|it| Trouble::new(said!("无法读取文件夹：{it}", "the folder cannot be read: {it}")))?;
            Ok(entries)
        });
        listed.await.unwrap_or_else(|it| Err(Trouble::new(it.to_string())))
    }

    async fn fetch(&self, name: &str, to: &Path, _most: u64) -> Result<u64, Trouble> {
        tokio::fs::copy(self.path.join(name), to).await.map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        // A name comes from a listing, and still nothing above the folder is opened.
        let below = Path::new(name).components().all(|it| matches!(it, Component::Normal(_)));
        below.then(|| self.path.join(name))
    }

    async fn examine(&self) -> Vec<Step> {
        vec![match self.list(0).await {
            Ok(entries) => Step::fine("open", said!("{} 个文件，在 `{}` 中", "{} files in `{}`", entries.len(), self.name)),
            Err(it) => step_failed("open", it),
        }]
    }
}

/// A step that ended the way to a folder.
pub(crate) fn step_failed(name: &'static str, trouble: Trouble) -> Step {
    Step { name, state: crate::StepState::Failed, told: trouble.why, hint: trouble.hint }
}

/// Adds the files below `folder`. What goes away meanwhile is not there; links are followed, folders of them are not.
fn walk(folder: &Path, below: &str, depth: usize, entries: &mut Vec<Entry>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let Ok(about) = std::fs::metadata(entry.path()) else { continue };
        if about.is_file() {
            entries.push(Entry { name, bytes: about.len(), changed: about.modified().ok() });
        } else if depth > 0 && entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{name}/"), depth - 1, entries)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> Said {
        let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: PathBuf::new() };
        open(&place, name, Access::default()).err().expect("the address is wrong")
    }

    #[test]
    fn an_address_is_understood_or_refused() {
        assert_eq!(refusal("sfpt://host/out"), "no folder is reached over `sfpt`; did you mean `sftp`?");
        assert!(refusal("ftp://pay:s3cret@host/out").starts_with("a password does not belong into `folder`"));
        assert!(refusal("sftp://").starts_with("`folder`"), "{:?}", refusal("sftp://"));
        let url = Url::parse("ftp://host/%E5%B7%A5%E8%B5%84/2026%/").expect("an address");
        assert_eq!(path_of(&url).as_deref(), Ok("工资/2026%"));
    }
}

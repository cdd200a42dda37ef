//! A folder over WebDAV or S3, through OpenDAL on our own HTTP client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use opendal::services::{S3, Webdav};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator};
use reqwest::{Certificate, Client, Url};
use tokio::io::AsyncWriteExt as _;

use crate::secret::{Hidden, Secret};
use crate::store::{Access, Entry, Store, Trouble, in_time, path_of, reached, step_failed, within};
use crate::{Place, Said, Step, said};

/// What of a service there is to say before its secrets are fetched.
enum Service {
    Webdav { endpoint: String },
    S3 { bucket: String, endpoint: Option<String>, region: String },
}

/// A folder of a web server or a bucket.
pub(crate) struct Web {
    name: String,
    service: Service,
    /// Where a connection is tried.
    host: Option<(String, u16)>,
    folder: String,
    user: Option<String>,
    password: Option<Secret>,
    root: PathBuf,
    ca: Option<PathBuf>,
    idle: Duration,
}

impl Web {
    /// `http://host/path` or `https://…`, a WebDAV folder.
    pub(crate) fn webdav(place: &Place, url: &Url, access: &Access) -> Result<Web, Said> {
        let host = url
            .host_str()
            .ok_or(said!("`folder` 没有写主机，应如 `https://host/out`", "`folder` names no host, as in `https://host/out`"))?;
        let endpoint = format!("{}://{host}{}", url.scheme(), url.port().map_or(String::new(), |it| format!(":{it}")));
        Web::new(place, url, access, Service::Webdav { endpoint }, Some(url))
    }

    /// `s3://bucket/prefix`; `endpoint` says whose.
    pub(crate) fn s3(place: &Place, url: &Url, access: &Access) -> Result<Web, Said> {
        let bucket = url
            .host_str()
            .filter(|it| !it.is_empty())
            .ok_or(said!("`folder` 没有写存储桶，应如 `s3://bucket/out`", "`folder` names no bucket, as in `s3://bucket/out`"))?;
        let endpoint = access
            .endpoint
            .as_ref()
            .map(|it| Url::parse(it).map_err(|error| said!("`endpoint` 不是地址：{error}", "`endpoint` is no address: {error}")));
        let endpoint = endpoint.transpose()?;
        let region = access.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        let service = Service::S3 { bucket: bucket.to_owned(), endpoint: access.endpoint.clone(), region };
        Web::new(place, url, access, service, endpoint.as_ref())
    }

    fn new(place: &Place, url: &Url, access: &Access, service: Service, host: Option<&Url>) -> Result<Web, Said> {
        let named = (!url.username().is_empty()).then(|| url.username().to_owned());
        let folder = path_of(url)?;
        Ok(Web {
            name: format!("{}://{}/{folder}", url.scheme(), url.host_str().unwrap_or_default()),
            service,
            host: host.and_then(|it| Some((it.host_str()?.to_owned(), it.port_or_known_default()?))),
            folder: if folder.is_empty() { folder } else { format!("{folder}/") },
            user: access.user.clone().or(named),
            password: access.password.clone(),
            root: place.root.clone(),
            ca: access.ca.as_ref().map(|it| place.root.join(it)),
            idle: Duration::from_secs(access.idle_seconds.unwrap_or(60).max(1)),
        })
    }

    fn operator(&self) -> Result<Operator, Trouble> {
        let password = match &self.password {
            Some(secret) => Some(secret.fetch(&self.root).map_err(Trouble::new)?),
            None => None,
        };
        let (user, password) = (self.user.as_deref(), password.as_ref().map(Hidden::reveal));
        let operator = match &self.service {
            Service::Webdav { endpoint } => {
                let webdav = Webdav::default().endpoint(endpoint).username(user.unwrap_or_default());
                Operator::new(webdav.password(password.unwrap_or_default()))
            }
            Service::S3 { bucket, endpoint, region } => {
                // Nothing of the machine's own configuration or cloud is asked.
                let mut s3 = S3::default().bucket(bucket).region(region).disable_config_load().disable_ec2_metadata();
                if let Some(endpoint) = endpoint {
                    s3 = s3.endpoint(endpoint);
                }
                Operator::new(match (user, password) {
                    (Some(user), Some(password)) => s3.access_key_id(user).secret_access_key(password),
                    _ => s3.skip_signature(),
                })
            }
        };
        let operator = operator.map_err(|it| Trouble::new(said!("设置不合：{}", "the settings do not fit: {}", it.message())))?;
        let transport = HttpTransporter::new(Transport(self.client()?));
        Ok(operator.with_context(OperationContext::new().with_http_transport(transport)))
    }

    fn client(&self) -> Result<Client, Trouble> {
        // A file that is delivered packed stays packed: its length and hash are those of the folder.
        let mut client = Client::builder().no_gzip().connect_timeout(self.idle).read_timeout(self.idle);
        if let Some(path) = &self.ca {
            let unread = |it: &dyn std::fmt::Display| {
                Trouble::new(said!("无法读取 {} 中的证书：{it}", "the certificates in {} cannot be read: {it}", path.display()))
            };
            let pem = std::fs::read(path).map_err(|it| unread(&it))?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(|it| unread(&it))? {
                client = client.add_root_certificate(certificate);
            }
        }
        client.build().map_err(|it| Trouble::new(said!("无法建立 HTTP 客户端：{it}", "no HTTP client: {it}")))
    }
}

/// What an answer means. OpenDAL's own text may hold addresses with signatures; it is not passed on.
fn told(what: &Said, error: &Error) -> Trouble {
    match error.kind() {
        ErrorKind::NotFound => Trouble::new(said!("{}不存在", "{} is not there"; what)),
        ErrorKind::PermissionDenied => Trouble::new(said!("服务器拒绝给出{}", "the server refuses to show {}"; what))
            .hint(said!("`user` 和 `password` 对吗，有权读取吗？", "are `user` and `password` right, and may they read it?")),
        ErrorKind::ConfigInvalid | ErrorKind::Unsupported => {
            Trouble::new(said!("{1}无法读取：{0}", "{1} cannot be read: {0}", error.kind(); what))
        }
        kind if error.is_temporary() => Trouble::new(said!("{}暂时无法读取：{kind}", "{} cannot be read now: {kind}"; what)).passing(),
        _ => {
            let trouble = Trouble::new(said!("{1}无法读取：{0}", "{1} cannot be read: {0}", status(error); what));
            let refused = trouble.why.en.ends_with(": 401") || trouble.why.en.ends_with(": 403");
            if refused {
                trouble.hint(said!("`user` 和 `password` 对吗，有权读取吗？", "are `user` and `password` right, and may they read it?"))
            } else {
                trouble
            }
        }
    }
}

/// The status line that the server answered with; else what OpenDAL makes of the answer, in its own words.
fn status(error: &Error) -> String {
    let text = error.to_string();
    let answered = text.find("status: ").and_then(|at| text[at..].split([',', '}']).next());
    answered.map_or_else(|| error.message().lines().next().unwrap_or_default().to_owned(), str::to_owned)
}

#[async_trait]
impl Store for Web {
    async fn list(&self, depth: usize) -> Result<Vec<Entry>, Trouble> {
        let operator = self.operator()?;
        let what = said!("文件夹 `{}`", "the folder `{}`", self.name);
        let mut entries = Vec::new();
        let mut folders = vec![(self.folder.clone(), depth)];
        while let Some((folder, depth)) = folders.pop() {
            let listed = async {
                let path = if folder.is_empty() { "/" } else { &folder };
                let lister = operator.lister(path).await.map_err(|it| told(&what, &it))?;
                lister.try_collect::<Vec<_>>().await.map_err(|it| told(&what, &it))
            };
            for entry in in_time(self.idle, listed).await? {
                let about = entry.metadata();
                let Some(name) = entry.path().strip_prefix(self.folder.as_str()) else { continue };
                if about.is_file() {
                    let changed = about.last_modified().map(Into::into);
                    entries.push(Entry { name: name.to_owned(), bytes: about.content_length(), changed });
                } else if about.is_dir() && depth > 0 && entry.path() != folder && !matches!(name, "" | "/") {
                    folders.push((entry.path().to_owned(), depth - 1));
                }
            }
        }
        if entries.is_empty() && !self.folder.is_empty() {
            // OpenDAL lists a folder that is not there as an empty one.
            in_time(self.idle, async { operator.stat(&self.folder).await.map_err(|it| told(&what, &it)) }).await?;
        }
        Ok(entries)
    }

    async fn fetch(&self, name: &str, to: &Path, most: u64) -> Result<u64, Trouble> {
        let operator = self.operator()?;
        let path = format!("{}{name}", self.folder);
        let ours = |it: std::io::Error| {
            Trouble::new(said!("无法写入 {name} 的临时副本：{it}", "the private copy of {name} cannot be written: {it}"))
        };
        let stream = async {
            operator.reader(&path).await.map_err(|it| told(&name.into(), &it))?.into_stream(..).await.map_err(|it| told(&name.into(), &it))
        };
        let mut stream = in_time(self.idle, stream).await?;
        let mut local = tokio::fs::File::create_new(to).await.map_err(ours)?;
        let mut bytes = 0;
        while let Some(buffer) = in_time(self.idle, async { Ok(stream.next().await) }).await? {
            for part in buffer.map_err(|it| told(&name.into(), &it))? {
                local.write_all(&part).await.map_err(ours)?;
                bytes += part.len() as u64;
                within(bytes, most, name)?;
            }
        }
        local.flush().await.map_err(ours)?;
        Ok(bytes)
    }

    async fn examine(&self) -> Vec<Step> {
        let mut steps = match &self.host {
            Some((host, port)) => match reached(host, *port, self.idle).await {
                Ok(steps) => steps,
                Err(steps) => return steps,
            },
            None => Vec::new(),
        };
        steps.push(match self.list(0).await {
            Ok(entries) => Step::fine("login", said!("{} 个文件，在 {}", "{} files in {}", entries.len(), self.name)),
            Err(it) => step_failed("login", it),
        });
        steps
    }
}

/// OpenDAL's requests on our client.
struct Transport(Client);

impl HttpTransport for Transport {
    async fn fetch(&self, request: http::Request<Buffer>) -> opendal::Result<http::Response<HttpBody>> {
        let failed = |it: reqwest::Error| {
            let error = Error::new(ErrorKind::Unexpected, "the server is not reached");
            if it.is_builder() { error } else { error.set_temporary() }
        };
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| Error::new(ErrorKind::ConfigInvalid, "the address is none"))?;
        let request = self.0.request(parts.method, url).headers(parts.headers).body(body.to_bytes());
        let response = request.send().await.map_err(failed)?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let length = response.content_length();
        let stream = response.bytes_stream().map(move |it| it.map(Buffer::from).map_err(failed));
        answer.body(HttpBody::new(stream, length)).map_err(|_| Error::new(ErrorKind::Unexpected, "the answer makes no sense"))
    }
}

//! Requests to one host: signed, paced, asked again after a passing trouble, and never sent anywhere else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Identity, Method, Proxy, Request, Response, StatusCode, Url, redirect};
use tokio::sync::Mutex;

use super::auth::{Auth, Token, Tokens};
use super::pace::{Pace, Tries, now, random, retry_after};
use super::settings::Settings;
use super::sign::Sign;
use crate::patience::Patience;
use crate::{Failure, Said, said};

/// An answer may send us on this many times, to the same host.
const HOPS_MAX: usize = 5;
/// An answer that gives a token may be this long.
const TOKEN_BYTES_MAX: usize = 256 * 1024;

/// What all pulls of a source share.
pub(crate) struct Shared {
    /// How fast it is asked.
    pub pace: Pace,
    token: Mutex<Option<Token>>,
}

impl Shared {
    /// Before anything was asked.
    pub(crate) fn new(per_second: Option<f64>) -> Shared {
        Shared { pace: Pace::new(per_second), token: Mutex::new(None) }
    }
}

/// The way to a source.
pub(crate) struct Wire {
    client: Client,
    auth: Auth,
    sign: Option<Sign>,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    shared: Arc<Shared>,
    retries: u32,
    wait_most: Duration,
    /// How long to wait for anything.
    pub patience: Patience,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    /// Its type, and what it holds.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Whether it asks for a page behind the end, which need not be there.
    pub probe: bool,
}

impl Wire {
    /// Fetches secrets and certificates, and connects to nothing.
    pub(crate) fn new(settings: &Settings, base: &Url, root: &Path, shared: Arc<Shared>) -> Result<Wire, Said> {
        let query = settings.query.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"))]);
        for (name, value) in &settings.headers {
            add(&mut headers, name, value)?;
        }
        Ok(Wire {
            client: client(settings, base, root)?,
            auth: settings.auth.ready(root, base)?,
            sign: settings.sign.as_ref().map(|it| it.ready(root)).transpose()?,
            headers,
            query,
            shared,
            retries: settings.retries.unwrap_or(4),
            wait_most: Duration::from_secs(settings.wait_seconds.unwrap_or(120)),
            patience: Patience::new(settings.idle_seconds, settings.total_minutes),
        })
    }

    /// For one page.
    pub(crate) fn tries(&self) -> Tries {
        Tries::new(self.retries, self.wait_most)
    }

    /// Asks until there is an answer worth reading; null for a page behind the end that is not there.
    pub(crate) async fn send(&self, call: &Call, tries: &mut Tries, failure: &Failure) -> Result<Option<Response>, Failure> {
        let (mut url, mut hops, mut renewed) = (call.url.clone(), 0, false);
        loop {
            let token = self.token(tries, failure).await?;
            let request = self.request(call, url.clone(), token.as_ref()).map_err(|why| Failure { why, ..failure.clone() })?;
            let response = match self.execute(request, failure).await {
                Ok(response) => response,
                Err(passing) if passing.passing => {
                    tries.again(passing, None).await?;
                    continue;
                }
                Err(lasting) => return Err(lasting),
            };
            let status = response.status();
            match status.as_u16() {
                200..=299 => return Ok(Some(response)),
                301 | 302 | 303 | 307 | 308 if hops < HOPS_MAX => {
                    url = sent_on(call, &url, &response).map_err(|why| {
                        Failure { why, ..failure.clone() }.hint(said!(
                            "`url` 对吗，登录还有效吗？任何请求都不会离开 `url` 的主机",
                            "is `url` right, does the login hold? no request leaves the host of `url`"
                        ))
                    })?;
                    hops += 1;
                }
                400 | 404 | 416 if call.probe => return Ok(None),
                401 if token.is_some() && !renewed => {
                    self.forget(token).await;
                    renewed = true;
                }
                408 | 425 | 429 | 500 | 502..=504 => {
                    tries.again(refused(failure, status), retry_after(response.headers(), now())).await?;
                }
                _ => return Err(refused(failure, status)),
            }
        }
    }

    /// One request and the head of its answer, in its turn.
    async fn execute(&self, request: Request, failure: &Failure) -> Result<Response, Failure> {
        self.shared.pace.wait().await;
        self.patience.answer(failure, self.client.execute(request), |it| told(failure, &said!("请求失败", "the request failed"), it)).await
    }

    fn request(&self, call: &Call, mut url: Url, token: Option<&Token>) -> Result<Request, Said> {
        let mut headers = self.headers.clone();
        if url == call.url && !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let carried = match (&self.auth, token) {
            (Auth::Token(tokens), Some(token)) => &tokens.carried(token),
            (auth, _) => auth,
        };
        match carried {
            Auth::Header(name, value) => add(&mut headers, name, value)?,
            Auth::Query(name, value) => {
                url.query_pairs_mut().append_pair(name, value);
            }
            Auth::Nothing | Auth::Token(_) => {}
        }
        let body = call.body.as_ref().map_or(&[][..], |(_, body)| body);
        if let Some(sign) = &self.sign {
            let nonce = u128::from(random()) << 64 | u128::from(random());
            let signed = sign.sign(call.method.as_str(), &url, body, now(), nonce);
            for (name, value) in &signed.headers {
                add(&mut headers, name, value)?;
            }
            if !signed.query.is_empty() {
                url.query_pairs_mut().extend_pairs(&signed.query);
            }
        }
        let mut request = Request::new(call.method.clone(), url);
        *request.headers_mut() = headers;
        if let Some((kind, body)) = &call.body {
            add(request.headers_mut(), "Content-Type", kind)?;
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }

    /// The token to use; fetched when there is none that is fresh. One of us asks, the others wait for it.
    async fn token(&self, tries: &mut Tries, failure: &Failure) -> Result<Option<Token>, Failure> {
        let Auth::Token(tokens) = &self.auth else { return Ok(None) };
        let mut kept = self.shared.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|it| it.is_fresh()) {
            return Ok(Some(token.clone()));
        }
        let token = self.fetch(tokens, tries, failure).await?;
        *kept = Some(token.clone());
        Ok(Some(token))
    }

    /// Logs in; the same as asking for the first page needs.
    pub(crate) async fn login(&self, failure: &Failure) -> Result<bool, Failure> {
        Ok(self.token(&mut self.tries(), failure).await?.is_some())
    }

    /// The source says that the token has ended.
    async fn forget(&self, token: Option<Token>) {
        let mut kept = self.shared.token.lock().await;
        if kept.as_ref().map(|it| &it.text) == token.as_ref().map(|it| &it.text) {
            *kept = None;
        }
    }

    /// The source says in an answer that the token has ended. False when there is none that could be renewed.
    pub(crate) async fn expired(&self) -> bool {
        *self.shared.token.lock().await = None;
        matches!(self.auth, Auth::Token(_))
    }

    async fn fetch(&self, tokens: &Tokens, tries: &mut Tries, failure: &Failure) -> Result<Token, Failure> {
        let no = |why: Said| {
            let why = said!("`{}` 没有给出令牌：{}", "no token from `{}`: {}", tokens.url.path(); why);
            Failure { why, ..failure.clone() }.hint(said!(
                "`client_id`、`client_secret` 对吗，`auth.token` 指的位置对吗？",
                "are `client_id` and `client_secret` right, and where `auth.token` points to?"
            ))
        };
        loop {
            let call = tokens.call();
            let mut request = Request::new(call.method, call.url);
            for (name, value) in call.headers {
                add(request.headers_mut(), name, &value).map_err(no)?;
            }
            *request.body_mut() = Some(call.body.into());
            match self.execute(request, failure).await {
                Err(it) if it.passing => tries.again(it, None).await?,
                Err(it) => return Err(it),
                Ok(it) if it.status().is_success() => return tokens.read(&self.small(it, failure).await?).map_err(no),
                Ok(it) if it.status().is_server_error() || it.status() == StatusCode::TOO_MANY_REQUESTS => {
                    tries.again(no(it.status().to_string().into()).passing(), retry_after(it.headers(), now())).await?;
                }
                Ok(it) => return Err(no(it.status().to_string().into())),
            }
        }
    }

    async fn small(&self, mut response: Response, failure: &Failure) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        let broke = |it| told(failure, &said!("应答中断", "the answer broke off"), it);
        while let Some(piece) = self.patience.answer(failure, response.chunk(), broke).await? {
            whole.extend_from_slice(&piece);
            if whole.len() > TOKEN_BYTES_MAX {
                return Err(Failure { why: said!("含令牌的应答过长", "the answer with the token is too long"), ..failure.clone() });
            }
        }
        Ok(whole)
    }

    /// Any answer of the host, for its certificate and its clock.
    pub(crate) async fn greet(&self, url: &Url, failure: &Failure) -> Result<Response, Failure> {
        self.execute(Request::new(Method::GET, url.clone()), failure).await
    }
}

fn client(settings: &Settings, base: &Url, root: &Path) -> Result<Client, Said> {
    let read =
        |path: &String| std::fs::read(root.join(path)).map_err(|it| said!("`{path}` 无法读取：{it}", "`{path}` cannot be read: {it}"));
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .tls_info(true)
        .pool_idle_timeout(Duration::from_secs(20))
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .no_proxy();
    match &settings.ca {
        Some(path) => {
            let all = Certificate::from_pem_bundle(&read(path)?)
                .map_err(|_| said!("`{path}` 中没有 PEM 证书", "`{path}` holds no certificate in PEM"))?;
            builder = builder.tls_certs_only(all);
        }
        // Without TLS no authority is needed, and a small container has none.
        None if base.scheme() == "http" => builder = builder.tls_certs_only([]),
        None => {}
    }
    if let Some(path) = &settings.client_certificate {
        let mut pem = read(path)?;
        if let Some(key) = &settings.client_key {
            pem.push(b'\n');
            pem.extend_from_slice(key.fetch(root)?.reveal().as_bytes());
        }
        let problem =
            |_| said!("`{path}` 与 `client_key` 不是一对 PEM 证书和私钥", "`{path}` and `client_key` are no certificate and key in PEM");
        builder = builder.identity(Identity::from_pem(&pem).map_err(problem)?);
    }
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(Proxy::all(proxy).map_err(|_| said!("`proxy` 不是地址", "`proxy` is no address"))?);
    }
    builder.build().map_err(|it| chain(&it.without_url()).into())
}

/// Adds a header that no log shows.
fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Said> {
    let known =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| said!("`{name}` 不能作请求头的名称", "`{name}` is no name of a header"))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| said!("请求头 `{name}` 的值无法发送", "the value of the header `{name}` cannot be sent"))?;
    value.set_sensitive(true);
    headers.insert(known, value);
    Ok(())
}

/// An address without what may be secret in it.
pub(crate) fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |it| format!(":{it}"));
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// What the client says, without the address; passing unless it is about certificates.
pub(crate) fn told(failure: &Failure, what: &Said, error: reqwest::Error) -> Failure {
    let text = chain(&error.without_url());
    let failure = Failure { why: what.because(&text.as_str().into()), ..failure.clone() };
    let text = text.to_lowercase();
    if text.contains("certificate") || text.contains("unknownissuer") || text.contains("handshake") {
        return failure.hint(said!(
            "`ca` 写明信任的颁发机构，`client_certificate` 是我方证书",
            "`ca` names the authority to trust, `client_certificate` who we are"
        ));
    }
    if text.contains("dns") || text.contains("refused") {
        return failure
            .hint(said!("`url` 对吗，服务在运行吗，防火墙放行吗？", "is `url` right, is the service up, does the firewall let us?"))
            .passing();
    }
    failure.hint(said!("线路或服务中断；会再次请求", "the line or the service broke; it is asked again")).passing()
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |it| it.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What a status means for whoever set up the source.
fn refused(failure: &Failure, status: StatusCode) -> Failure {
    let failure = Failure { why: said!("应答状态为 {status}", "the answer is {status}"), ..failure.clone() };
    match status.as_u16() {
        400 | 422 => failure.hint(said!(
            "接口认得 `query`、`body`、`paging` 中的全部参数吗？",
            "does the source know all parameters of `query`, `body` and `paging`?"
        )),
        401 => failure.hint(said!("`auth` 或 `sign` 不被接受", "`auth` or `sign` is not accepted")),
        403 => {
            failure.hint(said!("该账号无权读取，或本机地址不在白名单", "the login may not read this, or our address is not on its list"))
        }
        404 => failure.hint(said!("`path` 对吗？", "is `path` right?")),
        405 => failure.hint(said!("`method` 是 GET 还是 POST？", "`method` is GET or POST")),
        429 => failure.hint(said!("可用 `requests_per_second` 放慢请求", "`requests_per_second` asks more slowly")).passing(),
        408 | 425 | 500 | 502..=504 => {
            failure.hint(said!("服务出了故障；请联系接口提供方", "the service is in trouble; ask those who run it")).passing()
        }
        _ => failure,
    }
}

/// Where an answer sends us, when that is the same host.
fn sent_on(call: &Call, from: &Url, response: &Response) -> Result<Url, Said> {
    let to = response.headers().get(LOCATION).and_then(|it| it.to_str().ok()).and_then(|it| from.join(it).ok());
    let to = to.ok_or(said!("要求转向，却没有说去哪里", "it sends us on and does not say where"))?;
    if to.origin() != call.url.origin() {
        return Err(said!("要求转向别的主机：{}", "it sends us to another host: {}", shown(&to)));
    }
    if call.method == Method::POST && !matches!(response.status().as_u16(), 307 | 308) {
        return Err(said!("把 POST 转成了别的请求", "it sends a POST on as something else"));
    }
    Ok(to)
}

//! How we prove who we are.

use crate::{Said, said};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::{Method, Url};
use serde::Deserialize;
use tokio::time::Instant;

use super::pointer::Pointer;
use crate::secret::{Hidden, Secret};

/// As the settings say it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum AuthSettings {
    /// Nothing is asked for.
    #[default]
    None,
    /// A token that does not end.
    Bearer { token: Secret },
    /// RFC 7617.
    Basic { user: String, password: Secret },
    /// A key in a header or in the address.
    Key { key: Secret, header: Option<String>, query: Option<String> },
    /// RFC 6749, 4.4, and what platforms make of it.
    Oauth2(Box<Oauth2>),
}

/// A token that is fetched, and renewed before it ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2 {
    token_url: String,
    client_id: String,
    client_secret: Secret,
    #[serde(default)]
    send: Send,
    scope: Option<String>,
    id_field: Option<String>,
    secret_field: Option<String>,
    fields: Option<BTreeMap<String, String>>,
    token: Option<Pointer>,
    expires: Option<Pointer>,
    header: Option<String>,
    prefix: Option<String>,
    query: Option<String>,
}

/// How id and secret are sent to where tokens are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Send {
    #[default]
    Form,
    Basic,
    Json,
    Query,
}

impl AuthSettings {
    /// Why these settings cannot work.
    pub(crate) fn check(&self, base: &Url) -> Result<(), Said> {
        match self {
            AuthSettings::Key { header, query, .. } if header.is_some() == query.is_some() => {
                Err(said!("`key` 方式的 `auth` 需要 `header` 或 `query` 之一", "`auth` of kind `key` needs either `header` or `query`"))
            }
            AuthSettings::Oauth2(it) => it.url(base).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// With its secrets at hand.
    pub(crate) fn ready(&self, root: &Path, base: &Url) -> Result<Auth, Said> {
        Ok(match self {
            AuthSettings::None => Auth::Nothing,
            AuthSettings::Bearer { token } => Auth::header("Authorization", format!("Bearer {}", token.fetch(root)?.reveal())),
            AuthSettings::Basic { user, password } => Auth::header("Authorization", basic(user, &password.fetch(root)?)),
            AuthSettings::Key { key, header, query } => {
                let key = key.fetch(root)?.reveal().to_owned();
                match (header, query) {
                    (Some(name), _) => Auth::header(name, key),
                    (None, name) => Auth::Query(name.clone().unwrap_or_default(), key),
                }
            }
            AuthSettings::Oauth2(it) => {
                Auth::Token(Box::new(Tokens { secret: it.client_secret.fetch(root)?, url: it.url(base)?, how: (**it).clone() }))
            }
        })
    }
}

fn basic(user: &str, password: &Hidden) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{}", password.reveal())))
}

/// What a request carries.
pub(crate) enum Auth {
    /// Nothing.
    Nothing,
    /// A header.
    Header(String, String),
    /// A part of the address.
    Query(String, String),
    /// A token that must be fetched first.
    Token(Box<Tokens>),
}

impl Auth {
    fn header(name: &str, value: String) -> Auth {
        Auth::Header(name.to_owned(), value)
    }
}

/// Where tokens are given.
pub(crate) struct Tokens {
    how: Oauth2,
    secret: Hidden,
    /// Where they are asked for.
    pub url: Url,
}

/// A token, and until when it is used.
#[derive(Clone)]
pub(crate) struct Token {
    /// The token itself.
    pub text: Hidden,
    until: Option<Instant>,
}

impl Token {
    /// Whether it may be used yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.until.is_none_or(|it| Instant::now() < it)
    }
}

/// A request for a token.
pub(crate) struct TokenCall {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Oauth2 {
    fn url(&self, base: &Url) -> Result<Url, Said> {
        let url = base.join(&self.token_url).map_err(|it| said!("`token_url` 不是地址：{it}", "`token_url` is no address: {it}"))?;
        if matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err(said!("`token_url` 必须以 https:// 或 http:// 开头", "`token_url` must begin with https:// or http://"))
        }
    }
}

impl Tokens {
    /// The request for a token.
    pub(crate) fn call(&self) -> TokenCall {
        let how = &self.how;
        let granted = || BTreeMap::from([("grant_type".to_owned(), "client_credentials".to_owned())]);
        let mut fields: Vec<(String, String)> = how.fields.clone().unwrap_or_else(granted).into_iter().collect();
        fields.extend(how.scope.iter().map(|it| ("scope".to_owned(), it.clone())));
        let mut call = TokenCall { method: Method::POST, url: self.url.clone(), headers: Vec::new(), body: Vec::new() };
        if how.send == Send::Basic {
            call.headers.push(("Authorization", basic(&how.client_id, &self.secret)));
        } else {
            fields.push((how.id_field.clone().unwrap_or_else(|| "client_id".to_owned()), how.client_id.clone()));
            fields.push((how.secret_field.clone().unwrap_or_else(|| "client_secret".to_owned()), self.secret.reveal().to_owned()));
        }
        match how.send {
            Send::Form | Send::Basic => {
                call.headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
                call.body = form(&fields);
            }
            Send::Json => {
                call.headers.push(("Content-Type", "application/json".to_owned()));
                let object: BTreeMap<String, String> = fields.into_iter().collect();
                call.body = serde_json::json!(object).to_string().into_bytes();
            }
            Send::Query => {
                call.method = Method::GET;
                call.url.query_pairs_mut().extend_pairs(fields);
            }
        }
        call
    }

    /// The token of an answer. It is used for nine tenths of its life, so that none ends on the way.
    pub(crate) fn read(&self, answer: &[u8]) -> Result<Token, Said> {
        let json: serde_json::Value = serde_json::from_slice(answer).map_err(|_| said!("应答不是 JSON", "the answer is no JSON"))?;
        let at = |pointer: &Option<Pointer>, usual: &str| pointer.as_ref().map_or_else(|| usual.to_owned(), ToString::to_string);
        let (token, expires) = (at(&self.how.token, "/access_token"), at(&self.how.expires, "/expires_in"));
        let text = json.pointer(&token).and_then(|it| it.as_str()).filter(|it| !it.is_empty());
        let text = text.ok_or_else(|| said!("应答中 `{token}` 处没有令牌", "the answer has no token at `{token}`"))?;
        let life = json.pointer(&expires).and_then(|it| it.as_f64().or_else(|| it.as_str()?.parse().ok()));
        let life = life.and_then(|it| Duration::try_from_secs_f64(it * 0.9).ok());
        Ok(Token { text: Hidden::new(text), until: life.and_then(|it| Instant::now().checked_add(it)) })
    }

    /// What a request carries for `token`.
    pub(crate) fn carried(&self, token: &Token) -> Auth {
        if let Some(name) = &self.how.query {
            return Auth::Query(name.clone(), token.text.reveal().to_owned());
        }
        let prefix = self.how.prefix.as_deref().unwrap_or(if self.how.header.is_some() { "" } else { "Bearer " });
        Auth::header(self.how.header.as_deref().unwrap_or("Authorization"), format!("{prefix}{}", token.text.reveal()))
    }
}

/// Fields as a form has them.
pub(crate) fn form(fields: &[(String, String)]) -> Vec<u8> {
    let mut url = Url::parse("http://form.invalid/").expect("an address");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().as_bytes().to_vec()
}

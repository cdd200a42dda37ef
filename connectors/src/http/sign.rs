//! Signed requests: which parts are signed, in which order, is declared.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, FixedOffset, Utc};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use reqwest::Url;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use sm3::Sm3;

use super::template::{fill, places};
use crate::secret::{Hidden, Secret};
use crate::{Said, near, said};

/// What a template of a signature may name.
const PARTS: &[&str] = &["method", "path", "query", "query_plain", "body", "body_hash", "timestamp", "nonce", "key", "secret", "signature"];

/// As the settings say it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignSettings {
    algorithm: Algorithm,
    secret: Secret,
    key: Option<String>,
    text: String,
    #[serde(default)]
    encoding: Encoding,
    timestamp: Option<String>,
    zone_hours: Option<i32>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Algorithm {
    HmacSha256,
    HmacSm3,
    HmacSha1,
    HmacMd5,
    Sha256,
    Sm3,
    Sha1,
    Md5,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    Hex,
    HexUpper,
    Base64,
}

/// Signs the requests of a source.
pub(crate) struct Sign {
    settings: SignSettings,
    secret: Hidden,
}

/// What a signature adds to a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Signed {
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
}

impl SignSettings {
    /// Why these settings cannot work.
    pub(crate) fn check(&self) -> Result<(), Said> {
        let all = || self.headers.values().chain(self.query.values());
        if let Some(name) = all().chain([&self.text]).flat_map(|it| places(it)).find(|it| !PARTS.contains(it)) {
            return Err(
                said!("`sign` 中写了 `{{{name}}}`；{}", "`sign` names `{{{name}}}`; {}"; near::did_you_mean(name, PARTS.iter().copied())),
            );
        }
        if !all().any(|it| it.contains("{signature}")) {
            return Err(said!(
                "`sign` 没有发送 `{{signature}}`；请写在 `headers` 或 `query` 中",
                "`sign` sends its `{{signature}}` nowhere; name it in `headers` or `query`"
            ));
        }
        let hidden = all().any(|it| it.contains("{secret}"));
        if hidden { Err(said!("`sign` 不得发送 `{{secret}}`", "`sign` must not send its `{{secret}}`")) } else { Ok(()) }
    }

    /// With its secret at hand.
    pub(crate) fn ready(&self, root: &Path) -> Result<Sign, Said> {
        Ok(Sign { settings: self.clone(), secret: self.secret.fetch(root)? })
    }
}

impl Sign {
    /// Signs a request to `url`, whose query is whole but for what the signature adds.
    pub(crate) fn sign(&self, method: &str, url: &Url, body: &[u8], now: DateTime<Utc>, nonce: u128) -> Signed {
        let settings = &self.settings;
        let (timestamp, nonce) = (self.timestamp(now), format!("{nonce:032x}"));
        let fixed = |name: &str| match name {
            "timestamp" => Some(timestamp.clone()),
            "nonce" => Some(nonce.clone()),
            "key" => settings.key.clone(),
            _ => None,
        };
        let told = |pairs: &BTreeMap<String, String>, signature: Option<&str>| {
            let value_of = |name: &str| if name == "signature" { signature.map(str::to_owned) } else { fixed(name) };
            let wanted = |(_, text): &(&String, &String)| signature.is_some() || !text.contains("{signature}");
            pairs.iter().filter(wanted).map(|(name, text)| (name.clone(), fill(text, value_of))).collect::<Vec<_>>()
        };
        let mut pairs: Vec<(String, String)> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        pairs.extend(told(&settings.query, None));
        pairs.sort();
        let text = fill(&settings.text, |name| match name {
            "method" => Some(method.to_owned()),
            "path" => Some(url.path().to_owned()),
            "query" => Some(encoded(url, &pairs)),
            "query_plain" => Some(pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")),
            "body" => Some(String::from_utf8_lossy(body).into_owned()),
            "body_hash" => Some(hex(&settings.algorithm.hash(body))),
            "secret" => Some(self.secret.reveal().to_owned()),
            it => fixed(it),
        });
        let signature = settings.encoding.encode(&settings.algorithm.sign(self.secret.reveal().as_bytes(), text.as_bytes()));
        Signed { headers: told(&settings.headers, Some(&signature)), query: told(&settings.query, Some(&signature)) }
    }

    fn timestamp(&self, now: DateTime<Utc>) -> String {
        match self.settings.timestamp.as_deref() {
            None | Some("seconds") => now.timestamp().to_string(),
            Some("millis") => now.timestamp_millis().to_string(),
            Some(form) => {
                let hours = self.settings.zone_hours.unwrap_or(8).clamp(-23, 23);
                let zone = FixedOffset::east_opt(hours * 3600).expect("less than a day");
                let items: Vec<_> = chrono::format::StrftimeItems::new_lenient(form).collect();
                now.with_timezone(&zone).format_with_items(items.iter()).to_string()
            }
        }
    }
}

/// Pairs as a query has them.
fn encoded(url: &Url, pairs: &[(String, String)]) -> String {
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

impl Algorithm {
    fn sign(self, secret: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::HmacSha256 => tag::<Hmac<Sha256>>(secret, text),
            Algorithm::HmacSm3 => tag::<Hmac<Sm3>>(secret, text),
            Algorithm::HmacSha1 => tag::<Hmac<Sha1>>(secret, text),
            Algorithm::HmacMd5 => tag::<Hmac<Md5>>(secret, text),
            Algorithm::Sha256 | Algorithm::Sm3 | Algorithm::Sha1 | Algorithm::Md5 => self.hash(text),
        }
    }

    fn hash(self, text: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::HmacSha256 | Algorithm::Sha256 => Sha256::digest(text).to_vec(),
            Algorithm::HmacSm3 | Algorithm::Sm3 => Sm3::digest(text).to_vec(),
            Algorithm::HmacSha1 | Algorithm::Sha1 => Sha1::digest(text).to_vec(),
            Algorithm::HmacMd5 | Algorithm::Md5 => Md5::digest(text).to_vec(),
        }
    }
}

fn tag<M: Mac + KeyInit>(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

impl Encoding {
    fn encode(self, bytes: &[u8]) -> String {
        match self {
            Encoding::Hex => hex(bytes),
            Encoding::HexUpper => hex(bytes).to_uppercase(),
            Encoding::Base64 => BASE64.encode(bytes),
        }
    }
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pace::date;

    fn signed(settings: &str) -> Signed {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("key"), "key").expect("to write");
        let settings: SignSettings = toml::from_str(&format!("secret = {{ file = 'key' }}\n{settings}")).expect("TOML");
        settings.check().expect("settings that work");
        let url = Url::parse("http://a.test/v1/pay?size=10&name=%E9%99%88").expect("a URL");
        let now = date("Mon, 02 Mar 2026 08:00:00 GMT").expect("a date");
        settings.ready(folder.path()).expect("the secret").sign("GET", &url, b"", now, 10)
    }

    #[test]
    fn the_algorithms_give_what_their_documents_say() {
        let told = |algorithm: &str, text: &str, encoding: &str| {
            signed(&format!("algorithm = '{algorithm}'\ntext = '{text}'\nencoding = '{encoding}'\nheaders = {{ S = '{{signature}}' }}"))
                .headers[0]
                .1
                .clone()
        };
        // The well-known example of HMAC, and GM/T 0004-2012, example 1.
        let fox = "The quick brown fox jumps over the lazy dog";
        assert_eq!(told("hmac-sha256", fox, "hex"), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
        assert_eq!(told("hmac-sha1", fox, "base64"), "3nybhbi3iqa8ino29wqQcBydtNk=");
        assert_eq!(told("hmac-md5", fox, "hex-upper"), "80070713463E7749B90C2DC24911E275");
        assert_eq!(told("sm3", "abc", "hex"), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(told("md5", "{secret}", "hex"), "3c6e0b8a9c15224a8228b9a98ca1531d");
    }

    #[test]
    fn parts_are_signed_in_the_declared_order() {
        let signed = signed(
            "algorithm = 'sha256'\ntext = '{method}|{path}|{query}|{query_plain}|{timestamp}|{nonce}|{key}'\nkey = 'app'\n\
             timestamp = '%Y%m%d%H%M%S'\nheaders = { T = '{timestamp}', S = '{key}:{signature}' }\nquery = { app = '{key}', sign = '{signature}' }",
        );
        let text = "GET|/v1/pay|app=app&name=%E9%99%88&size=10|app=app&name=陈&size=10|20260302160000|0000000000000000000000000000000a|app";
        let signature = hex(&Sha256::digest(text));
        assert_eq!(signed.headers[0].1, format!("app:{signature}"));
        assert_eq!(signed.headers[1], ("T".to_owned(), "20260302160000".to_owned()));
        assert_eq!(signed.query, [("app".to_owned(), "app".to_owned()), ("sign".to_owned(), signature)]);
    }

    #[test]
    fn a_template_that_cannot_work_is_refused() {
        let why = |text: &str, send: &str| {
            let settings = format!("algorithm = 'md5'\nsecret = {{ env = 'X' }}\ntext = '{text}'\nheaders = {{ S = '{send}' }}");
            toml::from_str::<SignSettings>(&settings).expect("TOML").check().expect_err("it cannot work")
        };
        assert_eq!(why("{metod}", "{signature}"), "`sign` names `{metod}`; did you mean `method`?");
        assert!(why("{method}", "{key}").contains("nowhere"));
        assert!(why("{method}", "{secret}{signature}").contains("must not send"));
    }
}

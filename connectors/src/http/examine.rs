//! Tries the way to a source step by step, for a person who connects it.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::Response;
use reqwest::header::DATE;
use reqwest::tls::TlsInfo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::pace::{date, now};
use super::wire::{Wire, shown};
use super::{Begun, Http};
use crate::steps::doubtful;
use crate::{Ask, Failure, Said, Step, near, said};

/// A certificate that ends sooner is told.
const CERTIFICATE_DAYS_MIN: i64 = 30;
/// Clocks that differ by more are told: signatures and tokens depend on them.
const CLOCK_SECONDS_MAX: i64 = 60;
/// The longest wait for a name or a port.
const REACH: Duration = Duration::from_secs(10);

impl Http {
    /// The steps, up to the first that fails.
    pub(super) async fn steps(&self, tables: &[String]) -> Vec<Step> {
        let mut steps = Vec::new();
        match self.try_all(tables, &mut steps).await {
            Ok(()) => steps,
            Err((name, failure)) => {
                steps.push(Step::failed(name, failure));
                steps
            }
        }
    }

    async fn try_all(&self, tables: &[String], steps: &mut Vec<Step>) -> Result<(), (&'static str, Failure)> {
        let failure = self.place.failure("", "");
        if self.settings.proxy.is_none() {
            self.reach(steps).await?;
        }
        let wire = Wire::new(&self.settings, &self.base, &self.place.root, self.shared.clone());
        let wire = wire.map_err(|why| ("open", self.place.failure("", why)))?;
        let secure = self.base.scheme() == "https";
        let greeted = wire.greet(&self.base, &failure).await.map_err(|it| (if secure { "tls" } else { "open" }, it))?;
        steps.push(if secure {
            certificate(&greeted)
        } else {
            doubtful(
                "tls",
                said!("线路没有加密", "the line is not encrypted"),
                said!("请让 `url` 以 https:// 开头", "let `url` begin with https://"),
            )
        });
        if wire.login(&failure).await.map_err(|it| ("login", it))? {
            steps.push(Step::fine("login", said!("已取得令牌", "a token was given")));
        }
        steps.push(Step::fine("read-only", said!("只向声明的路径发送 GET 和 POST", "only GET and POST to the declared paths are sent")));
        let declared: Vec<String> = self.tables.keys().take(1).cloned().collect();
        for table in if tables.is_empty() { &declared } else { tables } {
            self.try_table(table, steps).await.map_err(|it| ("table", it))?;
        }
        steps.push(clock(&greeted, now()));
        Ok(())
    }

    async fn reach(&self, steps: &mut Vec<Step>) -> Result<(), (&'static str, Failure)> {
        let host = self.base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.base.port_or_known_default().unwrap_or(443);
        let failed = |why: Said, hint: Said| self.place.failure("", why).hint(hint).passing();
        let found = timeout(REACH, lookup_host((host, port))).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut));
        let unknown = |it| {
            (
                "name",
                failed(
                    said!("域名 `{host}` 无法解析：{it}", "the name `{host}` is not known: {it}"),
                    said!("`url` 对吗，域名服务器认得它吗？", "is `url` right, does the name server know it?"),
                ),
            )
        };
        let all: Vec<_> = found.and_then(|it| it).map_err(unknown)?.collect();
        steps.push(Step::fine("name", said!("`{host}`：{} 个地址", "`{host}`: {} addresses", all.len())));
        let opened = timeout(REACH, TcpStream::connect(all.as_slice())).await;
        let shut = |why: Said| {
            (
                "port",
                failed(
                    said!("端口 {port} 打不开：{}", "port {port} does not open: {}"; why),
                    said!("服务在运行吗，防火墙放行吗？", "is the service up, does the firewall let us?"),
                ),
            )
        };
        match opened {
            Err(_) => Err(shut(said!("{} 秒内没有应答", "no answer in {} s", REACH.as_secs()))),
            Ok(Err(it)) => Err(shut(it.to_string().into())),
            Ok(Ok(_)) => {
                steps.push(Step::fine("port", said!("{} 打得开", "{} opens", shown(&self.base))));
                Ok(())
            }
        }
    }

    async fn try_table(&self, table: &str, steps: &mut Vec<Step>) -> Result<(), Failure> {
        let started = Instant::now();
        let ask = Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 1, since: None };
        let Begun { reader, shape, ahead, done, .. } = self.begin(&ask).await?;
        let seconds = started.elapsed().as_secs_f64().max(0.001);
        steps.push(Step::fine("table", said!("`{table}` 有应答", "`{table}` answers")));
        let names = near::list(shape.names.iter().map(String::as_str));
        steps.push(match shape.names.len() {
            0 => doubtful(
                "columns",
                said!("没有记录，因而看不到列", "no record, so no columns"),
                said!(
                    "是今天没有数据，还是 `query`、`records` 没有对上？",
                    "is the table empty today, or do `query` and `records` miss it?"
                ),
            ),
            _ => Step::fine("columns", names),
        });
        steps.push(match (reader.total(), done) {
            (Some(rows), _) => Step::fine("count", said!("声明有 {rows} 行", "{rows} rows are declared")),
            (None, true) => Step::fine("count", said!("{} 行", "{} rows", ahead.len())),
            (None, false) => doubtful(
                "count",
                said!("接口不声明行数", "the source declares no number of rows"),
                said!("设置 `total` 才能发现缺页", "with `total` a lost page would be seen"),
            ),
        });
        steps.push(Step::fine(
            "speed",
            said!("{} 条记录，{} KiB，用时 {seconds:.1} 秒", "{} records, {} KiB in {seconds:.1} s", ahead.len(), ahead.bytes() >> 10),
        ));
        Ok(())
    }
}

fn certificate(response: &Response) -> Step {
    let end = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).and_then(not_after);
    match end.map(|it| (it - now()).num_days()) {
        None => Step::fine("tls", said!("线路已加密", "the line is encrypted")),
        Some(days) if days < CERTIFICATE_DAYS_MIN => doubtful(
            "tls",
            said!("证书 {days} 天后到期", "the certificate ends in {days} days"),
            said!("请告知接口提供方", "tell those who run the service"),
        ),
        Some(days) => Step::fine("tls", said!("证书还有 {days} 天有效", "the certificate holds for {days} days")),
    }
}

fn clock(response: &Response, now: DateTime<Utc>) -> Step {
    let theirs = response.headers().get(DATE).and_then(|it| date(it.to_str().ok()?));
    match theirs.map(|it| (it - now).num_seconds()) {
        None => doubtful(
            "clock",
            said!("接口没有给出时间", "the source does not say what time it is"),
            said!("若请求要签名，请人工核对时钟", "compare the clocks by hand when requests are signed"),
        ),
        Some(by) if by.abs() > CLOCK_SECONDS_MAX => doubtful(
            "clock",
            said!("对方时钟与本机相差 {by} 秒", "its clock differs from ours by {by} s"),
            said!("签名和令牌可能被拒；请用 NTP 校时", "signatures and tokens may be refused; set the clocks by NTP"),
        ),
        Some(by) => Step::fine("clock", said!("对方时钟与本机相差 {by} 秒", "its clock differs from ours by {by} s")),
    }
}

/// When a certificate ends (RFC 5280, 4.1): the fifth part of its body, or the fourth where it says no version.
pub fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let (_, certificate, _) = part(certificate)?;
    let (_, mut rest, _) = part(certificate)?;
    if rest.first() == Some(&0xa0) {
        rest = part(rest)?.2;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = part(rest)?.2;
    }
    let (_, validity, _) = part(rest)?;
    let (tag, end, _) = part(part(validity)?.2)?;
    let text = std::str::from_utf8(end).ok()?;
    // UTCTime has two digits of a year, 50 to 99 of the last century.
    let century = if tag != 0x17 {
        ""
    } else if text.as_bytes().first()? >= &b'5' {
        "19"
    } else {
        "20"
    };
    NaiveDateTime::parse_from_str(&format!("{century}{text}"), "%Y%m%d%H%M%SZ").ok().map(|it| it.and_utc())
}

/// The tag of a DER value, what it holds, and what follows it.
fn part(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first) = (*der.first()?, *der.get(1)?);
    let long = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    let length = match long {
        0 => usize::from(first),
        1..=4 => der.get(2..2 + long)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        _ => return None,
    };
    let start = 2 + long;
    Some((tag, der.get(start..start.checked_add(length)?)?, der.get(start + length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut settings = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        settings.not_after = rcgen::date_time_ymd(2031, 5, 6);
        let certificate = settings.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("a certificate");
        let end = not_after(certificate.der()).expect("an end");
        assert_eq!(end.to_string(), "2031-05-06 00:00:00 UTC");
        assert_eq!(not_after(&certificate.der()[..40]), None);
        assert_eq!(not_after(b""), None);
    }
}

//! One connection: PRELOGIN, LOGIN7, then requests and answers.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::sql::{Outcome, Select, outcome};
use super::wire::{Answer, DONE_ATTENTION, DONE_COUNT, DONE_ERROR, Line, read_message, utf16, write_row};
use super::{Fault, LineHabit, Shared, Table, locked};

const BATCH: u8 = 0x01;
const CALL: u8 = 0x03;
const ATTENTION: u8 = 0x06;
const LOGIN7: u8 = 0x10;
const PRELOGIN: u8 = 0x12;
const EXECUTE_SQL: u64 = 10;

pub async fn serve(mut socket: TcpStream, shared: &Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if matches!(locked(&shared.faults).front(), Some(Fault::ResetAfterRows(_))) {
        socket.set_zero_linger()?;
    }
    let (line, login) = greet(&mut socket, shared).await?.with(socket, shared).await?;
    let Some((line, packet_bytes)) = log_in(line, &login, shared).await? else { return Ok(()) };
    work(line, packet_bytes, shared).await
}

/// How the line goes on behind PRELOGIN.
enum Agreed {
    Plain,
    LoginOnly,
    Whole,
    Strict,
}

/// PRELOGIN: both sides say what they want of the line.
async fn greet(socket: &mut TcpStream, shared: &Shared) -> io::Result<Agreed> {
    let ours = match &shared.habits.line {
        LineHabit::Strict(_) => return Ok(Agreed::Strict),
        LineHabit::Plain => 2,
        LineHabit::Login(_) => 0,
        LineHabit::Required(_) => 3,
    };
    let theirs = prelogin(&expect(socket, PRELOGIN).await?);
    let (answer, agreed) = match (ours, theirs) {
        (2, _) | (0, 2) => (2, Agreed::Plain),
        (0, 0) => (0, Agreed::LoginOnly),
        (_, 1 | 3) => (1, Agreed::Whole),
        _ => (3, Agreed::Whole),
    };
    answer_prelogin(socket, shared.habits.major, answer).await?;
    Ok(agreed)
}

async fn answer_prelogin(line: &mut (impl AsyncWrite + Unpin), major: u8, encryption: u8) -> io::Result<()> {
    let mut answer = Answer::new(line, 4096);
    answer.tokens.extend([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, major, 0, 4, 0, 0, 0, encryption]);
    answer.send(true).await
}

/// The ENCRYPTION option.
fn prelogin(body: &[u8]) -> u8 {
    let mut options = body.chunks_exact(5).take_while(|it| it[0] != 0xff);
    let at = options.find(|it| it[0] == 1).map(|it| usize::from(u16::from_be_bytes([it[1], it[2]])));
    at.and_then(|at| body.get(at)).copied().unwrap_or(2)
}

impl Agreed {
    /// The line that requests come over, and LOGIN7.
    async fn with(self, mut socket: TcpStream, shared: &Shared) -> io::Result<(Box<dyn Line>, Vec<u8>)> {
        let certificate = match &shared.habits.line {
            LineHabit::Plain => None,
            LineHabit::Login(it) | LineHabit::Required(it) | LineHabit::Strict(it) => Some(it),
        };
        let missing = || io::Error::other("a certificate");
        match self {
            Agreed::Plain => {
                let login = expect(&mut socket, LOGIN7).await?;
                Ok((Box::new(socket), login))
            }
            Agreed::LoginOnly => {
                let mut line = certificate.ok_or_else(missing)?.wrapped(socket).await?;
                let login = expect(&mut line, LOGIN7).await?;
                Ok((Box::new(line.into_inner().0.socket), login))
            }
            Agreed::Whole => {
                let mut line = certificate.ok_or_else(missing)?.wrapped(socket).await?;
                let login = expect(&mut line, LOGIN7).await?;
                Ok((Box::new(line), login))
            }
            Agreed::Strict => {
                let mut line = certificate.ok_or_else(missing)?.strict(socket).await?;
                expect(&mut line, PRELOGIN).await?;
                answer_prelogin(&mut line, shared.habits.major, 1).await?;
                let login = expect(&mut line, LOGIN7).await?;
                Ok((Box::new(line), login))
            }
        }
    }
}

async fn expect(line: &mut (impl tokio::io::AsyncRead + Unpin), kind: u8) -> io::Result<Vec<u8>> {
    let (found, body) = read_message(line).await?;
    if found == kind { Ok(body) } else { Err(io::Error::other(format!("a message {found:#x} instead of {kind:#x}"))) }
}

/// A field of LOGIN7 by its place in the table of offsets.
fn field(login: &[u8], at: usize) -> &[u8] {
    let number = |at: usize| usize::from(u16::from_le_bytes([login[at], login[at + 1]]));
    let start = number(36 + at * 4);
    &login[start..start + number(38 + at * 4) * 2]
}

/// The line and its packet size, when the login is right.
async fn log_in(mut line: Box<dyn Line>, login: &[u8], shared: &Shared) -> io::Result<Option<(Box<dyn Line>, usize)>> {
    let habits = &shared.habits;
    // Each byte is XORed with 0xA5 behind a swap of its halves.
    let clear: Vec<u8> = field(login, 2).iter().map(|it| (it ^ 0xa5).rotate_left(4)).collect();
    let (user, password, database) = (utf16(field(login, 1)), utf16(&clear), utf16(field(login, 8)));
    // TypeFlags: fReadOnlyIntent.
    if login[26] & 0x20 != 0 {
        shared.read_intents.fetch_add(1, Ordering::SeqCst);
    }
    let packet_bytes = u32::from_le_bytes([login[8], login[9], login[10], login[11]]).clamp(512, 32_767) as usize;
    let mut answer = Answer::new(&mut line, 4096);
    let refused = match shared.fault(|it| matches!(it, Fault::RefuseLogin(_) | Fault::StallAtLogin | Fault::Redirect(_))) {
        Some(Fault::RefuseLogin(number)) => Some(number),
        Some(Fault::StallAtLogin) => {
            std::future::pending::<()>().await;
            None
        }
        Some(Fault::Redirect(port)) => {
            answer.tokens.extend(routed(port));
            answer.done(0, 0, false);
            answer.send(true).await?;
            return Ok(None);
        }
        _ if user != habits.user || password != habits.password => Some(18456),
        _ if database != habits.database => Some(4060),
        _ => None,
    };
    if let Some(number) = refused {
        let text = if number == 4060 {
            format!("Cannot open database \"{database}\" requested by the login.")
        } else {
            format!("Login failed for user '{user}'.")
        };
        answer.error(number, if number == 4060 { 11 } else { 14 }, &text);
        answer.done(DONE_ERROR, 0, false);
        answer.send(true).await?;
        return Ok(None);
    }
    shared.logins.fetch_add(1, Ordering::SeqCst);
    answer.changed(1, &database, "master");
    answer.info(5701, &format!("Changed database context to '{database}'."));
    answer.changed(4, &packet_bytes.to_string(), "4096");
    answer.login_ack(habits.major);
    answer.done(0, 0, false);
    answer.send(true).await?;
    Ok(Some((line, packet_bytes)))
}

/// ENVCHANGE 20: protocol 0 (TCP), port, host.
fn routed(port: u16) -> Vec<u8> {
    let host: Vec<u8> = "127.0.0.1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut value = vec![0];
    value.extend(port.to_le_bytes());
    value.extend((host.len() as u16 / 2).to_le_bytes());
    value.extend(host);
    let mut token = vec![0xe3];
    token.extend((value.len() as u16 + 5).to_le_bytes());
    token.push(20);
    token.extend((value.len() as u16).to_le_bytes());
    token.extend(value);
    token.extend([0, 0]);
    token
}

/// What a session knows between requests.
#[derive(Default)]
struct State {
    transaction: u64,
    /// The tables as they were when the transaction first read, in SNAPSHOT isolation.
    #[expect(clippy::option_option, reason = "no transaction in SNAPSHOT isolation; one that has not read yet; what it read")]
    snapshot: Option<Option<BTreeMap<String, Table>>>,
}

async fn work(line: Box<dyn Line>, packet_bytes: usize, shared: &Shared) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(line);
    let (sender, mut requests) = mpsc::unbounded_channel();
    // Read beside the answers: an attention comes while rows are sent.
    let reading = tokio::spawn(async move {
        while let Ok(request) = read_message(&mut reader).await {
            if sender.send(request).is_err() {
                break;
            }
        }
    });
    let mut state = State::default();
    let done = loop {
        let Some((kind, body)) = requests.recv().await else { break Ok(()) };
        let answered = match kind {
            BATCH => {
                let headers = u32::from_le_bytes([body[0], body[1], body[2], body[3]]) as usize;
                state.check(&body);
                answer(&mut writer, packet_bytes, &mut state, &utf16(&body[headers..]), &[], false, shared, &mut requests).await
            }
            CALL => {
                state.check(&body);
                let mut texts = call(&body);
                assert!(texts.len() >= 2, "sp_executesql has a statement and a list of parameters");
                let (sql, values) = (texts[0].clone(), texts.split_off(2));
                answer(&mut writer, packet_bytes, &mut state, &sql, &values, true, shared, &mut requests).await
            }
            ATTENTION => attended(&mut writer, packet_bytes, shared).await,
            kind => Err(io::Error::other(format!("a message {kind:#x}"))),
        };
        if answered.is_err() {
            break answered;
        }
    };
    reading.abort();
    // Both halves must go before the socket is closed.
    let _ = reading.await;
    drop(writer);
    done
}

impl State {
    /// Every request names the transaction that it belongs to.
    fn check(&self, body: &[u8]) {
        let named = u64::from_le_bytes(body[10..18].try_into().expect("eight bytes"));
        assert_eq!(named, self.transaction, "the transaction that the request names");
    }
}

/// The texts of `sp_executesql`: the statement, the list of parameters, their values.
fn call(body: &[u8]) -> Vec<String> {
    let headers = u32::from_le_bytes([body[0], body[1], body[2], body[3]]) as usize;
    let mut rest = &body[headers..];
    assert_eq!(number(take(&mut rest, 2)), 0xffff, "a procedure by its number");
    assert_eq!(number(take(&mut rest, 2)), EXECUTE_SQL);
    take(&mut rest, 2);
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let name = take(&mut rest, 1)[0];
        take(&mut rest, usize::from(name) * 2 + 1);
        assert_eq!(take(&mut rest, 1)[0], 0xe7, "parameters are nvarchar");
        let max = number(take(&mut rest, 2));
        take(&mut rest, 5);
        if max < 0xffff {
            let bytes = number(take(&mut rest, 2)) as usize;
            texts.push(utf16(take(&mut rest, bytes)));
            continue;
        }
        take(&mut rest, 8);
        let mut bytes = Vec::new();
        while let chunk @ 1.. = number(take(&mut rest, 4)) as usize {
            bytes.extend(take(&mut rest, chunk));
        }
        texts.push(utf16(&bytes));
    }
    texts
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(bytes);
    *rest = left;
    taken
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, it| sum << 8 | u64::from(*it))
}

type Requests = mpsc::UnboundedReceiver<(u8, Vec<u8>)>;

#[allow(clippy::too_many_arguments)]
async fn answer(
    line: &mut (impl AsyncWrite + Unpin),
    packet_bytes: usize,
    state: &mut State,
    sql: &str,
    texts: &[String],
    call: bool,
    shared: &Shared,
    requests: &mut Requests,
) -> io::Result<()> {
    locked(&shared.statements).push(sql.to_owned());
    let outcome = {
        let now = locked(&shared.tables).clone();
        let tables = match &mut state.snapshot {
            Some(pinned) if sql.contains(" AS asked") => pinned.get_or_insert(now),
            _ => &mut { now },
        };
        outcome(sql, texts, tables, &shared.habits)
    };
    let mut answer = Answer::new(line, packet_bytes);
    match outcome {
        Outcome::Nothing => answer.done(0, 0, call),
        Outcome::Begin { snapshot } => {
            state.transaction = shared.transactions.fetch_add(1, Ordering::SeqCst);
            state.snapshot = snapshot.then_some(None);
            answer.transaction(8, state.transaction);
            answer.done(0, 0, call);
        }
        Outcome::Rollback => {
            shared.rolled_back.fetch_add(1, Ordering::SeqCst);
            answer.transaction(10, std::mem::take(&mut state.transaction));
            state.snapshot = None;
            answer.done(0, 0, call);
        }
        Outcome::Small(columns, rows) => {
            answer.columns(&columns);
            for row in &rows {
                answer.row(&columns, row, row.contains(&super::Value::Null));
            }
            answer.done(DONE_COUNT, rows.len() as u64, call);
        }
        Outcome::Refused(number, class, text) => {
            answer.error(number, class, &text);
            answer.done(DONE_ERROR, 0, call);
        }
        Outcome::Rows(select) => return stream(answer, &select, call, shared, requests).await,
    }
    answer.send(true).await
}

/// Rows, or what becomes of them when something was asked to go wrong.
async fn stream<W: AsyncWrite + Unpin>(
    mut answer: Answer<'_, W>,
    select: &Select,
    call: bool,
    shared: &Shared,
    requests: &mut Requests,
) -> io::Result<()> {
    let fault = shared.fault(|it| !matches!(it, Fault::RefuseLogin(_) | Fault::StallAtLogin | Fault::Redirect(_)));
    if let Some(Fault::Refuse(number)) = fault {
        answer.error(number, 16, said(number));
        answer.done(DONE_ERROR, 0, call);
        return answer.send(true).await;
    }
    if let Some(Fault::CutAfterBytes(bytes)) = fault {
        answer.cut_after(bytes);
    }
    answer.columns(&select.columns);
    let ready = ready_rows(select);
    let rows = match fault {
        Some(Fault::Fewer(missing) | Fault::DoneWithError(missing)) => select.rows().saturating_sub(missing),
        _ => select.rows(),
    };
    let mut sent = 0;
    for at in 0..rows {
        match fault {
            Some(Fault::CutAfterRows(after) | Fault::ResetAfterRows(after)) if sent == after => {
                answer.send_open().await?;
                return Err(io::Error::other("cut on cue"));
            }
            Some(Fault::StallAfterRows(after)) if sent == after => {
                answer.send_open().await?;
                // What comes now is an attention, or the end of the line.
                let Some((ATTENTION, _)) = requests.recv().await else { return Err(io::ErrorKind::UnexpectedEof.into()) };
                return acknowledge(answer, shared).await;
            }
            Some(Fault::ErrorAfterRows(after, number)) if sent == after => {
                answer.error(number, 16, said(number));
                answer.done(DONE_ERROR, 0, call);
                return answer.send(true).await;
            }
            Some(Fault::Slow(pause)) if sent % 100 == 99 => {
                answer.send_open().await?;
                tokio::time::sleep(pause).await;
            }
            _ => {}
        }
        if let Some(ready) = &ready {
            answer.tokens.extend(&ready[at as usize % ready.len()]);
            sent += 1;
        } else if let Some(row) = select.row(at) {
            let packed = at % 2 == 0 && row.contains(&super::Value::Null);
            answer.row(&select.columns, &row, packed);
            sent += 1;
        }
        if answer.send_some().await? && matches!(requests.try_recv(), Ok((ATTENTION, _))) {
            return acknowledge(answer, shared).await;
        }
    }
    match fault {
        Some(Fault::DoneWithError(_)) => answer.done(DONE_ERROR | DONE_COUNT, sent, call),
        _ => answer.done(DONE_COUNT, sent, call),
    }
    answer.send(true).await?;
    if let Some(Fault::CutAfterBytes(_)) = fault {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// What the server says with an error: about rights it names the table, about values the value.
fn said(number: i32) -> &'static str {
    match number {
        229 => "The SELECT permission was denied on the object 'gzff', database 'hr', schema 'dbo'.",
        _ => "Conversion failed when converting the value '330683198001011234'.",
    }
}

/// The rows of a cycle as they stand on the line.
fn ready_rows(select: &Select) -> Option<Vec<Vec<u8>>> {
    let rows = select.cycle()?.min(select.rows());
    let written = |at: u64| {
        let row = select.row(at)?;
        let mut out = Vec::new();
        write_row(&select.columns, &row, row.contains(&super::Value::Null), &mut out);
        Some(out)
    };
    (rows > 0).then(|| (0..rows).filter_map(written).collect())
}

async fn acknowledge<W: AsyncWrite + Unpin>(mut answer: Answer<'_, W>, shared: &Shared) -> io::Result<()> {
    shared.attentions.fetch_add(1, Ordering::SeqCst);
    answer.done(DONE_ATTENTION, 0, false);
    answer.send(true).await
}

async fn attended(line: &mut (impl AsyncWrite + Unpin), packet_bytes: usize, shared: &Shared) -> io::Result<()> {
    acknowledge(Answer::new(line, packet_bytes), shared).await?;
    line.flush().await
}

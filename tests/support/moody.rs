//! A mail server that refuses, stalls or drops at any step of the conversation, and remembers what it took.
#![allow(dead_code, reason = "every test uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A step of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    /// The letter is there, and not answered yet.
    Dot,
}

/// What it does at that step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Says this instead of yes.
    Says(&'static str),
    /// Says nothing for ever.
    Stalls,
    /// Hangs up.
    Drops,
    /// Takes the letter for good and hangs up before it says so.
    TakesAndDrops,
    /// Takes the letter for good and says nothing for ever.
    TakesAndStalls,
}

/// A running server.
pub struct Moody {
    pub port: u16,
    mood: Arc<Mutex<Option<(Step, Mood)>>>,
    taken: Arc<Mutex<Vec<String>>>,
    met: Arc<Mutex<usize>>,
    asked: Arc<AtomicUsize>,
}

impl Moody {
    /// Starts one in a good mood.
    pub fn start() -> Moody {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let moody = Moody { port, mood: Arc::default(), taken: Arc::default(), met: Arc::default(), asked: Arc::default() };
        let (mood, taken, met, asked) = (moody.mood.clone(), moody.taken.clone(), moody.met.clone(), moody.asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                asked.fetch_add(1, Ordering::Relaxed);
                let (mood, taken, met) = (*mood.lock().expect("mood"), taken.clone(), met.clone());
                thread::spawn(move || drop(talk(&stream, mood, &taken, &met)));
            }
        });
        moody
    }

    /// From the next conversation on.
    pub fn mood(&self, mood: Option<(Step, Mood)>) {
        *self.mood.lock().expect("mood") = mood;
        *self.met.lock().expect("met") = 0;
    }

    /// How often the mood has struck since it was set.
    pub fn met(&self) -> usize {
        *self.met.lock().expect("met")
    }

    /// How many conversations were begun with it.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Recipient and Message-ID of every letter that it took.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("taken").clone()
    }
}

fn talk(stream: &TcpStream, mood: Option<(Step, Mood)>, taken: &Mutex<Vec<String>>, met: &Mutex<usize>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut out = stream.try_clone()?;
    let mut to = String::new();
    // False ends the conversation.
    let mut step = |at: Step, yes: &str, letter: Option<&str>| -> std::io::Result<bool> {
        let struck = mood.filter(|(step, _)| *step == at);
        if struck.is_some() {
            *met.lock().expect("met") += 1;
        }
        let keep = |letter: Option<&str>| taken.lock().expect("taken").extend(letter.map(str::to_owned));
        match struck.map(|(_, mood)| mood) {
            None => {
                keep(letter);
                out.write_all(yes.as_bytes())?;
                Ok(true)
            }
            Some(Mood::Says(no)) => {
                out.write_all(format!("{no}\r\n").as_bytes())?;
                Ok(at != Step::Greeting)
            }
            Some(Mood::Drops) => Ok(false),
            Some(Mood::TakesAndDrops) => {
                keep(letter);
                Ok(false)
            }
            Some(it) => {
                if it == Mood::TakesAndStalls {
                    keep(letter);
                }
                thread::sleep(Duration::from_mins(1));
                Ok(false)
            }
        }
    };
    if !step(Step::Greeting, "220 moody\r\n", None)? {
        return Ok(());
    }
    while let Some(line) = lines.next().transpose()? {
        let word = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
        let goes_on = match word.as_str() {
            "EHLO" => step(Step::Ehlo, "250-moody\r\n250 8BITMIME\r\n", None)?,
            "MAIL" => step(Step::Mail, "250 ok\r\n", None)?,
            "RCPT" => {
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                step(Step::Rcpt, "250 ok\r\n", None)?
            }
            "DATA" => {
                if !step(Step::Data, "354 go on\r\n", None)? {
                    return Ok(());
                }
                if matches!(mood, Some((Step::Data, Mood::Says(_)))) {
                    continue;
                }
                let mut id = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|it| it != ".") {
                    if let Some(it) = line.strip_prefix("Message-ID: ") {
                        it.clone_into(&mut id);
                    }
                }
                step(Step::Dot, "250 taken\r\n", Some(&format!("{to} {id}")))?
            }
            "QUIT" => {
                stream.try_clone()?.write_all(b"221 bye\r\n")?;
                false
            }
            _ => {
                stream.try_clone()?.write_all(b"250 ok\r\n")?;
                true
            }
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

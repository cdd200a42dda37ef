//! The helper: a process of its own for each pull, so that a driver that breaks down takes nothing else along.
//!
//! Drivers are other people's C. Debian's psqlodbc 13.02 with `UseDeclareFetch=1` dereferences nothing when the line is cut: the helper dies
//! of it, and the pull has failed.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use arrow::array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::line::{ANSWER, Answer, FRAME_MAX, ROWS, Request};
use super::trouble;
use crate::{Failure, said};

/// What the dynamic loader ends with when a library is missing.
const NO_LIBRARY: i32 = 127;

/// A helper at work. It is killed when dropped, and ends by itself when we do.
pub(super) struct Helper {
    child: Child,
    /// Open as long as the helper is wanted.
    _wanted: ChildStdin,
    said: ChildStdout,
    failed: Failure,
}

/// What a helper gives.
pub(super) enum Given {
    Answer(Answer),
    Rows(RecordBatch),
}

impl Helper {
    /// Starts `program` below `root` and says what it is to do. `failed` names source and table.
    pub(super) async fn start(program: &Path, root: &Path, request: &Request, failed: Failure) -> Result<Helper, Failure> {
        let broke = |it: std::io::Error| {
            let why = said!("辅助程序 {} 无法启动：{it}", "the helper {} does not start: {it}", program.display());
            Failure { why, ..failed.clone() }.hint(trouble::build_it())
        };
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        if root.is_dir() {
            command.current_dir(root);
        }
        let mut child = command.spawn().map_err(broke)?;
        let mut wanted = child.stdin.take().expect("it was piped");
        let said = child.stdout.take().expect("it was piped");
        let line = serde_json::to_string(request).expect("a request is JSON") + "\n";
        // One that is gone already tells why by its end.
        let _ = wanted.write_all(line.as_bytes()).await;
        Ok(Helper { child, _wanted: wanted, said, failed })
    }

    /// The next answer or rows. What did not work in the helper, and its death, are failures.
    pub(super) async fn next(&mut self) -> Result<Given, Failure> {
        let mut head = [0; 5];
        if self.said.read_exact(&mut head).await.is_err() {
            return Err(self.died().await);
        }
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        if length > FRAME_MAX {
            return Err(self.unclear());
        }
        let mut content = vec![0; length as usize];
        if self.said.read_exact(&mut content).await.is_err() {
            return Err(self.died().await);
        }
        match head[0] {
            ANSWER => match serde_json::from_slice(&content) {
                Ok(Answer::Trouble(it)) => Err(trouble::told(self.failed.clone(), &it)),
                Ok(answer) => Ok(Given::Answer(answer)),
                Err(_) => Err(self.unclear()),
            },
            ROWS => {
                let batch = StreamReader::try_new(content.as_slice(), None).ok().and_then(|mut it| it.next());
                batch.and_then(Result::ok).map(Given::Rows).ok_or_else(|| self.unclear())
            }
            _ => Err(self.unclear()),
        }
    }

    /// The next answer; rows are none here.
    pub(super) async fn answer(&mut self) -> Result<Answer, Failure> {
        match self.next().await? {
            Given::Answer(it) => Ok(it),
            Given::Rows(_) => Err(self.unclear()),
        }
    }

    /// What was said is not what was asked for.
    pub(super) fn unclear(&self) -> Failure {
        let why = said!("辅助程序的回答无法理解", "the helper's answer is not understood");
        Failure { why, ..self.failed.clone() }
            .hint(said!("muster-odbc 与 muster 是同一版本吗？", "are muster-odbc and muster of one version?"))
    }

    async fn died(&mut self) -> Failure {
        let ended = self.child.wait().await;
        trouble::died(self.failed.clone(), ended.as_ref().map_or(End::Unknown, |it| End::of(*it)))
    }
}

/// How a helper ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By a signal: a driver broke down.
    Signal(i32),
    /// It could not be loaded.
    NoLibrary,
    /// With a code.
    Code(i32),
    Unknown,
}

impl End {
    fn of(status: ExitStatus) -> End {
        match (status.signal(), status.code()) {
            (Some(signal), _) => End::Signal(signal),
            (_, Some(NO_LIBRARY)) => End::NoLibrary,
            (_, Some(code)) => End::Code(code),
            _ => End::Unknown,
        }
    }
}

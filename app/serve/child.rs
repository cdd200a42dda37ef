//! A night, a backup, a clearing up as a process of its own.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::commands::Code;

/// Lines of what it said that are kept for the ledger.
const LINES_KEPT: usize = 6;

/// Characters of them.
const WHY_MAX: usize = 600;

/// A job that runs.
pub struct Child {
    process: tokio::process::Child,
    said: JoinHandle<VecDeque<String>>,
    deadline: Instant,
    minutes: u32,
    /// When this is closed, the night ends: also when we are killed.
    _leash: Option<ChildStdin>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done; of a night: it is kept, and every feed was used.
    Fine,
    /// A night is kept, and a feed was left out.
    LeftOut,
    /// It is not done.
    Failed(String),
}

impl Child {
    /// Begins `command`, one of this program's own.
    pub fn begin(config: &Path, command: &[String], minutes: u32) -> std::io::Result<Child> {
        let mut process = Command::new(super::program()?)
            .args(command)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let leash = process.stdin.take();
        let stderr = process.stderr.take();
        let said = tokio::spawn(async move {
            let mut kept = VecDeque::new();
            let Some(stderr) = stderr else { return kept };
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("{line}");
                if !line.trim().is_empty() {
                    kept.push_back(line.trim().to_owned());
                }
                if kept.len() > LINES_KEPT {
                    kept.pop_front();
                }
            }
            kept
        });
        let deadline = Instant::now() + Duration::from_secs(u64::from(minutes) * 60);
        Ok(Child { process, said, deadline, minutes, _leash: leash })
    }

    /// Waits for its end; cuts it at the deadline.
    pub async fn ended(&mut self) -> Ended {
        let status = tokio::select! {
            status = self.process.wait() => status,
            () = sleep_until(self.deadline) => {
                let killed = self.process.kill().await;
                tracing::error!(minutes = self.minutes, ?killed, "it was cut at its deadline");
                return Ended::Failed(format!("超过 {} 分钟被终止 cut after {} minutes", self.minutes, self.minutes));
            }
        };
        let said = (&mut self.said).await.unwrap_or_default();
        let said: String = Vec::from(said).join(" | ").chars().take(WHY_MAX).collect();
        match status {
            Ok(status) if status.code() == Some(Code::Fine as i32) => Ended::Fine,
            Ok(status) if status.code() == Some(Code::LeftOut as i32) => Ended::LeftOut,
            Ok(status) => Ended::Failed(format!("{status}: {said}")),
            Err(err) => Ended::Failed(err.to_string()),
        }
    }

    /// Ends it at once: a night that is not kept leaves nothing.
    pub async fn cut(mut self) {
        if let Err(err) = self.process.kill().await {
            tracing::warn!(%err, "its process cannot be ended");
        }
    }
}

/// Ends this process when the one that began it is gone: its end of our standard input closes.
pub fn leash() {
    std::thread::spawn(|| {
        let mut nothing = Vec::new();
        let _ = std::io::Read::read_to_end(&mut std::io::stdin(), &mut nothing);
        std::process::exit(Code::Trouble as i32);
    });
}

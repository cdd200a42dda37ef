//! How long to wait for a server: for the next rows, and for the whole table.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use crate::{Failure, Piece, said};

/// The two limits of a pull.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For connecting, and between two pieces.
    pub idle: Duration,
    /// For the whole pull.
    pub total: Duration,
}

impl Patience {
    /// What holds when the settings say nothing: a minute of silence, two hours in all.
    pub(crate) fn new(idle_seconds: Option<u64>, total_minutes: Option<u64>) -> Patience {
        Patience {
            idle: Duration::from_secs(idle_seconds.unwrap_or(60).max(1)),
            total: Duration::from_secs(60 * total_minutes.unwrap_or(120).max(1)),
        }
    }

    /// Waits for one answer of the server.
    pub(crate) async fn answer<T, E>(
        self,
        failure: &Failure,
        asked: impl Future<Output = Result<T, E>>,
        told: impl FnOnce(E) -> Failure,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.idle, asked).await {
            Ok(answer) => answer.map_err(told),
            Err(_) => Err(self.silent(failure)),
        }
    }

    /// Waits until others have done with what only one can use at a time.
    pub(crate) async fn turn<T>(self, failure: &Failure, turn: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout(self.total, turn).await.map_err(|_| self.overdue(failure))
    }

    /// The same pieces, ending in a failure when the next one does not come in time. Dropping the stream drops the pull.
    pub(crate) fn watch(
        self,
        failure: Failure,
        pieces: BoxStream<'static, Result<Piece, Failure>>,
    ) -> BoxStream<'static, Result<Piece, Failure>> {
        let end = Instant::now() + self.total;
        futures::stream::unfold(Some((pieces, failure)), move |open| async move {
            let (mut pieces, failure) = open?;
            let idle = Instant::now() + self.idle;
            match timeout_at(idle.min(end), pieces.next()).await {
                Ok(None) => None,
                Ok(Some(Err(failed))) => Some((Err(failed), None)),
                Ok(Some(Ok(piece))) => Some((Ok(piece), Some((pieces, failure)))),
                Err(_) if idle <= end => Some((Err(self.silent(&failure)), None)),
                Err(_) => Some((Err(self.overdue(&failure)), None)),
            }
        })
        .boxed()
    }

    fn silent(self, failure: &Failure) -> Failure {
        let why = said!("{} 秒没有任何数据", "nothing came for {} s", self.idle.as_secs());
        Failure { why, ..failure.clone() }
            .hint(said!(
                "线路通吗，服务器繁忙吗？时限由 `idle_seconds` 设定",
                "is the line up, is the server busy? `idle_seconds` sets the limit"
            ))
            .passing()
    }

    fn overdue(self, failure: &Failure) -> Failure {
        let why = said!("{} 分钟仍未完成", "it was not done after {} minutes", self.total.as_secs() / 60);
        Failure { why, ..failure.clone() }.hint(said!("时限由 `total_minutes` 设定", "`total_minutes` sets the limit"))
    }
}

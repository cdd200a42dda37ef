//! Where answers and rows go.

use std::io::{Stdout, Write as _, stdout};

use arrow::array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use muster_connectors::odbc::line::{ANSWER, Answer, ROWS};

use crate::trouble::Broken;

/// The pipe to `muster`.
pub struct Outlet(Stdout);

impl Outlet {
    pub fn new() -> Outlet {
        Outlet(stdout())
    }

    pub fn answer(&mut self, answer: &Answer) -> Result<(), Broken> {
        self.frame(ANSWER, &serde_json::to_vec(answer).expect("an answer is JSON"))
    }

    pub fn rows(&mut self, batch: &RecordBatch) -> Result<(), Broken> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("memory takes it");
        writer.write(batch).expect("memory takes it");
        let content = writer.into_inner().expect("memory takes it");
        self.frame(ROWS, &content)
    }

    fn frame(&mut self, holds: u8, content: &[u8]) -> Result<(), Broken> {
        let length = u32::try_from(content.len()).expect("a batch is far smaller");
        self.0.write_all(&[holds])?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(content)?;
        Ok(self.0.flush()?)
    }
}

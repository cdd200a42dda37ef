//! Pulls and maps without landing anything: what `check` and `preview` look at.

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::StreamExt;
use muster_connectors::{Connector, Failure, Piece, SkippedLine};
use muster_core::map::{self, Mapper, Reject, Tally, Unmet, Unusable};
use muster_core::mapping::Feed;
use serde::Serialize;

use crate::night::Said;
use crate::pull;

/// What a feed would give tonight.
pub struct Dry {
    /// The first mapped rows, as many as were asked for.
    pub rows: Vec<RecordBatch>,
    /// Every row that cannot be read.
    pub rejects: Vec<Reject>,
    /// Lines that are neither rows nor totals.
    pub skipped: Vec<SkippedLine>,
    /// Counts.
    pub tally: Tally,
    /// Expectations that are not met.
    pub unmet: Vec<Unmet>,
    /// Why nothing could be mapped; null when it could.
    pub unusable: Option<Unusable>,
}

/// Pulls all of `feed` from `source` and maps it; keeps at most `keep_rows` mapped rows. `hash_key` is the city's key of account hashes.
pub async fn pull(
    source: &dyn Connector,
    feed: &Feed,
    table: Option<&str>,
    keep_rows: usize,
    tonight: NaiveDate,
    hash_key: &str,
) -> Result<Dry, Failure> {
    let mut ask = pull::ask(feed);
    if let Some(table) = table {
        table.clone_into(&mut ask.table);
    }
    let mut pull = source.pull(&ask).await?;
    let mut dry =
        Dry { rows: Vec::new(), rejects: Vec::new(), skipped: Vec::new(), tally: Tally::default(), unmet: Vec::new(), unusable: None };
    let mut mapper = match Mapper::new(feed, &pull.schema, hash_key) {
        Ok(it) => it,
        Err(unusable) => {
            dry.unusable = Some(unusable);
            return Ok(dry);
        }
    };
    let (mut kept, mut broken, mut totals) = (0, 0, Vec::new());
    while let Some(piece) = pull.pieces.next().await {
        match piece? {
            Piece::Rows(rows) => {
                let mapped = mapper.apply(&rows);
                dry.rejects.extend(mapped.rejects);
                let wanted = mapped.rows.num_rows().min(keep_rows - kept);
                if wanted > 0 {
                    dry.rows.push(mapped.rows.slice(0, wanted));
                    kept += wanted;
                }
            }
            Piece::Broken(row) => {
                broken += 1;
                dry.rejects.push(pull::broken_reject(row));
            }
            Piece::Total(it) => totals.push(pull::total(it)),
            Piece::Skipped(line) => dry.skipped.push(line),
            Piece::File(_) => {}
        }
    }
    dry.tally = mapper.finish();
    dry.tally.rejected_people.clear();
    dry.tally.pulled += broken;
    dry.tally.rejected += broken;
    dry.unmet = map::unmet(feed, &dry.tally, None, &totals, tonight);
    Ok(dry)
}

/// `Dry` without personal data, for `--json`.
#[derive(Serialize)]
pub struct DryTold<'a> {
    /// Counts, unmapped codes, untold columns.
    pub tally: &'a Tally,
    /// Rejected rows: place, column, reason, hint.
    pub rejects: Vec<RejectTold<'a>>,
    /// Expectations that are not met, in Chinese and English.
    pub unmet: Vec<(&'a str, &'a str)>,
    /// Why nothing could be mapped.
    pub unusable: Vec<Said>,
}

/// A reject without its cells.
#[derive(Serialize)]
pub struct RejectTold<'a> {
    file: Option<&'a str>,
    sheet: Option<&'a str>,
    row: Option<i64>,
    column: &'a str,
    why: &'a str,
    hint: Option<&'a str>,
}

impl<'a> RejectTold<'a> {
    /// What may be told of `reject`.
    pub fn of(it: &'a Reject) -> RejectTold<'a> {
        RejectTold {
            file: it.file.as_deref(),
            sheet: it.sheet.as_deref(),
            row: it.row,
            column: &it.column,
            why: &it.why,
            hint: it.hint.as_deref(),
        }
    }
}

impl Dry {
    /// What may be printed as JSON.
    pub fn told(&self) -> DryTold<'_> {
        DryTold {
            tally: &self.tally,
            rejects: self.rejects.iter().map(RejectTold::of).collect(),
            unmet: self.unmet.iter().map(|it| (it.zh.as_str(), it.en.as_str())).collect(),
            unusable: self.unusable.iter().flat_map(|it| &it.troubles).map(pull::said).collect(),
        }
    }

    /// Whether there is anything to mend.
    pub fn is_clean(&self) -> bool {
        self.rejects.is_empty() && self.unmet.is_empty() && self.unusable.is_none() && self.tally.unmapped_codes.is_empty()
    }
}

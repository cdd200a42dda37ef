//! Every key that a mapping file may have, once: the reader, its hints and the JSON Schema for editors all look here.

/// One key of a table in a mapping file.
pub(super) struct Key {
    pub name: &'static str,
    pub holds: Holds,
    pub needed: bool,
    pub about: &'static str,
}

/// What stands behind a key.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    Text,
    /// Text out of these.
    Word(&'static [&'static str]),
    Texts,
    /// One text, or several to be tried in turn.
    TextOrTexts,
    /// Text, a whole number or yes/no, taken as text.
    Cell,
    Whole,
    /// 0 to 1.
    Share,
    Flag,
    /// A table with these keys.
    Table(&'static [Key]),
    /// Tables with these keys.
    Tables(&'static [Key]),
    /// Inline codes, the name of a table of codes, or a CSV file.
    Codes,
    /// Tables of codes by name.
    CodeTables,
    /// A table by source column.
    BySourceColumn,
    /// A table by shared column; what stands behind each depends on the table the feed fills.
    BySharedColumn,
    /// The rows of [`EXPECT`], and bounds by shared column.
    Expect,
    /// "40 days", or a table with [`FRESH`].
    Fresh,
}

const fn needed(name: &'static str, holds: Holds, about: &'static str) -> Key {
    Key { name, holds, needed: true, about }
}

const fn may(name: &'static str, holds: Holds, about: &'static str) -> Key {
    Key { name, holds, needed: false, about }
}

pub(super) const MAPPING: &[Key] = &[
    needed("title", Holds::Table(TITLE), "What the system is called."),
    needed("feed", Holds::Tables(FEED), "One table of the system, and the shared table it fills."),
    may("codes", Holds::CodeTables, "Tables of codes that several columns share: the source's code = the shared code."),
];

pub(super) const TITLE: &[Key] = &[needed("zh", Holds::Text, "中文名称"), needed("en", Holds::Text, "English name")];

pub(super) const FEED: &[Key] = &[
    may("name", Holds::Text, "Unique in this file; the value of `fills` when left out."),
    needed("fills", Holds::Text, "The shared table."),
    may("source", Holds::Text, "Which source of the department file; may be left out when it has one."),
    needed("table", Holds::Text, "What the connector is asked for: a table name, or a pattern of file names."),
    needed("columns", Holds::BySharedColumn, "How each shared column is filled."),
    may("draft", Holds::Flag, "true: written by `muster init` and not yet looked at; nights pull it and conclude nothing from it."),
    may("keep", Holds::Table(KEEP), "Which rows this feed is for; the others are counted as set aside."),
    may("ignore", Holds::Table(IGNORE), "Source columns that are left alone on purpose."),
    may("expect", Holds::Expect, "What a healthy delivery looks like; otherwise the feed is left out of the night."),
    may(
        "incremental",
        Holds::Table(INCREMENTAL),
        "Pull only what changed and merge it into what was landed; proved against the source every night.",
    ),
    may("guard", Holds::Table(GUARD), "How far a delivery may differ from the median of the last nights before it is held."),
    may("example", Holds::Tables(EXAMPLE), "Worked rows, proved before real data is read."),
];

pub(super) const INCREMENTAL: &[Key] = &[
    needed("column", Holds::Text, "The source column that tells when a row changed: days, instants, or a number that only rises."),
    needed("lookback", Holds::Cell, "How far before the newest value known a pull begins: \"7 days\", or a number for columns that count."),
    needed("key", Holds::TextOrTexts, "The source columns that tell which row is which."),
    may("full_every", Holds::Text, "How often everything is pulled all the same; \"7 days\" when left out."),
];

pub(super) const GUARD: &[Key] = &[
    may("on", Holds::Flag, "false: not guarded."),
    may("rows", Holds::Share, "Largest change of the rows; 0.3 when left out. A fall counts in all, a rise by the average month."),
    may("people", Holds::Share, "Largest change of the number of distinct people; 0.3 when left out."),
    may("sums", Holds::Share, "Largest change of the sum of any column of amounts; 0.5 when left out."),
    may("nights", Holds::Whole, "How many nights make the usual, by their median; 7 when left out."),
    may("rows_min", Holds::Whole, "Feeds that usually have fewer rows are not guarded; 200 when left out."),
];

pub(super) const COLUMN: &[Key] = &[
    may("from", Holds::Text, "The source column, or _file, _sheet, _row, _title."),
    may("value", Holds::Cell, "The same value in every row."),
    may("sql", Holds::Text, "An SQL expression over the source's columns; amounts come out in fen unless `money` says otherwise."),
    may("pattern", Holds::Text, "A regular expression; its captures, joined with `-`, are read instead of the whole cell."),
    may("date", Holds::TextOrTexts, "How days are written: any, excel, or a strftime format; several are tried in turn."),
    may("month", Holds::TextOrTexts, "How months are written: any, excel, or a strftime format; several are tried in turn."),
    may("money", Holds::Word(MONEY), "What one unit of the number is worth."),
    may("codes", Holds::Codes, "What the source's codes mean."),
    may("flag", Holds::Table(FLAG), "The source's words for yes and no."),
    may("default", Holds::Cell, "What a blank cell counts as."),
];

pub(super) const MONEY: &[&str] = &["yuan", "wan", "fen"];

pub(super) const FLAG: &[Key] = &[needed("yes", Holds::Texts, "Words for yes."), needed("no", Holds::Texts, "Words for no.")];

pub(super) const CODE_FILE: &[Key] = &[needed("file", Holds::Text, "A CSV file beside the mapping, with the header from,to.")];

pub(super) const KEEP: &[Key] = &[needed("when", Holds::Text, "An SQL predicate over the source's columns; null counts as no.")];

pub(super) const IGNORE: &[Key] = &[needed("columns", Holds::Texts, "Source columns; \"*\" for all the rest.")];

pub(super) const EXPECT: &[Key] = &[
    may("rows", Holds::Table(ROWS), "Mapped rows."),
    may("rejected", Holds::Table(REJECTED), "Rejected rows."),
    may("fresh", Holds::Fresh, "How old the newest month may be, counted from its last day."),
    may("months", Holds::Table(MONTHS), "How the months follow each other."),
];

pub(super) const ROWS: &[Key] = &[
    may("min", Holds::Whole, "At least so many."),
    may("max", Holds::Whole, "At most so many."),
    may("max_drop", Holds::Share, "Largest share of the last night's rows that may be missing tonight."),
];

pub(super) const REJECTED: &[Key] = &[needed("max", Holds::Share, "Largest share of rows that may be rejected; 0.01 when left out.")];

pub(super) const FRESH: &[Key] =
    &[needed("column", Holds::Text, "A shared column of days."), needed("within", Holds::Text, "Such as \"40 days\".")];

pub(super) const MONTHS: &[Key] = &[
    may("gaps", Holds::Flag, "Whether a month may be missing between the first and the last; true when left out."),
    may("max_drop", Holds::Share, "Largest share of a month's rows that may be missing in the next."),
];

pub(super) const COLUMN_BOUND: &[Key] = &[
    may("filled", Holds::Share, "Least share of mapped rows that have a value."),
    may("total", Holds::Flag, "true: the source must state totals, and they must agree; false: totals are not compared."),
    may("sum_yuan", Holds::Table(SUM), "Bounds of the sum of all rows, in whole yuan."),
];

pub(super) const SUM: &[Key] = &[
    may("min", Holds::Whole, "At least, yuan."),
    may("max", Holds::Whole, "At most, yuan."),
    may("max_change", Holds::Share, "Largest change against the last night, as a share."),
];

pub(super) const EXAMPLE: &[Key] = &[
    needed("given", Holds::BySourceColumn, "Raw cells by source column; columns that are not named are null."),
    may("gives", Holds::BySharedColumn, "What must come out; \"\" is null."),
    may("gives_reject", Holds::Text, "The row must be rejected, and the reason or the column contain this."),
    may("gives_aside", Holds::Flag, "true: `keep` must set the row aside."),
];

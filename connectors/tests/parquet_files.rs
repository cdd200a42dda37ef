//! Parquet keeps its types, and files of one table may differ.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Piece, Place, Pull, open};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let groups_of_two = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups_of_two)).expect("a writer");
    writer.write(&batch).expect("to write the rows");
    writer.close().expect("to close the file");
}

async fn pull(root: &Path) -> (Pull, Vec<RecordBatch>) {
    let place = Place { department: "insurance".to_owned(), source: "files".to_owned(), root: root.to_owned() };
    let source = open(place, "kind = 'parquet'\nsettle_seconds = 0".parse().expect("TOML")).expect("the settings are right");
    let ask = Ask { table: "*.parquet".to_owned(), columns: vec!["aac002".to_owned()], batch_rows: 100, since: None };
    let mut pull = source.pull(&ask).await.expect("a pull");
    let pieces: Vec<Piece> = std::mem::replace(&mut pull.pieces, Box::pin(futures::stream::empty())).try_collect().await.expect("pieces");
    let batches = pieces.into_iter().filter_map(|it| if let Piece::Rows(batch) = it { Some(batch) } else { None }).collect();
    (pull, batches)
}

#[tokio::test]
async fn types_are_kept_and_texts_are_of_one_kind() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let names: DictionaryArray<Int32Type> = ["陈䶮", "𠮷田", "陈䶮"].into_iter().collect();
    write(
        &root.path().join("a.parquet"),
        vec![
            ("AAC002", Arc::new(LargeStringArray::from(vec!["330683198001011234", "33068319810202224X", "1"])) as ArrayRef),
            ("AAC003", Arc::new(names)),
            ("AAE041", Arc::new(Int64Array::from(vec![Some(202_601), None, Some(202_603)]))),
            ("AAC006", Arc::new(Date32Array::from(vec![3652, 4051, 0]))),
        ],
    );
    let (pull, batches) = pull(root.path()).await;
    let kinds: Vec<(&str, &DataType)> = pull.schema.fields().iter().map(|it| (it.name().as_str(), it.data_type())).collect();
    assert_eq!(
        kinds[..4],
        [("aac002", &DataType::Utf8), ("AAC003", &DataType::Utf8), ("AAE041", &DataType::Int64), ("AAC006", &DataType::Date32),]
    );
    let batch = arrow::compute::concat_batches(&pull.schema, &batches).expect("one batch");
    assert_eq!(batch["aac002"].as_string::<i32>().value(1), "33068319810202224X");
    assert_eq!(batch["AAC003"].as_string::<i32>().value(2), "陈䶮");
    assert!(batch["AAE041"].as_primitive::<Int64Type>().is_null(1));
    assert_eq!(batch["AAC006"].as_primitive::<Date32Type>().value(0), 3652);
    assert_eq!(batch["_row"].as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

#[tokio::test]
async fn a_column_of_two_types_is_text_and_a_missing_one_is_null() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let id = || Arc::new(StringArray::from(vec!["330683198001011234"])) as ArrayRef;
    write(&root.path().join("a.parquet"), vec![("aac002", id()), ("month", Arc::new(Int64Array::from(vec![202_601])))]);
    write(&root.path().join("b.parquet"), vec![("month", Arc::new(StringArray::from(vec!["2026-02"]))), ("aac002", id()), ("new", id())]);
    let (pull, batches) = pull(root.path()).await;
    let batch = arrow::compute::concat_batches(&pull.schema, &batches).expect("one batch");
    let months: Vec<_> = batch["month"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(months, ["202601", "2026-02"]);
    assert!(batch["new"].is_null(0) && batch["new"].is_valid(1));
    let files: Vec<_> = batch["_file"].as_string::<i32>().iter().flatten().collect();
    assert_eq!(files, ["a.parquet", "b.parquet"]);
}

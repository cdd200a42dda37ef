//! Sealed Parquet files: the engine asks for what opens them, file by file.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::common::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::common::{Result, not_impl_err};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::execution::parquet_encryption::EncryptionFactory;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::object_store::path::Path;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;

/// What our keys are called within the engine.
const NAME: &str = "muster";

/// Tells the engine what opens files.
pub(super) fn register(runtime: &RuntimeEnv, opening: &Arc<FileDecryptionProperties>) {
    runtime.register_parquet_encryption_factory(NAME, Arc::new(Keys(opening.clone())));
}

/// How files are read: with what was registered, if they are sealed.
pub(super) fn format(is_sealed: bool) -> ParquetFormat {
    let mut options = TableParquetOptions::default();
    options.crypto.factory_id = is_sealed.then(|| NAME.to_owned());
    ParquetFormat::default().with_options(options)
}

#[derive(Debug)]
struct Keys(Arc<FileDecryptionProperties>);

#[async_trait]
impl EncryptionFactory for Keys {
    async fn get_file_encryption_properties(
        &self,
        _: &EncryptionFactoryOptions,
        _: &SchemaRef,
        _: &Path,
    ) -> Result<Option<Arc<FileEncryptionProperties>>> {
        not_impl_err!("the engine writes no files")
    }

    async fn get_file_decryption_properties(
        &self,
        _: &EncryptionFactoryOptions,
        _: &Path,
    ) -> Result<Option<Arc<FileDecryptionProperties>>> {
        Ok(Some(self.0.clone()))
    }
}

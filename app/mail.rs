//! Mail: what a night tells each reader, and how it gets there.
//!
//! A letter holds counts, case numbers, rules and units; never a name, an ID number, an account or an amount. It is written to the
//! outbox in the transaction of its night ([`crate::store::outbox`]) and sent afterwards ([`send`]).

pub mod bounce;
pub mod commands;
mod letter;
mod post;
mod reader;
mod send;
mod settings;
pub mod smime;

pub use bounce::Report;
#[cfg(test)]
pub use letter::Kind;
pub use letter::{Letter, failed_night, letters, undelivered};
pub use post::Post;
pub use reader::{concerned, readers, share};
pub use send::deliver;
pub use settings::{MailFile, MailSettings, Tls};

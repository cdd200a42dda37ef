//! Mail: what a night tells each reader, and how it gets there.
//!
//! A letter holds counts, case numbers, rules and units; never a name, an ID number, an account or an amount. It is written to the
//! outbox in the transaction of its night ([`crate::store::outbox`]) and sent afterwards ([`send`]).

mod about;
pub mod alarm;
pub mod bounce;
pub mod commands;
mod enclose;
pub mod kind;
mod letter;
mod period;
mod post;
mod reader;
mod send;
mod settings;
pub mod smime;
mod template;

pub use bounce::Report;
pub use letter::{Letter, Wanted, failed_night, history, letters, undelivered};
pub use post::Post;
pub use reader::{concerned, readers, share};
pub use send::deliver;
pub use settings::{Attach, MailFile, MailSettings, Tls};
pub use template::Templates;

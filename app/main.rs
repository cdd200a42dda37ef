//! The `muster` command.

mod demo;
mod night;
mod page;
mod sheet;
mod store;

fn main() {}

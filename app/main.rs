//! The `muster` command.

mod demo;
mod digest;
mod files;
mod night;
mod page;
#[cfg(test)]
mod sample;
mod sheet;
mod store;
mod words;

fn main() {}

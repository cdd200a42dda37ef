//! The rule cards and mappings that come with the binary.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

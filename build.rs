//! Puts the shipped rule cards and mappings into the binary, so that one file is a whole installation.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut code = String::new();
    for (list, folder, ending) in [("RULES", "rules", ".md"), ("MAPPINGS", "mappings", "")] {
        println!("cargo:rerun-if-changed={folder}");
        let _ = writeln!(code, "/// The files of `{folder}/`: name and text, in name order.\npub const {list}: &[(&str, &str)] = &[");
        for path in files(&Path::new(&root).join(folder)).into_iter().filter(|it| it.ends_with(ending)) {
            let name = path.rsplit('/').next().expect("a path has a last part").to_owned();
            println!("cargo:rerun-if-changed={path}");
            let _ = writeln!(code, "    ({name:?}, include_str!({path:?})),");
        }
        code.push_str("];\n");
    }
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("shipped.rs"), code).expect("the build folder can be written");
}

fn files(folder: &Path) -> Vec<String> {
    let mut paths: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.filter_map(Result::ok).map(|it| it.path().display().to_string()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

//! Rules about the source itself, run with the other tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 300; // Without tests. Split by concept before raising it.

/// What a library that returns instead of printing, and draws from keyed generators, never says.
const FORBIDDEN: [&str; 9] = [
    "println!",
    "print!(",
    "dbg!",
    "process::exit",
    "Instant::now",
    "SystemTime",
    "Utc::now",
    "rand::rng",
    "thread_rng",
];

/// Layers with tensors, where the order of a sum decides its bits.
const TENSOR_LAYERS: [&str; 7] =
    ["model", "loss", "optim", "infer", "train", "evaluate", "predict"];

#[test]
fn each_folder_uses_only_those_above_it() {
    let order = layers();
    for (rank, layer) in order.iter().enumerate() {
        for_each_source(layer, &mut |path, code| {
            let code: Vec<&str> = lines_of_code(code).collect();
            for used in used_layers(&code.join("\n")) {
                let Some(used_rank) = order.iter().position(|it| *it == used) else { continue };
                assert!(used_rank <= rank, "{} uses {used}, which is below", path.display());
            }
        });
    }
}

#[test]
fn every_folder_is_in_the_reading_order() {
    let order = layers();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "lib" || name == "main" || order.contains(&name), "{}", path.display());
    }
}

#[test]
fn groups_and_paths_of_uses_are_read() {
    let code = "use crate::{\n    error::{Error, raster::X},\n    model,\n};\n crate::loss::f(); \
                use crate::weights::State;";
    assert_eq!(used_layers(code), ["error", "model", "loss", "weights"]);
}

/// The layers before `model` do not know the tensor framework: they build and test without it.
#[test]
fn data_layers_do_not_know_the_tensor_framework() {
    for layer in layers().iter().take_while(|it| *it != "model") {
        for_each_source(layer, &mut |path, code| {
            assert!(!code.contains("burn"), "{} mentions burn", path.display());
        });
    }
}

#[test]
fn files_say_what_they_are() {
    for_each_source("", &mut |path, code| {
        assert!(code.starts_with("//! "), "{} does not open with `//! `", path.display());
    });
}

#[test]
fn files_hold_one_concept() {
    for_each_source("", &mut |path, code| {
        let n_lines = code.lines().count();
        assert!(n_lines <= MAX_LINES, "{}: {n_lines} > {MAX_LINES} lines", path.display());
    });
}

#[test]
fn the_library_neither_prints_nor_exits_nor_reads_clocks_nor_draws_unkeyed() {
    for layer in layers().iter().filter(|it| *it != "cli") {
        for_each_source(layer, &mut |path, code| {
            for forbidden in FORBIDDEN {
                let found = lines_of_code(code).find(|line| line.contains(forbidden));
                assert_eq!(found, None, "{} has {forbidden}", path.display());
            }
        });
    }
}

/// Whole tensors are summed by `loss/reduce.rs` alone; iterators say the type of their sum.
#[test]
fn whole_tensors_are_summed_in_a_fixed_order() {
    for layer in TENSOR_LAYERS {
        for_each_source(layer, &mut |path, code| {
            if path.ends_with("loss/reduce.rs") {
                return;
            }
            let sums = |line: &&str| line.contains(".sum()") || line.contains(".mean()");
            let found = lines_of_code(code).find(sums);
            assert_eq!(found, None, "{}: wanted sum_fixed or .sum::<T>()", path.display());
        });
    }
}

/// The compiler forbids `unsafe` in the main package; in the kernels each use says why it is sound.
#[test]
fn unsafe_code_is_in_the_kernels_alone_and_explained() {
    let manifest =
        |folder: &str| fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    assert!(manifest("").contains("unsafe_code = \"forbid\""));
    let kernels = manifest("crates/swath-kernels");
    assert!(kernels.contains("undocumented_unsafe_blocks = \"deny\""));
    assert!(kernels.contains("unsafe_op_in_unsafe_fn = \"deny\""));
    let packages: Vec<_> = fs::read_dir(root().join("crates")).unwrap().collect();
    assert_eq!(packages.len(), 1, "another package needs a rule about unsafe code");
}

/// rustfmt sorts neighbouring `mod` lines, and the reading order would be lost.
#[test]
fn mod_items_are_apart() {
    let is_mod = |line: &str| {
        let line = line.trim_start_matches("pub ");
        line.starts_with("mod ") && line.ends_with(';')
    };
    for_each_source("", &mut |path, code| {
        let lines: Vec<&str> = code.lines().collect();
        for pair in lines.windows(2) {
            assert!(!(is_mod(pair[0]) && is_mod(pair[1])), "{}: {pair:?}", path.display());
        }
    });
}

#[test]
fn no_path_of_somebodys_machine_is_left() {
    let places = [["/wo", "rk/"], ["/ho", "me/"], ["/Us", "ers/"], ["C:", "\\Users"]];
    // What users keep in their clone, such as run folders, is none of our business.
    let own = ["src", "tests", "crates", "data", "docs", "studies", ".ci", ".github"];
    let mut folders: Vec<_> = own.map(|it| root().join(it)).into();
    folders.retain(|it| it.is_dir());
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml", "deny.toml"] {
        let text = fs::read_to_string(root().join(name)).unwrap();
        for place in places.map(|it| it.concat()) {
            assert!(!text.contains(&place), "{name}: {place}");
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if name != "target" {
                    folders.push(path);
                }
                continue;
            }
            // Rasters and pictures are no text.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for place in places.map(|it| it.concat()) {
                assert!(!text.contains(&place), "{}: {place}", path.display());
            }
        }
    }
}

/// The folders of `src/` in the order of `lib.rs`.
fn layers() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    let names: Vec<String> = text.lines().filter_map(name).collect();
    assert!(names.len() > 15, "lib.rs lists {names:?}");
    names
}

/// The first name of every path below `crate`, groups of `use` included.
fn used_layers(code: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, it)| (at, &code[at + it.len()..])) {
        let Some(group) = rest.strip_prefix('{') else {
            used.push(first_name(rest));
            continue;
        };
        let (mut depth, mut start) = (1, 0);
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && letter == ',') {
                used.push(first_name(group[start..at].trim_start()));
                start = at + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    used.retain(|it| !it.is_empty());
    used
}

fn first_name(path: &str) -> &str {
    let end = path.find(|it: char| !it.is_alphanumeric() && it != '_');
    &path[..end.unwrap_or(path.len())]
}

fn lines_of_code(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Calls `check` with every source file of a layer, a folder or a file of `src/`, cut at its test
/// module; with all for an empty name.
fn for_each_source(layer: &str, check: &mut dyn FnMut(&Path, &str)) {
    let folder = root().join("src").join(layer);
    if !folder.is_dir() {
        return check_source(&folder.with_extension("rs"), check);
    }
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                check_source(&path, check);
            }
        }
    }
}

fn check_source(path: &Path, check: &mut dyn FnMut(&Path, &str)) {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    check(path, text.split("mod tests {").next().unwrap_or_default());
}

//! Weight files of PyTorch and safetensors, whole, damaged and hostile. The files were written by
//! `tests/files/make_weights.py`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use swath::weights::{Entry, FileKind, StateDict, Values, WeightFile, write_safetensors};

use crate::support::{check_refused, swath_ok};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// The names of all files.
fn names() -> Vec<String> {
    let names = fs::read_dir(file("")).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|it| !it.ends_with(".py")).collect()
}

/// The tensor `name` of a file, which has this shape.
#[track_caller]
fn check(file: &WeightFile, name: &str, shape: &[usize], want: Values) {
    let tensor = file.tensors().iter().find(|it| it.name == name).unwrap();
    assert_eq!(tensor.shape, shape, "{name}");
    assert_eq!(file.values(tensor).unwrap(), want, "{name}");
}

#[test]
fn all_types_of_numbers_are_read_from_all_kinds_of_files() {
    for (name, kind) in [
        ("plain.pth", FileKind::TorchArchive),
        ("unchecked.pth", FileKind::TorchArchive),
        ("protocol4.pth", FileKind::TorchArchive),
        ("legacy.pth", FileKind::TorchLegacy),
        ("plain.safetensors", FileKind::Safetensors),
    ] {
        let file = WeightFile::read(&file(name)).unwrap();
        assert_eq!((file.kind(), file.tensors().len()), (kind, 9), "{name}");
        assert!(file.notes().is_empty(), "{name}: {:?}", file.notes());
        check(&file, "f32", &[2, 3], Values::F32(vec![0.0, 0.25, 0.5, 0.75, 1.0, 1.25]));
        check(&file, "f64", &[3], Values::F32(vec![0.5, -1.25, 1.0 / 3.0]));
        check(&file, "f16", &[2], Values::F32(vec![1.5, -0.0625]));
        check(&file, "bf16", &[2], Values::F32(vec![1.5, -3.0]));
        check(&file, "i64", &[], Values::I64(vec![7]));
        check(&file, "i32", &[2], Values::I64(vec![-2, 3]));
        check(&file, "u8", &[2], Values::I64(vec![0, 255]));
        check(&file, "bool", &[2], Values::I64(vec![1, 0]));
        check(&file, "none", &[0, 4], Values::F32(Vec::new()));
        let want = [
            "1 tensors of F64 became F32 (rounded)",
            "1 tensors of F16 became F32",
            "1 tensors of BF16 became F32",
            "1 tensors of I32 became I64",
            "1 tensors of U8 became I64",
            "1 tensors of BOOL became I64",
        ];
        assert_eq!(file.conversions(), want, "{name}");
    }
}

#[test]
fn views_are_read_with_their_strides_and_offsets() {
    for name in ["views.pth", "views_legacy.pth"] {
        let file = WeightFile::read(&file(name)).unwrap();
        let real = |values: &[u8]| Values::F32(values.iter().map(|&it| it.into()).collect());
        check(&file, "base", &[3, 4], real(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
        check(&file, "transposed", &[4, 3], real(&[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]));
        check(&file, "columns", &[3, 2], real(&[1, 3, 5, 7, 9, 11]));
        check(&file, "row", &[4], real(&[8, 9, 10, 11]));
        check(&file, "parameter", &[4], real(&[4, 5, 6, 7]));
        assert_eq!(file.state().unwrap().entries.len(), 5);
    }
}

#[test]
fn wrappers_are_taken_off_and_said() {
    let nested = WeightFile::read(&file("nested.pth")).unwrap();
    check(&nested, "a.weight", &[2], Values::F32(vec![1.0, 1.0]));
    let want = [
        "read the dictionary under the key `state_dict`",
        "not read: keys beside it, epoch, optimizer",
        "took `_orig_mod.` off all names",
        "took `module.` off all names",
    ];
    assert_eq!(nested.notes(), want);
    let two = WeightFile::read_key(&file("two.pth"), "teacher").unwrap();
    check(&two, "a.bias", &[1], Values::F32(vec![0.0]));
    assert_eq!(two.notes()[1], "not read: keys beside it, student");
}

#[track_caller]
fn refused(name: &str, parts: &[&str]) {
    let error = WeightFile::read(&file(name)).unwrap_err().to_string();
    for part in [name].iter().chain(parts) {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
}

#[test]
fn what_is_no_state_dictionary_is_refused_by_what_it_is() {
    refused("foreign.pth", &["`posix.system`", "ever executed"]);
    refused("foreign_legacy.pth", &["`posix.system`", "ever executed"]);
    refused("module.pth", &["`torch.nn.modules.linear.Linear`", "model.state_dict()"]);
    refused("complex.pth", &["`torch.ComplexFloatStorage`"]);
    refused("complex.safetensors", &["type C64 (a)", "float32"]);
    refused("expanded.pth", &["1000000 values", "repeats the 1 of storage 0", "contiguous"]);
    refused("negative.pth", &["the negative or conjugate of its numbers", "resolve_neg"]);
    refused("list.pth", &["no dictionary"]);
    refused("script.pt", &["script.pt uses TorchScript", "torch.jit.load"]);
    refused("two.pth", &["2 dictionaries of tensors (student, teacher)", "--key"]);
    refused("make_weights.py", &["neither a safetensors file nor", "22 22 22 57"]);
    let error = WeightFile::read_key(&file("two.pth"), "x").unwrap_err().to_string();
    assert!(error.contains("under the key `x`; keys with tensors: student, teacher"), "{error}");
    assert!(WeightFile::read_key(&file("plain.safetensors"), "x").is_err());
}

/// Reads bytes and all numbers in them, if they can be read.
fn read(bytes: Vec<u8>) -> swath::Result<()> {
    WeightFile::from_bytes(bytes, Path::new("damaged"))?.state().map(|_| ())
}

#[test]
fn no_cut_file_is_read() {
    for name in names() {
        let whole = fs::read(file(&name)).unwrap();
        for length in 0..whole.len() {
            assert!(read(whole[..length].to_vec()).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn no_flipped_byte_panics() {
    for name in names() {
        let whole = fs::read(file(&name)).unwrap();
        for position in 0..whole.len() {
            for flip in [0x01, 0x08, 0x40, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[position] ^= flip;
                let _ = read(flipped);
            }
        }
    }
}

/// Each record of an archive has a checksum.
#[test]
fn a_flipped_number_in_an_archive_is_noticed() {
    let whole = fs::read(file("plain.pth")).unwrap();
    let values = [0.25f32, 0.5, 0.75].map(f32::to_le_bytes).concat();
    let position = whole.windows(12).position(|it| it == values).unwrap();
    let mut flipped = whole.clone();
    flipped[position + 2] ^= 1;
    let error = read(flipped).unwrap_err().to_string();
    assert!(error.contains("data/0") && error.contains("checksum"), "{error}");
}

/// Files whose sizes are lies; [`hostile_files_take_no_memory`] reads them where memory is short.
#[test]
fn sizes_are_checked_before_they_are_believed() {
    let header = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let tensor = r#"{"a":{"dtype":"U8","shape":[99999999999],"data_offsets":[0,99999999999]}}"#;
    assert!(read(header(tensor)).is_err());
    assert!(read([&99_000_000_000u64.to_le_bytes()[..], b"{"].concat()).is_err());

    // A storage of 2^40 numbers, and tensors that say the same.
    let legacy = fs::read(file("views_legacy.pth")).unwrap();
    let n_values = b"K\x0cN"; // The size of the storage of 12 numbers: BININT1 12, NONE.
    let huge = b"\x8a\x06\x00\x00\x00\x00\x00\x01N";
    let mut many = legacy.clone();
    while let Some(position) = many.windows(3).position(|it| it == n_values) {
        many.splice(position..position + 3, *huge);
    }
    let error = read(many).unwrap_err().to_string();
    assert!(error.contains("has 12 values, wanted 1099511627776"), "{error}");

    // A legacy file whose pickle makes an endless number of things.
    let start = legacy.windows(2).rposition(|it| it == b"}q").unwrap();
    for thing in [&b"]"[..], b"}", b"N", b"(", b"]q\x01h\x01a"] {
        let bomb = [&legacy[..start], &thing.repeat(1_500_000)].concat();
        assert!(read(bomb).is_err());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn hostile_files_take_no_memory() {
    const KIBIBYTES: u32 = 700_000; // A test process takes half of it to begin with.
    for test in ["sizes_are_checked_before_they_are_believed", "no_flipped_byte_panics"] {
        let script = format!("ulimit -v {KIBIBYTES}; exec \"$0\" --exact weight_files::{test}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).arg(std::env::current_exe().unwrap());
        let output = shell.args(["--test-threads", "1"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{test}: {output:?}");
    }
}

#[test]
fn files_are_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let path = file("plain.pth");
    let path = path.to_str().unwrap();
    let text = swath_ok(folder.path(), &["weights", "inspect", path]);
    let line: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(line, ["f32", "F32", "[2,", "3]", "6"]);
    assert!(text.contains("total    9 tensors, 20 numbers"), "{text}");
    let json = swath_ok(folder.path(), &["weights", "inspect", path, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["n_values"]), (&"torch-archive".into(), &20.into()));
    assert_eq!(json["tensors"][3]["dtype"], "BF16");
    // Longer than the width of a column can be.
    let name = "a".repeat(70_000);
    let entry = Entry { name: name.clone(), shape: vec![1], values: Values::F32(vec![0.0]) };
    let long = write_safetensors(&StateDict { entries: vec![entry] }, &Default::default());
    fs::write(folder.path().join("long.safetensors"), long).unwrap();
    let text = swath_ok(folder.path(), &["weights", "inspect", "long.safetensors"]);
    assert!(text.contains(&name), "the name is cut off");
}

#[test]
fn files_are_converted_once_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let (legacy, two) = (file("legacy.pth"), file("two.pth"));
    let convert = ["weights", "convert", legacy.to_str().unwrap(), "out.safetensors"];
    swath_ok(folder.path(), &convert);
    let output = folder.path().join("out.safetensors");
    let written = WeightFile::read(&output).unwrap();
    let wanted = WeightFile::read(&legacy).unwrap().state().unwrap();
    assert_eq!(written.state().unwrap(), wanted);
    assert!(written.conversions().is_empty());

    check_refused(folder.path(), &convert, 1, &["out.safetensors is there already", "--force"]);
    let two = ["weights", "convert", two.to_str().unwrap(), "out.safetensors", "--force"];
    check_refused(folder.path(), &two, 1, &["two.pth", "student, teacher", "--key"]);
    let json = swath_ok(folder.path(), &[&two[..], &["--key", "student", "--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["notes"][0], "read the dictionary under the key `student`");
    assert_eq!(WeightFile::read(&output).unwrap().tensors().len(), 2);

    let wrong = ["weights", "convert", legacy.to_str().unwrap(), "out.pth"];
    check_refused(folder.path(), &wrong, 1, &["out.pth", ".safetensors"]);
    let missing = ["weights", "inspect", "none.pth"];
    check_refused(folder.path(), &missing, 1, &["cannot read none.pth"]);
    fs::create_dir(folder.path().join("run")).unwrap();
    let inside = ["it is a folder; name a file in it", "model.swath"];
    check_refused(folder.path(), &["weights", "inspect", "run"], 1, &inside);
    fs::write(folder.path().join("empty.pth"), "").unwrap();
    let parts = ["empty.pth is not a valid weight file: it is empty"];
    check_refused(folder.path(), &["weights", "inspect", "empty.pth"], 1, &parts);
}

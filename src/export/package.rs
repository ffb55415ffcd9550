//! The files of an export.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;
use serde_json::json;

use super::{
    card::{Card, model_card},
    layers::{describe, layers_csv},
    splits_geojson,
};
use crate::{
    error::{Error, Result},
    reproduce::check_done,
    run::{
        About, AlteredFile, CARGO_LOCK, ClassPixels, Environment, Manifest, Run, SceneBlocks,
        altered_files, hash_bytes,
    },
    score::MetricsFile,
    train::read_history,
};

/// Everything that goes into an export, in memory.
///
/// Its bytes are a function of the run folder and the version of this program: no time is in it
/// but that of the run.
#[derive(Clone, Debug)]
pub struct Package {
    /// Name of the run, which an archive's folder has.
    pub name: String,
    /// What is stated of the data.
    pub about: About,
    /// Files of the run that are not as it wrote them; the card names them, too.
    pub altered: Vec<AlteredFile>,
    /// Files whose hash the run did not note: an older version did not.
    pub unchecked: Vec<String>,
    /// Bytes by name, `/` between folders.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// What becomes of a run whose files were changed after it wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAltered {
    /// An error.
    Refuse,
    /// They are packed as they are; [`Package::altered`] and the model card name them.
    Pack,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackedFile {
    /// Name, `/` between folders.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of its bytes.
    pub sha256: String,
}

impl Package {
    /// Collects the files of a run that is done and writes those that an export has besides. `about`
    /// describes the data where the run file does not, or otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the run is not done, or, unless that is asked for, if a file is not as the run
    /// wrote it; [`Error::Io`] if one of its files cannot be read.
    pub fn of(run: &Run, about: About, when_altered: WhenAltered) -> Result<Self> {
        let Run { run_file, data, folder, manifest, .. } = run;
        check_done(folder, manifest.status)?;
        let paths = [
            folder.run_file(),
            folder.manifest(),
            folder.statistics(),
            folder.history(),
            folder.steps(),
            folder.metrics(),
            folder.model(),
            folder.report(),
        ];
        let mut files = BTreeMap::new();
        for path in &paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, read(path)?);
        }
        for (name, path) in
            [("confusion.csv", folder.confusion()), ("lr_find.json", folder.found_lr())]
        {
            if path.exists() {
                files.insert(name.to_owned(), read(&path)?);
            }
        }
        let altered = altered_files(&manifest.outputs, &files);
        match when_altered {
            WhenAltered::Refuse => check_unaltered(run, &altered)?,
            WhenAltered::Pack => {}
        }
        let is_unchecked = |name: &&String| {
            // The manifest has the hash of the run file; the report follows from the other files.
            !["run.toml", "manifest.json", "report.html"].contains(&name.as_str())
                && !manifest.outputs.contains_key(*name)
        };
        let unchecked = files.keys().filter(is_unchecked).cloned().collect();
        for (name, bytes) in plots(&folder.plots())? {
            files.insert(format!("plots/{name}"), bytes);
        }
        let has_lock =
            manifest.environment.dependencies_sha256 == hash_bytes(CARGO_LOCK.as_bytes());
        if has_lock {
            files.insert("Cargo.lock".to_owned(), CARGO_LOCK.as_bytes().to_vec());
        }
        let network = describe(run);
        let metrics = MetricsFile::from_json(
            &String::from_utf8_lossy(&files["metrics.json"]),
            &folder.metrics(),
        )?;
        let audit = match manifest.audit {
            Some(audit) => audit,
            None => data.audit()?,
        };
        let epochs = read_history(&folder.history())?;
        let about = about.or(&run_file.about);
        let card = Card {
            run,
            about: &about,
            network: &network,
            metrics: &metrics,
            epochs: &epochs,
            audit,
            packed: &files,
            altered: &altered,
        };
        let about_toml = toml::to_string_pretty(&about).expect("texts");
        for (name, text) in [
            ("splits.geojson", splits_geojson(data)),
            ("layers.csv", layers_csv(&network)),
            ("about.toml", about_toml),
            ("environment.json", environment_json(manifest, has_lock)),
            (CARD, model_card(&card)),
        ] {
            files.insert(name.to_owned(), text.into_bytes());
        }
        let name = run_file.name.clone();
        let mut package = Self { name, about, altered, unchecked, files };
        let sums = package.sums();
        package.files.insert(SUMS.to_owned(), sums.into_bytes());
        Ok(package)
    }

    /// Every file with its size and hash, in the order of the names.
    pub fn list(&self) -> Vec<PackedFile> {
        let packed = |(name, bytes): (&String, &Vec<u8>)| PackedFile {
            name: name.clone(),
            bytes: bytes.len() as u64,
            sha256: hash_bytes(bytes),
        };
        self.files.iter().map(packed).collect()
    }

    /// What `sha256sum -c` reads.
    fn sums(&self) -> String {
        self.list().iter().map(|it| format!("{}  {}\n", it.sha256, it.name)).collect()
    }
}

/// Refuses files that are not as the run wrote them, and a manifest that does not fit run file and data.
fn check_unaltered(run: &Run, altered: &[AlteredFile]) -> Result<()> {
    let Run { folder, manifest, run_file, data, .. } = run;
    let (classes, audit) = (&manifest.classes, &manifest.audit);
    // Older versions noted neither classes nor audit.
    let differs = [
        ("seed", manifest.seed != run_file.seed),
        ("split", manifest.split != SceneBlocks::of(data)),
        ("classes", !classes.is_empty() && *classes != ClassPixels::of(data)),
        ("audit", audit.is_some() && *audit != Some(data.audit()?)),
    ];
    if let Some((key, _)) = differs.into_iter().find(|it| it.1) {
        let wanted = "that of run file and data; `--altered` packs it as it is";
        return Err(Error::data(folder.manifest().display(), format!("another `{key}`"), wanted));
    }
    let one = |it: &AlteredFile| {
        let found = it.found.as_deref().map_or("missing", |it| it);
        format!("{}: {found}, written as {}", it.name, it.expected)
    };
    if altered.is_empty() {
        return Ok(());
    }
    let found: Vec<String> = altered.iter().map(one).collect();
    Err(Error::data(
        format!("{} (SHA-256)", folder.path().display()),
        found.join("; "),
        "the files as the run wrote them: bring them back, or train again; `--altered` packs them as \
         they are, and the model card says so",
    ))
}

/// The file of checksums; it cannot hold its own.
pub(super) const SUMS: &str = "SHA256SUMS";

/// The model card.
pub(super) const CARD: &str = "MODEL_CARD.md";

fn environment_json(manifest: &Manifest, has_lock: bool) -> String {
    let environment: &Environment = &manifest.environment;
    let value = json!({
        "version": 1,
        "environment": environment,
        "cargo_lock": has_lock.then_some("Cargo.lock"),
        "started": manifest.started,
        "seconds": manifest.seconds,
        "peak_memory_bytes": manifest.peak_memory_bytes,
        "exported_by": env!("CARGO_PKG_VERSION"),
    });
    format!("{value:#}\n")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if !path.exists() {
        let wanted = "all files of a run that is done; `swath report` and `swath evaluate` write \
                      reports and figures again";
        return Err(Error::data(path.display(), "no such file", wanted));
    }
    fs::read(path).map_err(Error::io("read", path))
}

/// The pictures of a report, by name.
fn plots(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read the folder", folder))? {
        let path = entry.map_err(Error::io("read the folder", folder))?.path();
        let is_picture = path.extension().is_some_and(|it| it == "svg" || it == "png");
        if let Some(name) = path.file_name().and_then(|it| it.to_str())
            && is_picture
        {
            found.insert(name.to_owned(), read(&path)?);
        }
    }
    Ok(found)
}

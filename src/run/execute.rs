//! Does a run, from the first epoch or from where it stopped, to the last file.

use std::{collections::BTreeMap, path::Path};

use burn::tensor::Device;

use super::{
    ClassPixels, Environment, Manifest, RunFile, SceneBlocks, Status, Unchanged,
    checks::check_settings,
    hash_bytes, hash_file, input_files, note_outputs, open_dataset, open_unchanged,
    peak_memory_bytes,
    rates::{learning_rate, schedule_with},
    resuming::{best_weights, newest_checkpoint},
    sidecar_files, starting_network, starting_weights,
};
use crate::{
    bundle::{Bundle, Header},
    error::{Error, Result},
    evaluate::evaluate_split,
    raster::{write_atomically, write_together},
    scene::Role,
    score::{Metrics, MetricsFile, confusion_csv},
    train::{
        Dataset, Ema, Event, Fit, Observer, Position, RunFolder, State, Writing, load_weights,
    },
    weights::{n_parameters, state_dict},
};

/// A run with its folder.
pub struct Run {
    /// What it does.
    pub run_file: RunFile,
    /// What it reads.
    pub data: Dataset,
    /// Where it writes.
    pub folder: RunFolder,
    /// What it notes down.
    pub manifest: Manifest,
    pub(super) device: Device,
    /// Keeps other trainings out of the folder; none if it was opened to look at.
    _lock: Option<std::fs::File>,
}

impl Run {
    /// Begins a run: makes its folder with `make_folder`, and writes the run file with every
    /// default, the statistics and the manifest. `started` is the present time, UTC; `device` does
    /// not differentiate. Whatever can be wrong with the inputs is found before there is a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Leak`] if training windows show evaluation pixels, [`Error::Io`] if a file cannot
    /// be read or written, and those of `make_folder`.
    pub fn create(
        run_file: RunFile,
        data: Dataset,
        make_folder: impl FnOnce() -> Result<RunFolder>,
        environment: Environment,
        started: String,
        device: Device,
    ) -> Result<Self> {
        let audit = data.audit()?;
        let network = run_file.model.blank(data.bands().len(), data.classes().len(), &device);
        let n_parameters = n_parameters(&network) as u64;
        check_settings(&run_file, &data, network)?;
        let text = run_file.to_toml();
        let inputs = input_files(&data)?;
        let manifest = Manifest {
            version: Manifest::VERSION,
            status: Status::Training,
            started,
            seed: run_file.seed,
            environment,
            run_file_sha256: hash_bytes(text.as_bytes()),
            weights: starting_weights(&run_file, &data, &device)?,
            sidecars: sidecar_files(&inputs)?,
            inputs,
            split: SceneBlocks::of(&data),
            classes: ClassPixels::of(&data),
            audit: Some(audit),
            about: run_file.about.clone(),
            outputs: BTreeMap::new(),
            n_parameters,
            seconds: BTreeMap::new(),
            peak_memory_bytes: None,
        };
        let folder = make_folder()?;
        let lock = folder.lock()?;
        let statistics = serde_json::to_string_pretty(&data.statistics).expect("plain data");
        write_atomically(&folder.statistics(), format!("{statistics}\n").as_bytes())?;
        manifest.write(&folder.manifest())?;
        write_atomically(&folder.first_run_file(), text.as_bytes())?;
        write_atomically(&folder.run_file(), text.as_bytes())?;
        Ok(Self { run_file, data, folder, manifest, device, _lock: Some(lock) })
    }

    /// Opens the run in `path` to train on, in the environment `here`.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`Error::Data`] if another training has the folder, or if the run
    /// began with another version or build, or on another device: it would not end with the same bits.
    pub fn resume(path: &Path, here: &Environment, device: Device) -> Result<Self> {
        let folder = RunFolder::open(path)?;
        Manifest::read(&folder.manifest())?.check_environment(here)?;
        let lock = folder.lock()?;
        Ok(Self { _lock: Some(lock), ..Self::open(path, device)? })
    }

    /// Opens the run in `path` to look at: to evaluate it and to report on it.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is none, or an input has changed since it began.
    pub fn open(path: &Path, device: Device) -> Result<Self> {
        let Unchanged { folder, run_file, manifest } = open_unchanged(path)?;
        let data = open_dataset(&run_file)?;
        Ok(Self { run_file, data, folder, manifest, device, _lock: None })
    }

    /// Trains from the last checkpoint, or from the beginning if there is none, to the last epoch,
    /// and writes `model.swath`. The last checkpoint may not be on disk yet.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the observer stops it: calling this again goes on from there, to
    /// the same bits. Otherwise as [`Fit::run`].
    pub fn train(&mut self, observer: &mut dyn Observer) -> Result<Writing> {
        let device = self.device.clone().autodiff();
        let Self { run_file, data, .. } = &*self;
        let n_classes = data.classes().len();
        let loss = run_file.loss.build_for(&data.class_counts(), run_file.train.epochs)?;
        let (lr, range) = learning_rate(self, observer)?;
        let Self { run_file, data, folder, .. } = &*self;
        let schedule = schedule_with(run_file, data, lr, range)?;
        let (model, n_bands) = (&run_file.model, data.bands().len());
        let mut optimizer = run_file.optimizer.build()?;
        let blank = || model.blank(n_bands, n_classes, &device);
        let reached = newest_checkpoint(folder, blank, &mut optimizer, observer)?;
        let mut best = None;
        let (network, ema, position) = match reached {
            Some((network, ema, position)) => {
                if run_file.train.restore_best {
                    let reached = (&network, ema.as_ref(), &position);
                    best = best_weights(folder, blank, reached, run_file.train.monitor, observer)?;
                }
                (network, ema, position)
            }
            None => {
                let weights = self.manifest.weights.as_ref();
                let network = starting_network(run_file, data, weights, &device)?;
                let ema = run_file.train.ema.map(|_| Ema::of(&network));
                (network, ema, Position::default())
            }
        };
        let state = State { network, optimizer, ema, best, position };
        let fit = Fit {
            data,
            config: &run_file.train,
            loss: &loss,
            schedule: &schedule,
            frozen: &model.freeze,
            folder,
            device: &device,
        };
        let start = state.position.step;
        let began = observer.seconds();
        let trained = fit.run(state, observer);
        self.manifest.add_seconds("train", observer.seconds() - began);
        let status = match &trained {
            Err(Error::Interrupted) => Status::Interrupted,
            Ok(_) | Err(_) => Status::Training,
        };
        let noted = self.note(status);
        let (state, mut writing) = trained?; // What went wrong there says more.
        noted?;
        let reached = state.position.step;
        let best = match state.best {
            _ if !self.run_file.train.restore_best => state.kept(),
            Some(best) => *best,
            None => {
                std::mem::take(&mut writing).finish()?;
                load_weights(&self.folder.best_checkpoint(), state.network)?
            }
        };
        Bundle { header: self.header()?, state: state_dict(&best) }.write(&self.folder.model())?;
        self.note_training(start < reached)?;
        Ok(writing)
    }

    /// Notes the hashes of what the training wrote. A run that was done already keeps those that it
    /// has: it wrote nothing new, and what was changed since is not its own.
    fn note_training(&mut self, went_on: bool) -> Result<()> {
        if !went_on && !self.manifest.outputs.is_empty() {
            return Ok(());
        }
        note_outputs(&mut self.manifest.outputs, &self.folder.trained())
    }

    /// Computes the figures of the validation and test blocks with `model.swath` and writes
    /// `metrics.json` and `confusion.csv` (of the test split, or of validation without one).
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the observer stops it, which leaves older figures as they are;
    /// those of reading the model and the scenes and of writing the files.
    pub fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<MetricsFile> {
        let figures = self.figures(observer);
        if let Err(Error::Interrupted) = figures {
            self.note(Status::Interrupted)?;
        }
        figures
    }

    fn figures(&mut self, observer: &mut dyn Observer) -> Result<MetricsFile> {
        let began = observer.seconds();
        self.check_model()?;
        let bundle = Bundle::read(&self.folder.model())?;
        let predictor = bundle.predictor(&self.device)?;
        let tiling = bundle.header.tiling();
        let pixel_area = self.data.scenes.scene(0).grid().pixel_area();
        let mut splits = BTreeMap::new();
        for role in [Role::Validation, Role::Test] {
            let n_pixels = self.data.n_pixels(role);
            let progress = |n_done| {
                observer.event(Event::Evaluating { role, n_done, n_pixels });
                if observer.stops() { Err(Error::Interrupted) } else { Ok(()) }
            };
            let confusion = evaluate_split(&self.data, &predictor, tiling, role, progress)?;
            if 0 < confusion.n_pixels() {
                let metrics = Metrics::new(&confusion, self.data.classes(), pixel_area);
                splits.insert(role.name().to_owned(), metrics);
            }
        }
        let file = MetricsFile::new(splits);
        let mut files = vec![(self.folder.metrics(), file.to_json())];
        if let Some(metrics) = file.splits.get("test").or_else(|| file.splits.get("validation")) {
            files.push((self.folder.confusion(), confusion_csv(metrics)));
        }
        write_together(&files)?;
        let files: Vec<_> = files.into_iter().map(|it| it.0).collect();
        note_outputs(&mut self.manifest.outputs, &files)?;
        self.manifest.add_seconds("evaluate", observer.seconds() - began);
        self.note(Status::Done)?;
        Ok(file)
    }

    /// Refuses another model than the one that the training wrote: its figures would not be the run's.
    fn check_model(&self) -> Result<()> {
        let path = self.folder.model();
        let Some(noted) = self.manifest.outputs.get("model.swath") else { return Ok(()) };
        let found = hash_file(&path)?.1;
        if found == *noted {
            return Ok(());
        }
        let wanted = format!("{noted}, the model that the run trained; `--map` evaluates any map");
        Err(Error::data(format!("{} (SHA-256)", path.display()), found, wanted))
    }

    fn note(&mut self, status: Status) -> Result<()> {
        self.manifest.status = status;
        self.manifest.peak_memory_bytes = self.manifest.peak_memory_bytes.max(peak_memory_bytes());
        self.manifest.write(&self.folder.manifest())
    }

    fn header(&self) -> Result<Header> {
        let Self { run_file, data, manifest, .. } = self;
        let tiling = run_file.predict.tiling(data.chip_px);
        let mut crs: Vec<String> = data.scenes.iter().map(|it| it.grid().crs.name()).collect();
        crs.sort();
        crs.dedup();
        Ok(Header {
            name: run_file.name.clone(),
            model: run_file.model.clone(),
            classes: data.classes().clone(),
            ignore: data.scenes.ignore().to_vec(),
            bands: data.bands().to_vec(),
            band_choice: run_file.data.raster_options(1)?.bands,
            nodata: run_file.data.nodata,
            nodata_rule: run_file.data.nodata_rule,
            normalisation: data.normalisation.clone(),
            chip_px: data.chip_px,
            window_px: tiling.size_px,
            overlap_px: tiling.overlap_px,
            pixel_size: data.scenes.scene(0).grid().pixel_size(),
            crs,
            inputs_sha256: manifest.inputs.iter().map(|it| it.sha256.clone()).collect(),
        })
    }
}

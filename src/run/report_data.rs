//! What the report of a run shows, gathered from its folder and its scenes.

use super::Run;
use crate::{
    bundle::Bundle,
    error::{Error, Result},
    evaluate::class_map,
    raster::{Pixels, Raster, Window},
    report::{
        BandSummary, BlockRole, ClassCounts, DisplayBands, EpochRow, Fact, Panel, ReportData,
        SceneView, SplitBlock, SplitMetrics, StepRow, Timing, composite,
    },
    scene::Role,
    score::MetricsFile,
    train::{read_history, read_steps},
};

/// Longer side of the picture of a scene, in pixels.
const OVERVIEW_PX: u32 = 900;

/// Blocks shown beside their map.
const N_PANELS: usize = 6;

impl Run {
    /// Writes `report.html` and the plots from what the folder holds and the scenes show.
    ///
    /// # Errors
    ///
    /// Those of reading the folder and the scenes and of writing the files.
    pub fn report(&self) -> Result<()> {
        crate::report::write(&self.report_data()?, self.folder.path())
    }

    fn report_data(&self) -> Result<ReportData> {
        let Self { run_file, data, folder, manifest, .. } = self;
        let path = folder.metrics();
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let mut metrics = MetricsFile::from_json(&text, &path)?.splits;
        // The figures of the test split are the headline.
        let splits: Vec<SplitMetrics> = ["test", "validation"]
            .into_iter()
            .filter_map(|name| {
                let metrics = metrics.remove(name)?;
                Some(SplitMetrics { name: name.to_owned(), metrics })
            })
            .collect();
        let names: Vec<String> = data.bands().iter().map(|band| band.name.clone()).collect();
        let limits: Vec<[f64; 2]> =
            data.statistics.bands.iter().map(|it| [it.p2, it.p98]).collect();
        let display = DisplayBands::guess(&names, &limits);
        let bands = names.iter().zip(&data.statistics.bands).map(|(name, it)| BandSummary {
            name: name.clone(),
            mean: it.mean,
            std: it.std,
            min: it.min,
            p2: it.p2,
            p98: it.p98,
            max: it.max,
        });
        let timings =
            manifest.seconds.iter().map(|(part, &seconds)| Timing { part: part.clone(), seconds });
        Ok(ReportData {
            title: run_file.name.clone(),
            summary: self.summary()?,
            settings: run_file.to_toml(),
            environment: self.environment(),
            classes: data.classes().clone(),
            splits,
            area_unit: area_unit(data.scenes.scene(0).image()),
            scenes: self.scene_views(&display)?,
            class_counts: self.class_counts(),
            bands: bands.collect(),
            notes: self.notes(),
            epochs: self.epochs()?,
            steps: self.steps()?,
            panels: self.panels(&display, &names)?,
            timings: timings.collect(),
        })
    }

    fn summary(&self) -> Result<Vec<Fact>> {
        let Self { run_file, data, manifest, .. } = self;
        let model = &run_file.model;
        let best = read_history(&self.folder.history())?
            .into_iter()
            .filter_map(|row| Some((row.validation?.mean_iou, row.epoch)))
            .filter(|(mean_iou, _)| mean_iou.is_finite())
            .reduce(|best, row| if best.0 < row.0 { row } else { best });
        let mut facts = vec![
            Fact::new("Model", format!("{:?} with {:?}", model.architecture, model.encoder)),
            Fact::new("Parameters", manifest.n_parameters.to_string()),
            Fact::new("Bands", data.bands().len().to_string()),
            Fact::new("Epochs", run_file.train.epochs.to_string()),
            Fact::new("Seed", run_file.seed.to_string()),
        ];
        if let Some((mean_iou, epoch)) = best {
            let text = format!("{epoch} (validation mIoU {mean_iou:.3})");
            facts.push(Fact::new("Best epoch", text));
        }
        Ok(facts)
    }

    fn environment(&self) -> Vec<Fact> {
        let manifest = &self.manifest;
        let environment = &manifest.environment;
        let mut facts = vec![
            Fact::new("swath", environment.version.clone()),
            Fact::new("Features", environment.features.join(", ")),
            Fact::new("System", environment.system.clone()),
            Fact::new("Processor", environment.processor.clone()),
            Fact::new("Threads", environment.threads.to_string()),
            Fact::new("Device", environment.device.clone()),
            Fact::new("Started", manifest.started.clone()),
            Fact::new("Run file SHA-256", manifest.run_file_sha256.clone()),
        ];
        if let Some(bytes) = manifest.peak_memory_bytes {
            facts.push(Fact::new("Peak memory", format!("{:.2} GB", bytes as f64 / 1e9)));
        }
        facts.extend(manifest.inputs.iter().map(|input| {
            let name = std::path::Path::new(&input.path).file_name().unwrap_or_default();
            Fact::new(format!("SHA-256 of {}", name.to_string_lossy()), input.sha256.clone())
        }));
        facts.retain(|fact| !fact.value.is_empty());
        facts
    }

    fn notes(&self) -> Vec<String> {
        let classes = &self.data.classes();
        let absent = self.data.summary.absent().into_iter().map(|(role, class)| {
            format!("no pixel of {} in the {role} blocks", classes.class(class).name)
        });
        absent.chain(self.data.scenes.iter().flat_map(|it| it.image().notes().to_vec())).collect()
    }

    fn class_counts(&self) -> Vec<ClassCounts> {
        let roles = self.data.summary.roles.iter();
        roles
            .map(|it| ClassCounts { split: it.role.to_string(), counts: it.class_counts.clone() })
            .collect()
    }

    fn epochs(&self) -> Result<Vec<EpochRow>> {
        let rows = read_history(&self.folder.history())?;
        let row = |it: crate::train::EpochRow| EpochRow {
            epoch: it.epoch,
            step: it.step,
            lr: it.lr,
            train_loss: it.train_loss,
            val_loss: it.validation.map_or(f64::NAN, |it| it.loss),
            val_mean_iou: it.validation.map_or(f64::NAN, |it| it.mean_iou),
            val_overall_accuracy: it.validation.map_or(f64::NAN, |it| it.overall_accuracy),
            seconds: it.train_seconds + it.validation_seconds,
            pixels_per_s: it.pixels_per_second,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    fn steps(&self) -> Result<Vec<StepRow>> {
        let rows = read_steps(&self.folder.steps())?;
        let row = |it: crate::train::StepRow| StepRow {
            step: it.step,
            lr: it.lr,
            loss: f64::from(it.loss),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    fn scene_views(&self, display: &DisplayBands) -> Result<Vec<SceneView>> {
        let data = &self.data;
        let view = |(scene, split): (&crate::scene::Scene, &crate::chip::SceneSplit)| {
            let grid = scene.image().grid();
            let blocks = Role::ALL.into_iter().flat_map(|role| {
                split.blocks(role).map(move |window| SplitBlock { window, role: block_role(role) })
            });
            let [width, height] = grid.pixel_size();
            let unit = grid.crs.unit_name();
            Ok(SceneView {
                name: scene.name().to_owned(),
                overview: composite(&overview(scene.image())?, display),
                rows: grid.rows,
                cols: grid.cols,
                pixel_size: if width == height {
                    format!("{width} {unit}")
                } else {
                    format!("{width} x {height} {unit}")
                },
                crs: grid.crs.name(),
                blocks: blocks.collect(),
            })
        };
        data.scenes.iter().zip(&data.splits).map(view).collect()
    }

    /// Some test blocks, or validation blocks where there is no test, with their map.
    fn panels(&self, display: &DisplayBands, names: &[String]) -> Result<Vec<Panel>> {
        let data = &self.data;
        let bundle = Bundle::read(&self.folder.model())?;
        let predictor = bundle.predictor(&self.device)?;
        let blocks_of = |role: Role| -> Vec<(usize, Window)> {
            let scenes = data.splits.iter().enumerate();
            scenes
                .flat_map(|(scene, split)| split.blocks(role).map(move |it| (scene, it)))
                .collect()
        };
        let mut blocks = blocks_of(Role::Test);
        if blocks.is_empty() {
            blocks = blocks_of(Role::Validation);
        }
        let n_shown = blocks.len().min(N_PANELS);
        let chosen = (0..n_shown).map(|index| blocks[index * blocks.len() / n_shown]);
        chosen
            .map(|(index, block)| {
                let scene = data.scenes.scene(index);
                let sample = scene.read(block)?;
                let map = class_map(scene, &predictor, bundle.header.tiling(), block)?;
                let title = format!("{}, row {}, column {}", scene.name(), block.row, block.col);
                let (pixels, labels) = (&sample.pixels, &sample.labels);
                Ok(Panel::new(title, pixels, display, names, labels, &map, data.classes()))
            })
            .collect()
    }
}

fn block_role(role: Role) -> BlockRole {
    match role {
        Role::Train => BlockRole::Train,
        Role::Validation => BlockRole::Validation,
        Role::Test => BlockRole::Test,
    }
}

fn area_unit(raster: &Raster) -> String {
    match raster.grid().crs.unit_name() {
        "px" => "px".to_owned(),
        "°" => "square degrees".to_owned(),
        unit => format!("{unit}²"),
    }
}

/// Every so many pixels of a raster, so that the longer side has at most [`OVERVIEW_PX`].
fn overview(raster: &Raster) -> Result<Pixels> {
    let grid = raster.grid();
    let step = grid.rows.max(grid.cols).div_ceil(OVERVIEW_PX) as usize;
    let (rows, cols) = ((grid.rows as usize).div_ceil(step), (grid.cols as usize).div_ceil(step));
    let n_bands = raster.bands().len();
    let mut all = Pixels::missing(n_bands, rows, cols);
    for row in 0..rows {
        let window = Window { row: (row * step) as u32, col: 0, rows: 1, cols: grid.cols };
        let line = raster.read(window)?;
        for col in 0..cols {
            let (to, from) = (row * cols + col, col * step);
            all.valid[to] = line.valid[from];
            for band in 0..n_bands {
                all.values[band * rows * cols + to] = line.band(band)[from];
            }
        }
    }
    Ok(all)
}

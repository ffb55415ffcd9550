//! What the report of a run shows, gathered from its folder and its scenes.

use super::Run;
use crate::{
    bundle::Bundle,
    error::{Error, Result},
    evaluate::class_map,
    raster::{Raster, Window},
    report::{
        BandView, DisplayBands, Fact, MAX_SCENES, Panel, ReportData, SceneView, SplitMetrics,
        Timing,
    },
    scene::Role,
    score::MetricsFile,
    train::{read_history, read_steps},
};

/// Largest part of a block that is shown, in pixels: blocks may be as large as a scene.
const PANEL_PX: u32 = 512;

/// Most inputs whose hashes are shown.
const MAX_INPUTS: usize = 2 * MAX_SCENES;

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
        let display = DisplayBands::of(data);
        let bands = data.bands().iter().zip(&data.statistics.bands);
        let scenes = data.scenes.iter().zip(&data.splits).take(MAX_SCENES);
        let view = |(scene, split)| SceneView::of(scene, split, &display);
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
            scenes: scenes.map(view).collect::<Result<_>>()?,
            n_scenes: data.splits.len(),
            roles: data.summary.roles.clone(),
            bands: bands
                .map(|(band, of)| BandView { name: band.name.clone(), statistics: of.clone() })
                .collect(),
            notes: data.scenes.iter().flat_map(|it| it.image().notes().to_vec()).collect(),
            epochs: read_history(&folder.history())?,
            steps: read_steps(&folder.steps())?,
            panels: self.panels(&display)?,
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
            Fact::new("Model", format!("{}-{}", key(&model.architecture), key(&model.encoder))),
            Fact::count("Parameters", manifest.n_parameters),
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
        facts.extend(manifest.inputs.iter().take(MAX_INPUTS).map(|input| {
            let name = std::path::Path::new(&input.path).file_name().unwrap_or_default();
            Fact::new(format!("SHA-256 of {}", name.to_string_lossy()), input.sha256.clone())
        }));
        if let Some(n_more) = manifest.inputs.len().checked_sub(MAX_INPUTS).filter(|n| *n != 0) {
            facts.push(Fact::new("More inputs", format!("{n_more}, in manifest.json")));
        }
        facts.retain(|fact| !fact.value.is_empty());
        facts
    }

    /// Some test blocks, or validation blocks where there is no test, with their map.
    fn panels(&self, display: &DisplayBands) -> Result<Vec<Panel>> {
        let data = &self.data;
        let bundle = Bundle::read(&self.folder.model())?;
        let predictor = bundle.predictor(&self.device)?;
        let names: Vec<String> = data.bands().iter().map(|band| band.name.clone()).collect();
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
                let (rows, cols) = (block.rows.min(PANEL_PX), block.cols.min(PANEL_PX));
                let block = Window { rows, cols, ..block };
                let sample = scene.read(block)?;
                let map = class_map(scene, &predictor, bundle.header.tiling(), block)?;
                let title = format!("{}, row {}, column {}", scene.name(), block.row, block.col);
                let (pixels, labels) = (&sample.pixels, &sample.labels);
                Ok(Panel::new(title, pixels, display, &names, labels, &map, data.classes()))
            })
            .collect()
    }
}

/// The name that a choice has in the run file.
fn key(choice: &impl serde::Serialize) -> String {
    serde_json::to_value(choice)
        .ok()
        .and_then(|it| it.as_str().map(str::to_owned))
        .expect("a choice is written as its name")
}

fn area_unit(raster: &Raster) -> String {
    match raster.grid().crs.unit_name() {
        "px" => "px".to_owned(),
        "°" => "square degrees".to_owned(),
        unit => format!("{unit}²"),
    }
}

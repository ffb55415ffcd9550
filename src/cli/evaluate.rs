//! `swath evaluate`: figures of a run, or of any map.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    common::{Compute, print, tell},
    progress::Progress,
};
use crate::{
    Error,
    evaluate::evaluate_map,
    label::{Class, Classes, classes_of},
    raster::write_together,
    run::Run,
    score::{Metrics, MetricsFile, confusion_csv, confusion_table, metrics_table},
};

/// Compute the accuracy figures of a run, or of an existing map against labels
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["run", "map"]))]
pub(super) struct Args {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,

    /// Map to evaluate instead: class codes on the grid of the labels
    #[arg(long, value_name = "MAP", requires = "labels")]
    map: Option<PathBuf>,

    /// Labels to evaluate the map against
    #[arg(long, value_name = "FILE", requires = "map")]
    labels: Option<PathBuf>,

    /// Label codes that do not count, besides nodata
    #[arg(long, value_name = "CODE", requires = "map", value_delimiter = ',')]
    ignore: Vec<i64>,

    /// Also write metrics.json and confusion.csv of the map into this folder
    #[arg(short, long, value_name = "DIR", requires = "map")]
    out: Option<PathBuf>,

    /// Print the figures as JSON on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let file = args.compute.install(|| match (&args.run, &args.map, &args.labels) {
        (Some(run), _, _) => {
            let mut run = Run::open(run, args.compute.device()?)?;
            let mut progress = Progress::of(&run);
            let file = run.evaluate(&mut progress);
            progress.clear();
            Ok(file?)
        }
        (None, Some(map), Some(labels)) => figures_of_map(args, map, labels),
        (None, _, _) => unreachable!("the argument parser wants one or the other"),
    })?;
    if args.json {
        return print(&file.to_json());
    }
    for (split, metrics) in &file.splits {
        print(&format!("{split}\n{}\n{}", metrics_table(metrics), confusion_table(metrics)))?;
    }
    Ok(())
}

fn figures_of_map(
    args: &Args,
    map: &std::path::Path,
    labels: &std::path::Path,
) -> anyhow::Result<MetricsFile> {
    // Classes are those of the labels; codes that only the map has are added, so that they count
    // as wrong.
    let found = classes_of(labels)?;
    let mut ignore = found.ignore;
    ignore.extend(&args.ignore);
    let mut classes: Vec<Class> = found.classes.into();
    classes.retain(|class| !ignore.contains(&i64::from(class.code)));
    let in_map = classes_of(map)?;
    for class in Vec::<Class>::from(in_map.classes) {
        let is_new = classes.iter().all(|it| it.code != class.code);
        if is_new && !ignore.contains(&i64::from(class.code)) {
            tell(&format!("code {} ({}) is in the map only", class.code, class.name));
            classes.push(class);
        }
    }
    classes.sort_by_key(|class| class.code);
    let classes = Classes::new(classes)?;
    ignore.extend(in_map.ignore.iter().filter(|&&code| classes.index_of(code).is_none()));
    let confusion = evaluate_map(map, labels, &classes, &ignore)?;
    if confusion.n_pixels() == 0 {
        let what = format!("labelled pixels of {}", labels.display());
        return Err(Error::data(what, "none", "at least one").into());
    }
    let area =
        crate::raster::Raster::open(&[map.to_owned()], &Default::default())?.grid().pixel_area();
    let metrics = Metrics::new(&confusion, &classes, area);
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).map_err(Error::io("make folder", folder))?;
    }
    let confusion = confusion_csv(&metrics);
    let file = MetricsFile::new(BTreeMap::from([("map".to_owned(), metrics)]));
    if let Some(folder) = &args.out {
        let files = [("metrics.json", file.to_json()), ("confusion.csv", confusion)];
        write_together(&files.map(|(name, text)| (folder.join(name), text)))?;
    }
    Ok(file)
}

//! `swath lr-find`: sweeps over learning rates and says what they suggest.

use std::path::PathBuf;

use super::common::{Compute, RunFileArgs, interrupted, print, shown, tell, watch_for_interrupt};
use crate::{
    lr_find::{CycleRange, Found, Verdict},
    report::{PictureFile, draw_lr_find},
    run::{Finder, open_dataset, starting_weights},
    train::{Event, Observer},
};

/// Find a learning rate: train for some steps at higher and higher rates
///
/// Nothing of it shows in a training afterwards. The `[lr_find]` table of the run file has the
/// settings.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    run_file: RunFileArgs,

    /// Sweeps, each with other initial weights and chips [default: lr_find.n_seeds]
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,

    /// Picture to write, .png or .svg [default: lr_find.png]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Print the data as JSON on standard output; draw only with --out
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

/// Only passes Ctrl-C on.
struct Stopper;

impl Observer for Stopper {
    fn event(&mut self, _event: Event<'_>) {}

    fn stops(&mut self) -> bool {
        interrupted()
    }

    fn seconds(&self) -> f64 {
        0.0
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut run_file = args.run_file.load()?;
    if let Some(seeds) = args.seeds {
        run_file.lr_find.n_seeds = seeds;
        run_file.lr_find.check()?;
    }
    let picture = match (&args.out, args.json) {
        (None, true) => None,
        (out, _) => {
            let path = out.clone().unwrap_or_else(|| PathBuf::from("lr_find.png"));
            Some(PictureFile::new(&path)?)
        }
    };
    let found = args.compute.install(|| {
        let device = args.compute.device()?;
        let data = open_dataset(&run_file)?;
        let weights = starting_weights(&run_file, &data, &device)?;
        watch_for_interrupt()?;
        let (run_file, weights) = (&run_file, weights.as_ref());
        let finder = Finder { run_file, data: &data, weights, device: &device };
        Ok(finder.find(&mut Stopper)?)
    })?;
    if let Some(picture) = &picture {
        draw_lr_find(&found, picture)?;
    }
    if args.json {
        print(&serde_json::to_string_pretty(&found)?)?;
    } else {
        print(&text(&found))?;
    }
    if let Some(picture) = &picture {
        tell(&format!("picture {}", shown(picture.path())));
    }
    found.suggested()?;
    Ok(())
}

/// Chart, suggestions of all rules, and the range for cycles; at most 80 columns wide.
fn text(found: &Found) -> String {
    let mut text = chart(found);
    for sweep in &found.sweeps {
        let why = match sweep.ended {
            Verdict::GoOn if sweep.is_still_falling => {
                text += "still falling at the last rate: raise lr_find.end_lr to see more\n";
                continue;
            }
            Verdict::GoOn => continue,
            Verdict::Diverged => "diverged",
            Verdict::NotFinite => "met a loss or gradient that is not finite",
        };
        let (seed, n) = (sweep.seed, sweep.lr.len());
        let last = sweep.lr.last().map_or("none".to_owned(), |lr| format!("{lr:.2e}"));
        text += &format!("seed {seed}: {why} after {n} steps, last rate {last}\n");
    }
    let n_sweeps = found.sweeps.len();
    let over = if 1 < n_sweeps { "  lowest     highest    sweeps" } else { "" };
    text += &format!("\n   {:<16}{:<11}{over}\n", "rule", "rate");
    for (index, (rule, agreement)) in found.agreements.iter().enumerate() {
        let mark = if *rule == found.settings.rule { '*' } else { ' ' };
        let (letter, name) = (letter(index), rule.name());
        let Some(it) = agreement else {
            text += &format!("{mark}{letter} {name:<16}nothing\n");
            continue;
        };
        text += &format!("{mark}{letter} {name:<16}{:<11.2e}", it.agreed_lr);
        if 1 < n_sweeps {
            text += &format!("  {:<11.2e}{:<11.2e}{}", it.lowest_lr, it.highest_lr, it.n_seeds);
        }
        text += "\n";
    }
    match found.range {
        Some(CycleRange { base_lr, max_lr }) => {
            text += &format!(
                "\nfor cyclic rates: schedule.min = {base_lr:.2e}, optimizer.lr = {max_lr:.2e}\n\
                 for one cycle: optimizer.lr = {max_lr:.2e}, schedule.div_factor = {:.1}\n",
                max_lr / base_lr
            );
        }
        None => text += "\nno range for cycles: the loss never falls\n",
    }
    text
}

/// What marks a rule in the chart.
fn letter(index: usize) -> char {
    (b'A' + index as u8) as char
}

const ROWS: usize = 12;
const COLS: usize = 64;

/// The median loss over the rate, with a letter for each rule below.
fn chart(found: &Found) -> String {
    let (rates, losses) = (&found.band.lr, &found.band.median);
    if rates.len() < 2 {
        return String::new();
    }
    let low = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let high = found.highest_shown();
    let [first, last] = [rates[0], rates[rates.len() - 1]].map(f64::ln);
    let share = |lr: f64| ((lr.ln() - first) / (last - first)).clamp(0.0, 1.0);
    let col = |lr: f64| (share(lr) * (COLS - 1) as f64).round() as usize;
    let height = if low < high { high - low } else { 1.0 };
    let mut cells = vec![vec![' '; COLS]; ROWS + 1];
    for (lr, loss) in rates.iter().zip(losses) {
        let row = ((high - loss).max(0.0) / height * (ROWS - 1) as f64).round() as usize;
        cells[row.min(ROWS - 1)][col(*lr)] = '*';
    }
    for (index, (_, agreement)) in found.agreements.iter().enumerate() {
        let Some(it) = agreement else { continue };
        // Next to it, if another rule says the same.
        let free = |at: &usize| cells[ROWS][*at] == ' ';
        let at = (col(it.agreed_lr)..COLS).find(free).unwrap_or(COLS - 1);
        cells[ROWS][at] = letter(index);
    }
    let mut text = String::new();
    for (row, cells) in cells.iter().enumerate() {
        let label = match row {
            0 => format!("{high:.3}"),
            _ if row == ROWS - 1 => format!("{low:.3}"),
            _ => String::new(),
        };
        let line: String = cells.iter().collect();
        text += format!("{label:>9} |{line}").trim_end();
        text += "\n";
    }
    let [first, last] = [rates[0], rates[rates.len() - 1]].map(|it| format!("{it:.0e}"));
    let gap = " ".repeat(COLS.saturating_sub(first.len() + last.len()));
    text += &format!("{:>11}{first}{gap}{last}\n", "");
    text
}

//! Shows how a training goes: bars on a terminal, plain lines elsewhere.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::common::{interrupted, tell};
use crate::{
    run::Run,
    scene::Role,
    train::{EpochRow, Event, Observer, StepRow},
};

/// Shortest time between two plain lines within an epoch.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Tells of a training on standard error.
pub(super) struct Progress {
    began: Instant,
    n_epochs: u32,
    chip_pixels: f64,
    bar: Option<ProgressBar>,
    last_line: Instant,
    epoch_began: Instant,
    first_step: Option<u64>,
    epoch_pixels: f64,
}

impl Progress {
    /// Of what `run` does.
    pub(super) fn of(run: &Run) -> Self {
        let now = Instant::now();
        Self {
            began: now,
            n_epochs: run.run_file.train.epochs,
            chip_pixels: f64::from(run.run_file.chips.size_px).powi(2),
            bar: io::stderr().is_terminal().then(new_bar),
            last_line: now,
            epoch_began: now,
            first_step: None,
            epoch_pixels: 0.0,
        }
    }

    fn step(&mut self, row: &StepRow, step_in_epoch: u64, n_steps: u64, n_chips: usize) {
        if self.epoch_pixels == 0.0 && 1 < step_in_epoch {
            self.epoch_began = Instant::now(); // Resumed in the middle: the first step is not timed.
        }
        self.epoch_pixels += n_chips as f64 * self.chip_pixels;
        let first_step = *self.first_step.get_or_insert(row.step);
        let speed = self.epoch_pixels / self.epoch_began.elapsed().as_secs_f64().max(1e-9);
        let n_done = row.step - first_step + 1;
        let n_left = (u64::from(self.n_epochs) * n_steps).saturating_sub(row.step);
        let left = self.began.elapsed().as_secs_f64() / n_done as f64 * n_left as f64;
        let figures = format!(
            "{} left  loss {:.4}  lr {:.1e}  {:.2} Mpx/s",
            duration(left),
            row.loss,
            row.lr,
            speed / 1e6,
        );
        let place = format!("epoch {}/{}", row.epoch, self.n_epochs);
        if let Some(bar) = &self.bar {
            bar.set_length(n_steps);
            bar.set_prefix(place);
            bar.set_message(figures);
            bar.set_position(step_in_epoch);
        } else if PLAIN_EVERY <= self.last_line.elapsed() {
            self.last_line = Instant::now();
            tell(&format!("{place}  step {step_in_epoch}/{n_steps}  {figures}"));
        }
    }

    fn epoch(&mut self, row: &EpochRow, is_best: bool) {
        let validation = row.validation.map_or(String::new(), |it| {
            format!(
                "  val loss {:.4}  mIoU {:.4}  OA {:.4}",
                it.loss, it.mean_iou, it.overall_accuracy
            )
        });
        let ema = row.ema.map_or(String::new(), |it| format!("  EMA mIoU {:.4}", it.mean_iou));
        let line = format!(
            "epoch {:>3}/{}  loss {:.4}{validation}{ema}  {}{}",
            row.epoch,
            self.n_epochs,
            row.train_loss,
            duration(row.train_seconds + row.validation_seconds),
            if is_best { "  best" } else { "" }
        );
        match &self.bar {
            Some(bar) => bar.println(line),
            None => tell(&line),
        }
        self.epoch_began = Instant::now();
        self.last_line = self.epoch_began;
        self.epoch_pixels = 0.0;
        if row.epoch == self.n_epochs {
            self.clear();
        }
    }

    fn evaluating(&mut self, role: Role, n_done: u64, n_pixels: u64) {
        let percent = 100 * n_done / n_pixels.max(1);
        if io::stderr().is_terminal() {
            let prefix = format!("evaluating {role}");
            let begin = || new_bar().with_prefix(prefix.clone()).with_message("% of the pixels");
            let bar = self.bar.get_or_insert_with(begin);
            bar.set_prefix(prefix);
            bar.set_length(100);
            bar.set_position(percent);
        } else if PLAIN_EVERY <= self.last_line.elapsed() {
            self.last_line = Instant::now();
            tell(&format!("evaluating {role}  {percent} %"));
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Step { row, step_in_epoch, n_steps, n_chips } => {
                self.step(row, step_in_epoch, n_steps, n_chips);
            }
            Event::Validating => {
                if let Some(bar) = &self.bar {
                    bar.set_message("validating");
                }
            }
            Event::Epoch { row, is_best } => self.epoch(row, is_best),
            Event::StoppedEarly { epoch } => {
                self.clear();
                tell(&format!("stopped early after epoch {epoch}: nothing got better"));
            }
            Event::Note(note) => tell(note),
            Event::Evaluating { role, n_done, n_pixels } => {
                self.evaluating(role, n_done, n_pixels);
            }
        }
    }

    fn stops(&mut self) -> bool {
        interrupted()
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

fn new_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:8}] {pos}/{len}  {wide_msg}")
        .expect("the template is valid")
        .progress_chars("=> ");
    ProgressBar::new(0).with_style(style)
}

/// Seconds as people say them: `8 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (9.4, "9.4 s"),
            (59.6, "1 min 0 s"),
            (200.0, "3 min 20 s"),
            (7500.0, "2 h 5 min"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}

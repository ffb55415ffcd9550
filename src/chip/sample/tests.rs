//! Ways of drawing windows, on a scene whose classes lie in stripes.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChipRef, ChipsConfig, PoolSummary, Sampler};
use crate::{
    chip::{BlockCounts, BlockGrid, SceneSplit},
    error::Result,
    label::{Classes, IGNORE},
    raster::{Pixels, Window},
    scene::{Role, Sample},
};

const ROWS: u32 = 12;
const COLS: u32 = 40;

/// Class 0 in columns below 30, then class 1, and class 2 in the last two; the last row has no label.
fn label(row: u32, col: u32) -> u8 {
    match (row, col) {
        (11, _) => IGNORE,
        (_, ..30) => 0,
        (_, ..38) => 1,
        _ => 2,
    }
}

fn read(_: usize, window: Window) -> Result<Sample> {
    let places = (window.row..window.row_end())
        .flat_map(|row| (window.col..window.col_end()).map(move |col| (row, col)));
    let labels: Vec<u8> = places.map(|(row, col)| label(row, col)).collect();
    let (rows, cols) = (window.rows as usize, window.cols as usize);
    let values = vec![1.0; labels.len()];
    let pixels = Pixels { n_bands: 1, rows, cols, valid: vec![true; labels.len()], values };
    Ok(Sample::new(pixels, labels))
}

/// Blocks of 4 px; the one in the lower left corner is tested.
fn splits() -> [SceneSplit; 1] {
    let grid = BlockGrid::new(ROWS, COLS, 4);
    let counts = vec![BlockCounts { classes: vec![1, 1, 1] }; grid.n_blocks()];
    let mut roles = vec![Some(Role::Train); grid.n_blocks()];
    roles[grid.index_at(11, 0)] = Some(Role::Test);
    [SceneSplit::new(grid, roles, counts, 0, false)]
}

fn sampler(config: &str, seed: u64) -> Result<Sampler> {
    let config: ChipsConfig = toml::from_str(&format!("size_px = 4\n{config}")).unwrap();
    Sampler::new(&splits(), &config, &Classes::numbered(3), seed, read)
}

fn epoch(sampler: &Sampler, epoch: u32) -> Vec<ChipRef> {
    let chip = |index| sampler.read_chip(epoch, index, &splits(), read).unwrap().0;
    (0..sampler.n_chips()).map(chip).collect()
}

/// Labelled pixels of a chip by class.
fn counts(chip: &ChipRef) -> [u64; 3] {
    let mut counts = [0; 3];
    for label in read(chip.scene, chip.window).unwrap().labels {
        if label != IGNORE {
            counts[usize::from(label)] += 1;
        }
    }
    counts
}

fn times(chips: &[ChipRef]) -> BTreeMap<ChipRef, usize> {
    let mut times = BTreeMap::new();
    for chip in chips {
        *times.entry(*chip).or_default() += 1;
    }
    times
}

/// With a stride of 4 px, windows are the 30 blocks without the tested one; 2 x 7 + 6 of class 0 alone,
/// 3 with 0 and 1, 3 of class 1, 3 with 1 and 2.
const POOL: &str = "stride_px = 4\n";

#[test]
fn class_centred_windows_hold_the_drawn_class_and_classes_come_as_often_as_asked() {
    let shares = "sampling = 'class-centred'\nper_epoch = 3000\nclass_shares = [1, 0, 3]";
    let sampler = sampler(shares, 1).unwrap();
    let chips = epoch(&sampler, 0);
    let n_with = |class: usize| chips.iter().filter(|it| 0 < counts(it)[class]).count();
    // Three quarters are around class 2; no window holds classes 0 and 2.
    let n_rare = n_with(2) as f64;
    assert!((n_rare - 2250.0).abs() < 4.0 * (3000.0 * 0.75 * 0.25_f64).sqrt(), "{n_rare}");
    assert_eq!(n_with(0) + n_with(2), 3000);
    // Windows are centred where they may be: those of row 6 lie in 4..8.
    assert!(chips.iter().all(|it| !(8 <= it.window.row && it.window.col < 4)));
    assert!(
        chips.iter().any(|it| it.window.col == 36) && chips.iter().any(|it| it.window.row == 0)
    );
}

#[test]
fn a_window_is_centred_on_its_pixel() {
    // One pixel of class 2 is labelled, at row 5, column 17.
    let read = |scene, window: Window| {
        let mut sample = read(scene, window)?;
        for (index, label) in sample.labels.iter_mut().enumerate() {
            let (row, col) = (index as u32 / window.cols, index as u32 % window.cols);
            let is_it = (window.row + row, window.col + col) == (5, 17);
            *label = if is_it { 2 } else { 0 };
        }
        Ok(sample)
    };
    let config = "size_px = 4\nper_epoch = 9\nsampling = 'class-centred'\nclass_shares = [0, 5, 1]";
    let config: ChipsConfig = toml::from_str(config).unwrap();
    let sampler = Sampler::new(&splits(), &config, &Classes::numbered(3), 0, read).unwrap();
    for index in 0..9 {
        let (chip, _) = sampler.read_chip(0, index, &splits(), read).unwrap();
        assert_eq!(chip.window, Window::square(3, 15, 4));
    }
    let only_absent = ChipsConfig { class_shares: Some(vec![0.0, 1.0, 0.0]), ..config };
    let error = Sampler::new(&splits(), &only_absent, &Classes::numbered(3), 0, read).unwrap_err();
    assert!(error.to_string().contains("only for classes without a training pixel"), "{error}");
}

#[test]
fn weighted_windows_come_in_proportion_to_their_weight() {
    let config = format!(
        "{POOL}sampling = 'weighted'\nper_epoch = 6000\nclass_weights = [1, 1, 10]\n\
         window_weight = 'max'"
    );
    let sampler = sampler(&config, 3).unwrap();
    let pool = PoolSummary { n_windows: 29, n_background: None, n_listed: None };
    assert_eq!(sampler.pool(), Some(pool));
    let chips = epoch(&sampler, 0);
    // 26 windows of weight 1 and 3 of weight 10.
    let n_rare = chips.iter().filter(|it| 0 < counts(it)[2]).count() as f64;
    let share: f64 = 30.0 / 56.0;
    let deviation = (6000.0 * share * (1.0 - share)).sqrt();
    assert!((n_rare - 6000.0 * share).abs() < 4.0 * deviation, "{n_rare}");
    assert_eq!(sampler.pool_coverage(1), Some(1.0));
}

#[test]
fn background_is_drawn_anew_for_each_list_and_others_always_come() {
    let config = format!("{POOL}sampling = 'resampled'\nbackground = ['a']\nn_background = 5");
    let resampled = sampler(&config, 7).unwrap();
    let is_background = |chip: &ChipRef| counts(chip)[1..] == [0, 0];
    // 20 of class 0 alone; 9 others.
    let pool = PoolSummary { n_windows: 29, n_background: Some(20), n_listed: Some(14) };
    assert_eq!((resampled.pool(), resampled.n_chips()), (Some(pool), 14));
    let mut others = BTreeSet::new();
    let mut background = BTreeMap::<ChipRef, usize>::new();
    for number in 0..400 {
        let chips = epoch(&resampled, number);
        assert!(times(&chips).values().all(|&n| n == 1), "a window twice in a list");
        let (back, other): (Vec<_>, Vec<_>) = chips.into_iter().partition(is_background);
        assert_eq!((back.len(), other.len()), (5, 9));
        others.insert(other.into_iter().collect::<BTreeSet<_>>());
        back.into_iter().for_each(|chip| *background.entry(chip).or_default() += 1);
    }
    assert_eq!((others.len(), background.len()), (1, 20));
    // Each comes in a quarter of the lists: 100 of 400, deviation 8.7.
    assert!(background.values().all(|&n| 65 < n && n < 135), "{background:?}");

    assert_ne!(epoch(&resampled, 0), epoch(&resampled, 1));
    let again = sampler(&config, 7).unwrap();
    assert_eq!(epoch(&again, 5), epoch(&resampled, 5));
    assert_ne!(epoch(&sampler(&config, 8).unwrap(), 5), epoch(&resampled, 5));
}

#[test]
fn coverage_is_the_share_of_the_pool_seen_so_far_in_any_order_of_asking() {
    let config = format!("{POOL}sampling = 'resampled'\nbackground = ['a']\nn_background = 5");
    let resampled = sampler(&config, 7).unwrap();
    let mut seen = BTreeSet::new();
    for number in 0..6 {
        seen.extend(epoch(&resampled, number));
        let coverage = resampled.pool_coverage(number + 1);
        assert_eq!(coverage, Some(seen.len() as f64 / 29.0));
        assert_eq!(resampled.pool_coverage(1), Some(14.0 / 29.0));
        assert_eq!(resampled.pool_coverage(number + 1), coverage);
    }
    assert_eq!(sampler("", 1).unwrap().pool_coverage(3), None);
}

#[test]
fn shorter_and_longer_epochs_go_through_the_same_lists() {
    let config = format!("{POOL}sampling = 'resampled'\nbackground = ['a']\nn_background = 5\n");
    let whole = sampler(&config, 7).unwrap();
    let lists: Vec<_> = (0..3).flat_map(|number| epoch(&whole, number)).collect();
    let halves = sampler(&format!("{config}per_epoch = 7"), 7).unwrap();
    assert_eq!((0..6).flat_map(|it| epoch(&halves, it)).collect::<Vec<_>>(), lists);
    let long = sampler(&format!("{config}per_epoch = 42"), 7).unwrap();
    assert_eq!(epoch(&long, 0), lists);
}

#[test]
fn background_may_hold_some_of_other_classes_and_others_may_be_repeated() {
    let config = format!("{POOL}sampling = 'resampled'\nbackground = ['a']\n");
    // Three windows have half of their pixels in class 0.
    let tolerant = sampler(&format!("{config}background_tolerance = 0.5"), 1).unwrap();
    let pool = PoolSummary { n_windows: 29, n_background: Some(23), n_listed: Some(12) };
    assert_eq!(tolerant.pool(), Some(pool));
    let twice = sampler(&format!("{config}repeat = 2\nn_background = 1"), 1).unwrap();
    let times = times(&epoch(&twice, 0));
    assert_eq!(times.values().filter(|n| **n == 2).count(), 9);
    assert_eq!(twice.n_chips(), 19);
}

#[test]
fn windows_come_as_often_as_their_classes_say() {
    let config = format!("{POOL}sampling = 'repeated'\nrepeats = [0.5, 1, 2.5]");
    let repeated = sampler(&config, 2).unwrap();
    // Half of 20, 6 once, and 3 two and a half times, a half rounded up.
    assert_eq!(repeated.pool().unwrap().n_listed, Some(24));
    let mut drawn = 0;
    for number in 0..400 {
        let times = times(&epoch(&repeated, number));
        let of = |class: usize| -> usize {
            let with = times.iter().filter(|(chip, _)| 0 < counts(chip)[class]);
            with.map(|(_, n)| n).sum()
        };
        let whole = times.iter().filter(|(chip, _)| counts(chip)[1] != 0 && counts(chip)[2] == 0);
        assert!(whole.clone().count() == 6 && whole.clone().all(|(_, n)| *n == 1));
        assert!(6 <= of(2) && of(2) <= 9, "{}", of(2));
        drawn += of(2);
    }
    // 7.5 of the 11.5 windows that are drawn in part belong to class 2: each comes 2.5 times on
    // average, times 12 / 11.5 as a list has a whole number of them.
    let mean = drawn as f64 / 400.0;
    assert!((mean - (6.0 + 1.5 * 12.0 / 11.5)).abs() < 0.15, "{mean}");
    // Classes occur in 23, 9 and 3 of 29 windows: sqrt(0.5 * 29 / 3) = 2.198 times 3 is 6.6,
    // sqrt(0.5 * 29 / 9) = 1.269 times 6 is 7.6; 20 + 14.2 in all.
    let config = format!("{POOL}sampling = 'repeated'\nrepeat_threshold = 0.5");
    assert_eq!(sampler(&config, 2).unwrap().n_chips(), 34);
}

#[test]
fn chips_are_labelled_as_much_as_asked() {
    // Windows that reach the last row have 12 of 16 pixels with a label.
    let check = |config: &str| {
        let sampler = sampler(&format!("{config}\nmin_labelled = 0.8"), 4).unwrap();
        assert!(epoch(&sampler, 0).iter().all(|it| it.window.row_end() < ROWS), "{config}");
    };
    check("per_epoch = 200");
    check("per_epoch = 200\nsampling = 'class-centred'");
    check("per_epoch = 200\nsampling = 'weighted'\nstride_px = 4");
    check("sampling = 'repeated'\nrepeats = [1, 1, 1]\nstride_px = 4");
    let few = sampler("min_labelled = 1", 4).unwrap();
    let unlabelled = |scene, window: Window| {
        let mut sample = read(scene, window)?;
        sample.labels[0] = IGNORE;
        Ok(sample)
    };
    let error = few.read_chip(0, 0, &splits(), unlabelled).unwrap_err().to_string();
    assert!(error.contains("`chips.min_labelled`"), "{error}");
}

#[test]
fn settings_that_do_not_fit_the_classes_are_refused() {
    let check = |config: &str, wanted: &str| {
        let error = sampler(config, 0).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    check("sampling = 'class-centred'\nclass_shares = [1, 1]", "each of the 3 classes");
    check("sampling = 'weighted'\nclass_weights = [1, 1]", "each of the 3 classes");
    check("sampling = 'weighted'\nclass_weights = [1, -1, 1]", "must be 0 or more");
    check("sampling = 'resampled'\nbackground = ['water']", "no class has this name");
    check("sampling = 'resampled'\nbackground = ['c']", "no window of the pool is background");
    check("sampling = 'repeated'\nrepeats = [1]", "each of the 3 classes");
    let few = sampler("sampling = 'repeated'\nrepeats = [0.0001, 0, 0]", 0).unwrap();
    assert_eq!(few.n_chips(), 1);
    let all = "sampling = 'resampled'\nbackground = ['a', 'b', 'c']\nn_background = 0";
    check(all, "all of the pool are background");
    let config = "size_px = 4\nsampling = 'weighted'\nmin_labelled = 1";
    let config: ChipsConfig = toml::from_str(config).unwrap();
    let unlabelled = |_, window: Window| Ok(Sample::missing(1, 4, window.cols as usize));
    let error = Sampler::new(&splits(), &config, &Classes::numbered(3), 0, unlabelled).unwrap_err();
    assert!(error.to_string().contains("`chips.stride_px` = 2: no window"), "{error}");
}

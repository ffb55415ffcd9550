//! What a run file may say of schedules, and what it may not.

use super::*;

const BASES: Bases = Bases { lr: 0.1, momentum: 0.9, weight_decay: 0.01 };

/// 5 epochs of 20 steps.
const RUN: RunLength = RunLength { n_steps: 100, n_epochs: 5 };

fn build(text: &str) -> Result<Schedule, String> {
    let config: ScheduleConfig = toml::from_str(text).map_err(|error| error.to_string())?;
    Schedule::new(&config, BASES, RUN).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, wanted: &[&str]) {
    let error = build(text).unwrap_err();
    assert!(wanted.iter().all(|it| error.contains(it)), "{text}: {error}");
}

#[test]
fn what_is_written_reads_back_with_every_default() {
    for text in [
        "",
        "kind = 'step'\nstep_size = 2",
        "kind = 'plateau'",
        "kind = 'sequence'\n[[piece]]\nkind = 'linear'\nlength = 30\n[[piece]]\nkind = 'cosine'",
        "warmup_steps = 5\nkind = 'cosine'\n[weight_decay]\nkind = 'points'\npoints = [[0, 1], [50, 0]]",
    ] {
        let config: ScheduleConfig = toml::from_str(text).unwrap();
        let full = config.clone().with_defaults();
        let written = toml::to_string(&full).unwrap();
        let back: ScheduleConfig = toml::from_str(&written).unwrap();
        assert_eq!(back, full, "{written}");
        let [a, b] = [config, back].map(|it| Schedule::new(&it, BASES, RUN).unwrap());
        for step in 0..100 {
            let epoch = (step / 20) as u32;
            assert_eq!(a.rates(step, epoch, &[]), b.rates(step, epoch, &[]), "{text}");
        }
    }
    let full = toml::to_string(&ScheduleConfig::default().with_defaults()).unwrap();
    assert!(full.contains("final_div_factor = 10000.0"), "{full}");
}

#[test]
fn keys_of_another_kind_are_refused() {
    refused("kind = 'constant'\ndiv_factor = 2", &["schedule.div_factor", "\"constant\""]);
    refused("kind = 'cosine'\nmilestones = [3]", &["schedule.milestones"]);
    refused("kind = 'one_cycle'", &["unknown variant `one_cycle`"]);
    refused("kind = 'cosine'\nmin = nan", &["schedule.min", "finite"]);
    refused("kind = 'points'\npoints = [[0, nan]]", &["schedule.points", "finite"]);
    refused("kind = 'multi-step'\nmilestones = [inf]", &["schedule.milestones", "finite"]);
    refused("kind = 'points'\npoints = []", &["schedule.points", "at least one"]);
    refused("kind = 'warm-restarts'\nfirst_length = 0.5", &["first_length", "at least 1"]);
    refused("[momentum]\nkind = 'plateau'", &["schedule.momentum.kind", "follows the checks"]);
}

#[test]
fn curves_longer_or_shorter_than_the_run_are_refused() {
    refused("length = 101", &["schedule.length` = 101", "100 steps"]);
    refused("length = 60", &["schedule.length` = 60", "almost 0"]);
    refused("kind = 'cosine'\nlength = 4\nunit = 'epoch'", &["5 epochs of the run", "rise again"]);
    refused("kind = 'polynomial'\nlength = 99", &["at 0 from there"]);
    refused("kind = 'step'\nstep_size = 6", &["schedule.step_size", "5 epochs"]);
    refused("kind = 'multi-step'\nmilestones = [2, 7]", &["schedule.milestones` = 7"]);
    refused("kind = 'warm-restarts'\nfirst_length = 200", &["first_length"]);
    refused("kind = 'points'\npoints = [[0, 1], [101, 0]]", &["schedule.points"]);
    refused("warmup_steps = 100", &["schedule.warmup_steps"]);
    let pieces = |a: u32, b: u32| {
        format!(
            "kind = 'sequence'\n[[piece]]\nkind = 'linear'\nlength = {a}\n\
             [[piece]]\nkind = 'constant'\nlength = {b}"
        )
    };
    build(&pieces(40, 60)).unwrap();
    refused(&pieces(40, 59), &["schedule.piece", "100 steps"]);
    refused(&pieces(40, 61), &["schedule.piece", "100 steps"]);
    let open = "kind = 'sequence'\n[[piece]]\nkind = 'linear'\n[[piece]]\nkind = 'constant'";
    refused(open, &["schedule.piece.0.length", "needed"]);
    refused("kind = 'sequence'", &["[[schedule.piece]]"]);
}

#[test]
fn values_out_of_range_are_refused_by_key() {
    refused(
        "kind = 'cyclic'\nmin = 0.2\nstep_size_up = 5",
        &["schedule.min", "optimizer.lr` = 0.1"],
    );
    refused("kind = 'cyclic'\nstep_size_up = 5", &["schedule.min", "needed"]);
    refused("kind = 'cosine'\nmin = 0.2", &["schedule.min", "must not be above"]);
    refused("pct_start = 1.1", &["schedule.pct_start"]);
    refused("pct_start = 0.6\nthree_phase = true", &["schedule.pct_start", "[0, 0.5]"]);
    refused("div_factor = 0", &["schedule.div_factor"]);
    refused("max_momentum = 1", &["schedule.max_momentum"]);
    refused("base_momentum = 0.96", &["schedule.base_momentum"]);
    refused("kind = 'plateau'\npatience = 0", &["schedule.patience"]);
    refused("kind = 'plateau'\nfactor = 1", &["schedule.factor"]);
    refused("kind = 'step'\nstep_size = 0", &["schedule.step_size"]);
    refused("kind = 'step'", &["schedule.step_size", "needed"]);
    refused("kind = 'points'\npoints = [[5, 1], [1, 0]]", &["order of their times"]);
    refused("warmup_factor = 2", &["schedule.warmup_factor"]);
    let decay = "kind = 'constant'\n[weight_decay]\nkind = 'cosine'\nmin = 0.02";
    refused(decay, &["schedule.weight_decay.min", "optimizer.weight_decay` = 0.01"]);
    refused("[momentum]\nkind = 'linear'", &["schedule.momentum", "cycle_momentum = false"]);
    let rising = "kind = 'constant'\n[momentum]\nkind = 'linear'\nend_factor = 1.2";
    refused(rising, &["schedule.momentum", "is too much"]);
    let late = "[momentum]\nkind = 'points'\nunit = 'epoch'\npoints = [[3, 1], [4, 1.2]]";
    refused(&format!("kind = 'constant'\n{late}"), &["schedule.momentum", "epoch 5"]);
    let stronger = "[augment]\nkind = 'constant'\nfactor = 1.5";
    refused(stronger, &["schedule.augment", "is too much"]);
    for lr in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Schedule::check(&ScheduleConfig::default(), Bases { lr, ..BASES }).unwrap_err();
        assert!(error.to_string().starts_with("config `optimizer.lr` = "), "{error}");
    }
}

#[test]
fn each_curve_drives_its_own_setting() {
    let schedule = build(
        "kind = 'constant'\nwarmup_steps = 10\nwarmup_factor = 0.5\n\
         [momentum]\nkind = 'linear'\nstart_factor = 0.5\nlength = 100\n\
         [weight_decay]\nkind = 'step'\nstep_size = 2\n\
         [drop_prob]\nkind = 'polynomial'\n\
         [augment]\nkind = 'linear'\nstart_factor = 0\nunit = 'epoch'\nlength = 4",
    )
    .unwrap();
    let rates = schedule.rates(50, 2, &[]);
    assert_eq!(rates.lr, 0.1);
    assert!((rates.momentum.unwrap() - 0.9 * 0.75).abs() < 1e-12);
    assert!((rates.weight_decay_factor - 0.1).abs() < 1e-12);
    assert_eq!(schedule.drop_factor(50, 2), 0.5);
    assert_eq!(schedule.augment_factor(50, 2), 0.5);
    assert!((schedule.rates(5, 0, &[]).lr - 0.075).abs() < 1e-12);
}

#[test]
fn other_settings_have_cycles_without_momentum_too() {
    let text = "kind = 'constant'\n[weight_decay]\nkind = 'one-cycle'\n\
                [drop_prob]\nkind = 'cyclic'\nmin = 0.5\nstep_size_up = 10";
    let config: ScheduleConfig = toml::from_str(text).unwrap();
    for config in [config.clone(), config.with_defaults()] {
        let schedule = Schedule::new(&config, BASES, RUN).unwrap();
        let rates = schedule.rates(29, 1, &[]);
        assert_eq!((rates.weight_decay_factor, rates.momentum), (1.0, None));
        assert_eq!([0, 10].map(|step| schedule.drop_factor(step, 0)), [0.5, 1.0]);
    }
}

#[test]
fn the_lowest_value_is_in_units_of_the_key() {
    let text = "kind = 'constant'\n[weight_decay]\nkind = 'cosine'\nmin = 0.005";
    let factor = build(text).unwrap().rates(100, 5, &[]).weight_decay_factor;
    assert!((factor - 0.5).abs() < 1e-12, "{factor}");
}

#[test]
fn a_caller_may_bring_any_curve() {
    let schedule = Schedule::of(2.0, Curve::custom(|step| 1.0 / (1.0 + step)));
    assert_eq!(schedule.rates(3, 0, &[]), Rates::of(0.5));
}

#[test]
fn a_warm_up_goes_with_a_plateau() {
    let schedule = build("kind = 'plateau'\npatience = 1\nwarmup_steps = 10").unwrap();
    assert!((schedule.rates(0, 0, &[]).lr - 0.1 / 3.0).abs() < 1e-12);
    assert!((schedule.rates(20, 1, &[0.5, 0.6, 0.7]).lr - 0.01).abs() < 1e-12);
}

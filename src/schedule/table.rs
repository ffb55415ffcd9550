//! The `[schedule]` table as it stands in a run file: one flat table for all kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Anneal, OneCycleConfig, ScheduleConfig};

/// How the learning rate and the momentum change from step to step.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ScheduleConfig")]
pub(super) struct Table {
    /// Which schedule; default `one-cycle`.
    kind: Kind,
    /// one-cycle: share of the steps in which the rate rises, in `[0, 1]`; default 0.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pct_start: Option<f64>,
    /// one-cycle: first rate = `optimizer.lr / div_factor`; default 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    div_factor: Option<f64>,
    /// one-cycle: last rate = first rate / `final_div_factor`; default 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    final_div_factor: Option<f64>,
    /// one-cycle: curve between the corners; default `cos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    anneal: Option<Anneal>,
    /// one-cycle: fall as steeply as it rose, then decay in a third phase; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    three_phase: Option<bool>,
    /// one-cycle: momentum (first beta of AdamW) falls while the rate rises; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle_momentum: Option<bool>,
    /// one-cycle: lowest momentum, in `[0, 1)`; default 0.85.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_momentum: Option<f64>,
    /// one-cycle: highest momentum, in `[0, 1)`; default 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_momentum: Option<f64>,
}

/// Names of the schedules.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// Up to `optimizer.lr` and down to almost 0, momentum the other way round.
    #[default]
    OneCycle,
    /// `optimizer.lr` at every step.
    Constant,
}

impl Table {
    /// A key that is set and belongs to the one-cycle schedule.
    fn one_cycle_key(&self) -> Option<&'static str> {
        let keys = [
            ("pct_start", self.pct_start.is_some()),
            ("div_factor", self.div_factor.is_some()),
            ("final_div_factor", self.final_div_factor.is_some()),
            ("anneal", self.anneal.is_some()),
            ("three_phase", self.three_phase.is_some()),
            ("cycle_momentum", self.cycle_momentum.is_some()),
            ("base_momentum", self.base_momentum.is_some()),
            ("max_momentum", self.max_momentum.is_some()),
        ];
        keys.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key)
    }
}

impl TryFrom<Table> for ScheduleConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        match table.kind {
            Kind::OneCycle => {
                let default = OneCycleConfig::default();
                Ok(Self::OneCycle(OneCycleConfig {
                    pct_start: table.pct_start.unwrap_or(default.pct_start),
                    div_factor: table.div_factor.unwrap_or(default.div_factor),
                    final_div_factor: table.final_div_factor.unwrap_or(default.final_div_factor),
                    anneal: table.anneal.unwrap_or(default.anneal),
                    three_phase: table.three_phase.unwrap_or(default.three_phase),
                    cycle_momentum: table.cycle_momentum.unwrap_or(default.cycle_momentum),
                    base_momentum: table.base_momentum.unwrap_or(default.base_momentum),
                    max_momentum: table.max_momentum.unwrap_or(default.max_momentum),
                }))
            }
            Kind::Constant => match table.one_cycle_key() {
                None => Ok(Self::Constant),
                Some(key) => Err(format!(
                    "key `schedule.{key}` belongs to kind = \"one-cycle\", found kind = \"constant\""
                )),
            },
        }
    }
}

impl From<ScheduleConfig> for Table {
    fn from(config: ScheduleConfig) -> Self {
        match config {
            ScheduleConfig::OneCycle(config) => Self {
                kind: Kind::OneCycle,
                pct_start: Some(config.pct_start),
                div_factor: Some(config.div_factor),
                final_div_factor: Some(config.final_div_factor),
                anneal: Some(config.anneal),
                three_phase: Some(config.three_phase),
                cycle_momentum: Some(config.cycle_momentum),
                base_momentum: Some(config.base_momentum),
                max_momentum: Some(config.max_momentum),
            },
            ScheduleConfig::Constant => Self { kind: Kind::Constant, ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ScheduleConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_refused(text: &str, wanted: &str) {
        let error = read(text).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }

    #[test]
    fn an_empty_table_is_the_default() {
        assert_eq!(read("").unwrap(), ScheduleConfig::default());
        let ScheduleConfig::OneCycle(config) = read("pct_start = 0.5").unwrap() else { panic!() };
        assert_eq!((config.pct_start, config.div_factor), (0.5, 25.0));
    }

    #[test]
    fn what_is_written_reads_back_with_every_default() {
        let config = OneCycleConfig { anneal: Anneal::Linear, ..OneCycleConfig::default() };
        for config in [ScheduleConfig::OneCycle(config), ScheduleConfig::Constant] {
            let text = toml::to_string(&config).unwrap();
            assert_eq!(read(&text).unwrap(), config, "{text}");
        }
        let text = toml::to_string(&ScheduleConfig::default()).unwrap();
        assert!(text.contains("final_div_factor = 10000.0"), "{text}");
    }

    #[test]
    fn unknown_keys_and_keys_of_another_kind_are_refused() {
        check_refused("pct_strat = 0.5", "unknown field `pct_strat`");
        check_refused("kind = \"constant\"\ndiv_factor = 2", "key `schedule.div_factor`");
        check_refused("kind = \"one_cycle\"", "unknown variant `one_cycle`");
    }
}

//! What a run ran on.

use std::fs;

use serde::{Deserialize, Serialize};
use swath_kernels::Isa;

use super::hash_bytes;

/// The versions of all dependencies that this program is built with from its repository.
pub const CARGO_LOCK: &str = include_str!("../../Cargo.lock");

/// The machine and the build, for the manifest; nothing here may change a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of swath.
    pub version: String,
    /// Features of the build beyond the default.
    pub features: Vec<String>,
    /// Operating system and processor architecture.
    pub system: String,
    /// Processor, as the operating system names it; empty where unknown.
    pub processor: String,
    /// Threads of the run.
    pub threads: usize,
    /// Instruction set of the kernels on the CPU: `avx512`, `avx2` or `portable`.
    pub instruction_set: String,
    /// Where tensors lived: `cpu` or the name of a GPU feature.
    pub device: String,
    /// SHA-256 of the `Cargo.lock` of the build, which lists the versions of its dependencies; empty
    /// in manifests of older versions.
    #[serde(default)]
    pub dependencies_sha256: String,
}

/// Something in which two environments differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentDifference {
    /// What it is, such as `instruction set`.
    pub what: &'static str,
    /// In the first.
    pub began: String,
    /// In the second.
    pub here: String,
    /// Whether results may differ in their bits by it.
    pub changes_bits: bool,
}

impl Environment {
    /// The environment of this process.
    pub fn here(threads: usize, device: &str) -> Self {
        let features = [
            ("cuda", cfg!(feature = "cuda")),
            ("metal", cfg!(feature = "metal")),
            ("rocm", cfg!(feature = "rocm")),
            ("vulkan", cfg!(feature = "vulkan")),
            ("wgpu", cfg!(feature = "wgpu")),
        ];
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            features: features.iter().filter(|it| it.1).map(|it| it.0.to_owned()).collect(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor().unwrap_or_default(),
            threads,
            instruction_set: Isa::current().name().to_owned(),
            device: device.to_owned(),
            dependencies_sha256: hash_bytes(CARGO_LOCK.as_bytes()),
        }
    }

    /// In what `here` differs from this one, that which may change results first.
    ///
    /// What one of the two does not know is not compared.
    pub fn differences(&self, here: &Self) -> Vec<EnvironmentDifference> {
        let rows = |of: &Self| {
            let features =
                if of.features.is_empty() { "none".to_owned() } else { of.features.join(", ") };
            [
                ("version of swath", of.version.clone(), true),
                ("dependencies (SHA-256 of Cargo.lock)", of.dependencies_sha256.clone(), true),
                ("features of the build", features, true),
                ("device", of.device.clone(), true),
                ("instruction set (SWATH_ISA)", of.instruction_set.clone(), true),
                ("system", of.system.clone(), false),
                ("processor", of.processor.clone(), false),
                ("threads", of.threads.to_string(), false),
            ]
        };
        let pairs = rows(self).into_iter().zip(rows(here));
        let differ = pairs.filter(|((_, began, _), (_, here, _))| {
            began != here && !began.is_empty() && !here.is_empty()
        });
        differ
            .map(|((what, began, changes_bits), (_, here, _))| EnvironmentDifference {
                what,
                began,
                here,
                changes_bits,
            })
            .collect()
    }
}

/// Most memory that this process has held at once, in bytes; `None` on systems other than Unix.
pub fn peak_memory_bytes() -> Option<u64> {
    // On Linux `getrusage` also counts what the process that started this one held.
    let own = fs::read_to_string("/proc/self/status").ok().and_then(|it| high_water_bytes(&it));
    own.or_else(most_resident_bytes)
}

/// `VmHWM` of Linux's `/proc/self/status`.
fn high_water_bytes(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn most_resident_bytes() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        // Apple's systems count bytes, the others KiB.
        let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
        Some(u64::try_from(peak).ok()? * unit)
    }
    #[cfg(not(unix))]
    None
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_differ_in_what_they_both_know() {
        let began = Environment::here(2, "cpu");
        assert_eq!(began.differences(&began), []);
        let here = Environment {
            threads: 3,
            instruction_set: "other".to_owned(),
            dependencies_sha256: String::new(),
            ..began.clone()
        };
        let found: Vec<_> =
            began.differences(&here).into_iter().map(|it| (it.what, it.changes_bits)).collect();
        assert_eq!(found, [("instruction set (SWATH_ISA)", true), ("threads", false)]);
    }

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        let status = "Name:\tswath\nVmPeak:\t   99999 kB\nVmHWM:\t   13668 kB\nVmRSS:\t 12 kB\n";
        assert_eq!(high_water_bytes(status), Some(13668 * 1024));
        assert_eq!(high_water_bytes("Name:\tswath\n"), None);
    }

    #[test]
    #[cfg(unix)]
    fn the_peak_counts_what_was_held() {
        let before = peak_memory_bytes().unwrap();
        let held = vec![1u8; 256 << 20];
        let after = peak_memory_bytes().unwrap();
        assert!(held.len() as u64 <= after && before <= after, "{before} {after}");
    }
}

//! What a run ran on.

use std::fs;

use serde::{Deserialize, Serialize};

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
    /// Where tensors lived: `cpu` or the name of a GPU feature.
    pub device: String,
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
            device: device.to_owned(),
        }
    }
}

/// Most memory that this process has held at once, in bytes; `None` where the system does not say.
pub fn peak_memory_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

fn status_bytes(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
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
    #[cfg(target_os = "linux")]
    fn the_peak_is_at_least_what_is_held() {
        let held = status_bytes("VmRSS:").unwrap();
        assert!(1 << 20 < held && held <= peak_memory_bytes().unwrap());
    }
}

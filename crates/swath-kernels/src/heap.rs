//! What the C library does with large blocks.

/// Blocks of as many bytes are given back as soon as they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 1 << 20;

/// Has the allocator of the C library give blocks of 1 MiB and more back to the system when they are
/// freed.
///
/// By itself glibc keeps such blocks once some were freed, up to 32 MiB each, and they lie between others
/// where hardly anything fits: a sixth of the memory of a training. Tensors do not need that, as
/// their blocks are used again anyway. Elsewhere this does nothing.
pub fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: a setting of the allocator, which takes its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;

    /// Pages of this process that are in memory.
    fn resident_bytes() -> usize {
        let status = fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let n_pages = status.split(' ').nth(1).and_then(|it| it.parse::<usize>().ok());
        n_pages.expect("its second number") * 4096
    }

    const ALONE: &str = "SWATH_KERNELS_TEST_ALONE";

    /// The setting holds for the whole process, so the test runs itself in one of its own.
    #[test]
    fn freed_blocks_go_back() {
        if std::env::var_os(ALONE).is_some() {
            return free_blocks_between_others();
        }
        let itself = std::env::current_exe().expect("a test has a file");
        let ended = std::process::Command::new(itself)
            .args(["--exact", "heap::tests::freed_blocks_go_back"])
            .env(ALONE, "1")
            .output()
            .expect("it runs itself");
        let text = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && text.contains("1 passed"), "{text}");
    }

    fn free_blocks_between_others() {
        super::return_large_blocks();
        // With the first size glibc's own limit would rise, and blocks of the second stay.
        for bytes in [8 << 20, 4 << 20] {
            const N_BLOCKS: usize = 40;
            let mut blocks: Vec<Vec<u8>> = (0..N_BLOCKS).map(|_| vec![1; bytes]).collect();
            let all = resident_bytes();
            // Every second one, so that none is at the end of the heap.
            let mut index = 0;
            blocks.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            let half = resident_bytes();
            assert!(half + N_BLOCKS / 2 * bytes * 9 / 10 < all, "{half} of {all} bytes are there");
        }
    }
}

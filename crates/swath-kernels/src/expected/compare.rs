//! Comparisons with what is expected.

/// Panics unless `|got - want| <= tolerance * |want|` in the Euclidean norm.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths differ");
    let error: f64 = got.iter().zip(want).map(|(&it, want)| (f64::from(it) - want).powi(2)).sum();
    let size: f64 = want.iter().map(|it| it * it).sum();
    let (error, size) = (error.sqrt(), size.sqrt());
    // 1e-30: where only 0 is expected, only 0 is right.
    assert!(error <= tolerance * size + 1e-30, "{what}: off by {error:e} of {size:e}");
}

/// Panics unless `run` returns the same bits within 1, 2 and 7 threads, and again.
#[track_caller]
pub fn assert_same_bits_on_any_threads(what: &str, run: impl Fn() -> Vec<f32> + Sync) {
    let bits = || run().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
        pool.expect("no threads").install(bits)
    };
    let want = on(1);
    for n_threads in [2, 7, 7, 2] {
        assert!(on(n_threads) == want, "{what}: other bits on {n_threads} threads");
    }
}

//! Makes batches on other threads and hands them out in order.

use std::{ops::ControlFlow, ops::Range, sync::mpsc::sync_channel, thread};

use crate::error::Result;

/// Finished items that each worker may keep waiting.
const AHEAD: usize = 2;

/// Calls `make` for every index on `n_workers` threads and `consume` here, in the order of the
/// indices, whatever the threads do; each item depends on its index alone, so the number of
/// workers changes nothing but the speed.
///
/// `consume` ends the loop early with [`ControlFlow::Break`]; items made ahead are dropped.
///
/// # Errors
///
/// The first error, by index, of `make`, or the error of `consume`.
///
/// # Panics
///
/// If `n_workers` is 0, or with the panic of `make`.
pub fn load_in_order<T: Send>(
    indices: Range<u64>,
    n_workers: usize,
    make: impl Fn(u64) -> Result<T> + Sync,
    mut consume: impl FnMut(u64, T) -> Result<ControlFlow<()>>,
) -> Result<()> {
    assert!(0 < n_workers, "no workers");
    let make = &make;
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..n_workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(AHEAD);
                let own = indices.clone().skip(worker).step_by(n_workers);
                scope.spawn(move || {
                    for index in own {
                        let made = make(index);
                        let failed = made.is_err();
                        // A closed channel means that nobody wants more.
                        if sender.send(made).is_err() || failed {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for (turn, index) in indices.clone().enumerate() {
            let Ok(made) = receivers[turn % n_workers].recv() else {
                break; // The worker panicked; leaving the scope passes it on.
            };
            if consume(index, made?)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn collect(n: u64, n_workers: usize, stop_after: u64) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        let slow_at_first = |index: u64| {
            thread::sleep(std::time::Duration::from_millis(if index < 2 { 20 } else { 0 }));
            Ok(index * index)
        };
        load_in_order(3..3 + n, n_workers, slow_at_first, |index, item| {
            assert_eq!(item, index * index);
            found.push(index);
            let done = stop_after <= found.len() as u64;
            Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    #[test]
    fn items_come_in_order_at_any_number_of_workers() {
        for n_workers in [1, 2, 7] {
            assert_eq!(collect(20, n_workers, 99).unwrap(), (3..23).collect::<Vec<_>>());
            assert_eq!(collect(20, n_workers, 5).unwrap(), [3, 4, 5, 6, 7]);
        }
        assert!(collect(0, 2, 9).unwrap().is_empty());
    }

    #[test]
    fn the_first_error_by_index_ends_the_loop() {
        let mut seen = 0;
        let make = |index| if index < 4 { Ok(()) } else { Err(Error::data("item", index, "less")) };
        let error = load_in_order(0..50, 3, make, |_, ()| {
            seen += 1;
            Ok(ControlFlow::Continue(()))
        });
        assert_eq!(seen, 4);
        assert!(error.unwrap_err().to_string().contains("found 4"));
    }
}

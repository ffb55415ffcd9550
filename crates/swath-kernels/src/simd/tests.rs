//! Every operation of a vector against the same operation on single numbers.

use super::{Kernel, MAX_LANES, Vector, dispatch};

const A: [f32; MAX_LANES] =
    [1.5, -2.0, 0.25, 3.5, -0.5, 7.0, 2.5, -9.0, 4.0, -1.25, 6.0, 0.5, -3.5, 8.0, 2.0, -6.5];
const B: [f32; MAX_LANES] =
    [2.0, -2.0, 4.0, 0.5, 8.0, -1.0, 0.125, 3.0, 4.0, 5.0, -7.0, 0.5, 2.0, 1.0, -9.0, 6.0];

struct Operations;

#[track_caller]
fn check<V: Vector>(found: V, expected: impl Fn(f32, f32) -> f32) {
    for lane in 0..V::LANES {
        assert_eq!(found.lanes()[lane], expected(A[lane], B[lane]), "lane {lane}");
    }
}

impl Kernel for Operations {
    type Output = ();

    fn run<V: Vector>(self) {
        // SAFETY: both arrays are as long as the longest vector.
        let (a, b) = unsafe { (V::load(A.as_ptr()), V::load(B.as_ptr())) };
        let two = V::splat(2.0);
        check(a.add(b), |a, b| a + b);
        check(a.sub(b), |a, b| a - b);
        check(a.mul(b), |a, b| a * b);
        check(a.div(b), |a, b| a / b);
        check(a.mul_add(b, two), |a, b| a * b + 2.0);
        check(a.neg_mul_add(b, two), |a, b| 2.0 - a * b);
        check(a.max(b), f32::max);
        check(a.min(b), f32::min);
        check(a.neg(), |a, _| -a);
        check(a.max(a.neg()).sqrt(), |a, _| a.abs().sqrt());
        check(a.round(), |a, _| a.round_ties_even());
        check(a.round().exp2_whole(), |a, _| a.round_ties_even().exp2());
        check(V::select(a.less(b), a, two), |a, b| if a < b { a } else { 2.0 });
        assert_eq!(a.sum(), A[..V::LANES].iter().sum::<f32>());
    }
}

#[test]
fn operations_are_those_of_numbers() {
    dispatch(Operations);
}

struct NotANumber;

impl Kernel for NotANumber {
    type Output = ();

    fn run<V: Vector>(self) {
        let (nan, one) = (V::splat(f32::NAN), V::splat(1.0));
        assert!(one.max(nan).lanes()[0].is_nan() && one.min(nan).lanes()[0].is_nan());
        assert_eq!((nan.max(one).lanes()[0], nan.min(one).lanes()[0]), (1.0, 1.0));
    }
}

#[test]
fn the_second_operand_wins_beside_not_a_number() {
    dispatch(NotANumber);
}

struct Memory;

impl Kernel for Memory {
    type Output = ();

    fn run<V: Vector>(self) {
        for count in 0..=V::LANES {
            let mut to = [9.0; MAX_LANES + 1];
            // SAFETY: `to` is longer than a vector, `from` holds `count` numbers.
            unsafe {
                let from = A[..count].to_vec();
                V::load_first(from.as_ptr(), count).store(to.as_mut_ptr().add(1));
                assert_eq!(to[1..1 + count], A[..count]);
                assert!(to[1 + count..1 + V::LANES].iter().all(|&x| x == 0.0));
                V::load(B.as_ptr()).store_first(to.as_mut_ptr().add(1), count);
            }
            assert_eq!(to[1..1 + count], B[..count]);
            assert!(to[1 + count..1 + V::LANES].iter().all(|&x| x == 0.0));
        }
    }
}

#[test]
fn parts_of_vectors_are_read_and_written() {
    dispatch(Memory);
}

struct Transpose;

impl Kernel for Transpose {
    type Output = ();

    fn run<V: Vector>(self) {
        let (from_stride, to_stride) = (V::LANES + 3, V::LANES + 1);
        let from: Vec<f32> = (0..from_stride * V::LANES).map(|i| i as f32).collect();
        let mut to = vec![0.0; to_stride * V::LANES];
        // SAFETY: both hold `LANES` rows.
        unsafe { V::transpose(from.as_ptr(), from_stride, to.as_mut_ptr(), to_stride) };
        for row in 0..V::LANES {
            for col in 0..V::LANES {
                assert_eq!(to[col * to_stride + row], from[row * from_stride + col]);
            }
        }
    }
}

#[test]
fn rows_become_columns() {
    dispatch(Transpose);
}

//! Tasks of the weight gradient that own their sums.

use super::multiply::Multiply;
use super::planes::{Planes, SQUARE};
use super::unfilter::Unfilter;
use super::weight_gradient::Plan;
use crate::conv::panel::VECTORS;
use crate::parallel::{SharedMut, share};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Numbers in V and D of a chunk of a group (400 KiB).
const OWN: usize = 100 * 1024;

/// The sums of a group of tiles for all weights.
pub(super) struct Group<'a> {
    pub plan: &'a Plan<'a>,
    pub range: Range<usize>,
    pub to: *mut f32,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let plan = self.plan;
        let [rows, channels] = plan.channels;
        let chunks = self.range.len().div_ceil(plan.tiles_of(OWN));
        let most = plan.layout::<V>(self.range.len().div_ceil(chunks));
        let mut inputs = scratch::local(most.inputs.length());
        let mut gradients = scratch::local(most.gradients.stride * SQUARE);
        for chunk in 0..chunks {
            let (start, end) = share(self.range.len(), chunks, chunk);
            let layout = plan.layout::<V>(end - start);
            let range = self.range.start + start..self.range.start + end;
            V::call(plan.inputs(range.clone(), range.start, SharedMut::new(&mut inputs), layout));
            V::call(plan.gradients(
                range.clone(),
                range.start,
                SharedMut::new(&mut gradients),
                layout,
            ));
            V::call(Multiply {
                factors: [&inputs, &gradients],
                layout,
                tiles: end - start,
                planes: 0..SQUARE,
                inner: 0..rows,
                panels: 0..plan.panels,
                channels,
                to: self.to,
                rows,
                step: Planes::new(rows, VECTORS * V::LANES).length(),
                row: 0,
                add: chunk > 0,
            });
        }
    }
}

/// All tiles for a block of input and output channels.
pub(super) struct Block<'a> {
    pub plan: &'a Plan<'a>,
    /// V and D.
    pub factors: [&'a [f32]; 2],
    pub inner: Range<usize>,
    pub panels: Range<usize>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Block { plan, factors, inner, panels } = self;
        let (rows, tiles, channels) = (inner.len(), plan.tiles.total(), plan.channels);
        let step = Planes::new(rows, VECTORS * V::LANES).length();
        let mut sums = scratch::local(step * panels.len());
        V::call(Multiply {
            factors,
            layout: plan.layout::<V>(tiles),
            tiles,
            planes: 0..SQUARE,
            inner: inner.clone(),
            panels: panels.clone(),
            channels: channels[1],
            to: sums.as_mut_ptr(),
            rows,
            step,
            row: 0,
            add: false,
        });
        let (from, out) = (sums.as_ptr(), plan.out);
        V::call(Unfilter {
            from,
            rows,
            step,
            parts: 1,
            part: 0,
            inner,
            row: 0,
            panels,
            out,
            channels,
        });
    }
}

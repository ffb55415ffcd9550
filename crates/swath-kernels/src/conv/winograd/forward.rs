//! Winograd's convolution: forward, and the image gradient as the same with turned weights.
//!
//! Weights become 36 planes `U[in, out]`, windows of the images 36 planes `V[tile, in]`; the products
//! `V·U`, plane by plane, are turned back into tiles of the output. Three orders of the same work:
//! - few tiles: V for all, once; a task owns a panel of channels and makes its U in blocks that stay in
//!   the second-level cache;
//! - V of a few MB: U and V for all, once; a task owns some tiles of one panel;
//! - more: U for all, once; a task owns some tiles, whose V stays in its cache, for all panels.

use super::filter::Filter;
use super::gather::Gather;
use super::planes::{Planes, SQUARE, Tiles};
use super::product::Product;
use super::scatter::{Inputs, Maps, Scatter};
use crate::conv::Epilogue;
use crate::conv::panel::{Panel, VECTORS, Weights};
use crate::parallel::{SharedMut, share, tasks};
use crate::simd::{Kernel, Vector};
use crate::{memory, scratch};
use std::ops::Range;

/// Most tiles of the first order.
const FEW_TILES: usize = 128;

/// Numbers in U of a task of the first order (144 KiB).
const FILTER: usize = 36 * 1024;

/// Most numbers in V of the second order (3 MiB), and tiles of a task.
const SHARED: usize = 768 * 1024;
const SHARED_TILES: usize = 112;

/// Numbers in a task's V and products of the third order (200 KiB).
const OWN: usize = 50 * 1024;

/// A 3×3 convolution of stride 1.
pub(in crate::conv) struct Forward<'a> {
    pub batch: usize,
    /// `[batch, row, col, channel]`.
    pub images: &'a [f32],
    pub size: [usize; 2],
    pub padding: [usize; 2],
    pub weights: Weights<'a>,
    pub out: SharedMut,
    pub out_size: [usize; 2],
    pub epilogue: Epilogue<'a>,
}

/// What all tasks of one call know.
struct Plan<'a> {
    work: &'a Forward<'a>,
    maps: Maps<'a>,
    tiles: Tiles,
    /// Numbers in a row of V.
    width: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let inner = self.weights.inner();
        let maps =
            Maps { values: self.images, size: self.size, channels: inner, before: self.padding };
        let tiles = Tiles::new(self.batch, self.out_size);
        let plan = Plan { work: &self, maps, tiles, width: inner.next_multiple_of(V::LANES) };
        let panels = Panel::number::<V>(self.weights.outer());
        if tiles.total() <= FEW_TILES && panels > 1 {
            plan.few_tiles::<V>(panels);
        } else {
            plan.many_tiles::<V>(panels);
        }
    }
}

impl Plan<'_> {
    #[inline(always)]
    fn few_tiles<V: Vector>(&self, panels: usize) {
        let total = self.tiles.total();
        let planes = Planes::new(total, self.width);
        let mut inputs = memory::buffer(planes.length());
        let to = SharedMut::new(&mut inputs);
        let parts = total.div_ceil(4);
        tasks(parts, |part| {
            let (start, end) = share(total, parts, part);
            V::call(self.inputs(start..end, 0, to, planes));
        });
        tasks(panels, |panel| V::call(PanelTask { plan: self, inputs: &inputs, planes, panel }));
    }

    #[inline(always)]
    fn many_tiles<V: Vector>(&self, panels: usize) {
        let (total, inner) = (self.tiles.total(), self.work.weights.inner());
        let filter_planes = Planes::new(inner, VECTORS * V::LANES);
        let mut filters = memory::buffer(filter_planes.length() * panels);
        let planes = Planes::new(total, self.width);
        let is_shared = planes.length() <= SHARED && panels > 1;
        let mut inputs = memory::buffer(if is_shared { planes.length() } else { 0 });
        let (to_filters, to_inputs) = (SharedMut::new(&mut filters), SharedMut::new(&mut inputs));
        let blocks = inner.div_ceil(16);
        let parts = if is_shared { total.div_ceil(8) } else { 0 };
        tasks(blocks + parts, |task| {
            if task >= blocks {
                let (start, end) = share(total, parts, task - blocks);
                return V::call(self.inputs(start..end, 0, to_inputs, planes));
            }
            let (row, end) = share(inner, blocks, task);
            // SAFETY: offset 0.
            let to = unsafe { to_filters.at(0) };
            let (weights, step) = (self.work.weights, filter_planes.length());
            V::call(Filter {
                weights,
                inner: row..end,
                panels: 0..panels,
                to,
                rows: inner,
                step,
                row,
            });
        });
        let each = if is_shared {
            SHARED_TILES
        } else {
            (OWN / (SQUARE * (self.width + VECTORS * V::LANES))).max(12)
        };
        let chunks = total.div_ceil(each);
        let groups = if is_shared { panels } else { 1 };
        tasks(chunks * groups, |task| {
            let (start, end) = share(total, chunks, task % chunks);
            let (first, last) = share(panels, groups, task / chunks);
            let inputs = is_shared.then_some((&inputs[..], planes));
            let filters = (&filters[..], filter_planes.length());
            V::call(TileTask {
                plan: self,
                range: start..end,
                panels: first..last,
                inputs,
                filters,
            });
        });
    }

    /// The transform of some tiles to row `tile - first` of the planes.
    #[inline(always)]
    fn inputs(
        &self,
        range: Range<usize>,
        first: usize,
        to: SharedMut,
        planes: Planes,
    ) -> Inputs<'_> {
        // SAFETY: offset 0.
        let to = unsafe { to.at(0) };
        Inputs(Scatter { maps: self.maps, tiles: self.tiles, range, first, to, planes, part: 0 })
    }

    /// The transform of products back to outputs.
    #[inline(always)]
    fn gather(
        &self,
        from: *const f32,
        planes: Planes,
        range: Range<usize>,
        panel: Panel,
    ) -> Gather<'_> {
        let Forward { weights, out, out_size: size, epilogue, .. } = *self.work;
        // SAFETY: offset 0.
        let out = unsafe { out.at(0) };
        Gather {
            from,
            planes,
            tiles: self.tiles,
            range,
            out,
            size,
            channels: weights.outer(),
            panel,
            epilogue,
        }
    }
}

/// All tiles for one panel.
struct PanelTask<'a> {
    plan: &'a Plan<'a>,
    inputs: &'a [f32],
    planes: Planes,
    panel: usize,
}

impl Kernel for PanelTask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let PanelTask { plan, inputs, planes, .. } = self;
        let weights = plan.work.weights;
        let (total, inner) = (plan.tiles.total(), weights.inner());
        let panel = Panel::of::<V>(weights.outer(), self.panel);
        let width = panel.width::<V>();
        let rows = (FILTER / (SQUARE * width)).next_multiple_of(16).min(inner);
        let filter_planes = Planes::new(rows, width);
        let mut filter = scratch::local(filter_planes.length());
        let out_planes = Planes::new(total, width);
        let mut products = scratch::local(out_planes.length());
        let (filter, products) = (filter.as_mut_ptr(), products.as_mut_ptr());
        for start in (0..inner).step_by(rows) {
            let inner = start..(start + rows).min(inner);
            let panels = self.panel..self.panel + 1;
            V::call(Filter {
                weights,
                inner: inner.clone(),
                panels,
                to: filter,
                rows,
                step: 0,
                row: 0,
            });
            for plane in 0..SQUARE {
                let product = Product {
                    from: inputs[plane * planes.stride + start..].as_ptr(),
                    stride: planes.width,
                    rows: total,
                    inner: inner.len(),
                    weights: filter.wrapping_add(plane * filter_planes.stride),
                    vectors: panel.vectors,
                    out: products.wrapping_add(plane * out_planes.stride),
                    add: start > 0,
                };
                // SAFETY: the planes hold all rows and channels.
                unsafe { product.run::<V>() };
            }
        }
        V::call(plan.gather(products, out_planes, 0..total, panel));
    }
}

/// Some tiles for some panels.
struct TileTask<'a> {
    plan: &'a Plan<'a>,
    range: Range<usize>,
    panels: Range<usize>,
    /// The planes of all tiles, if they are there already.
    inputs: Option<(&'a [f32], Planes)>,
    /// The planes of all panels, and the numbers from one panel's to the next.
    filters: (&'a [f32], usize),
}

impl Kernel for TileTask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let TileTask { plan, range, panels, inputs, filters } = self;
        let (inner, outer) = (plan.work.weights.inner(), plan.work.weights.outer());
        let own = Planes::new(range.len(), plan.width);
        let mut own_inputs = scratch::local(if inputs.is_some() { 0 } else { own.length() });
        if inputs.is_none() {
            let to = SharedMut::new(&mut own_inputs);
            V::call(plan.inputs(range.clone(), range.start, to, own));
        }
        let (inputs, planes) = match inputs {
            Some((all, planes)) => (all[range.start * planes.width..].as_ptr(), planes),
            None => (own_inputs.as_ptr(), own),
        };
        let mut products = scratch::local(Planes::new(range.len(), VECTORS * V::LANES).length());
        let products = products.as_mut_ptr();
        for index in panels {
            let panel = Panel::of::<V>(outer, index);
            let filter = filters.0[index * filters.1..].as_ptr();
            let filter_planes = Planes::new(inner, panel.width::<V>());
            let out_planes = Planes::new(range.len(), panel.width::<V>());
            for plane in 0..SQUARE {
                let product = Product {
                    from: inputs.wrapping_add(plane * planes.stride),
                    stride: planes.width,
                    rows: range.len(),
                    inner,
                    weights: filter.wrapping_add(plane * filter_planes.stride),
                    vectors: panel.vectors,
                    out: products.wrapping_add(plane * out_planes.stride),
                    add: false,
                };
                // SAFETY: the planes hold the task's rows and all channels.
                unsafe { product.run::<V>() };
            }
            V::call(plan.gather(products, out_planes, range.clone(), panel));
        }
    }
}

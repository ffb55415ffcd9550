//! What a layer remembers besides its trained parameters.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use burn::{
    backend::DType,
    module::{
        Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
        Param, ParamId,
    },
    tensor::{Device, Int, Tensor, TensorData},
};

/// The container type that visitors are told when they enter a buffer; see [`Path`](super::Path).
pub(super) const BUFFER: &str = "Buffer";

/// A tensor that is saved with the weights but never trained, such as a running mean.
///
/// A forward pass may replace the value. Unlike burn's `RunningState`, a clone is a copy: a later
/// forward of one does not show in the other, and a value that was set is seen at once. The value
/// is never part of a gradient.
#[derive(Debug)]
pub struct Buffer {
    id: ParamId,
    value: Mutex<Tensor<1>>,
}

impl Buffer {
    /// A buffer that holds `value`.
    pub fn new(value: Tensor<1>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<1>) -> Self {
        Self { id, value: Mutex::new(value.without_autodiff()) }
    }

    /// The value, without gradients.
    pub fn value(&self) -> Tensor<1> {
        self.lock().clone()
    }

    /// Replaces the value; its gradients are dropped.
    pub fn set(&self, value: Tensor<1>) {
        *self.lock() = value.without_autodiff();
    }

    fn lock(&self) -> MutexGuard<'_, Tensor<1>> {
        // A panic elsewhere cannot leave a half-written tensor behind.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.value())
    }
}

impl Module for Buffer {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module("value", BUFFER);
        visitor.visit_float(&Param::initialized(self.id, self.value()));
        visitor.exit_module("value", BUFFER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module("value", BUFFER);
        let mapped = mapper.map_float(Param::initialized(self.id, self.value()));
        mapper.exit_module("value", BUFFER);
        Self::with_id(self.id, mapped.into_value())
    }

    fn to_device(self, device: &Device) -> Self {
        Self::with_id(self.id, self.value().to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.lock().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }
}

/// How often something happened; saved with the weights.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The count.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds one.
    pub fn increase(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn as_param(&self) -> Param<Tensor<1, Int>> {
        let count = i64::try_from(self.count()).expect("nobody counts past 2^63");
        let data = TensorData::new(vec![count], [1]);
        // The usual integers of a device have 32 bits.
        let tensor = Tensor::from_data(data, (&Device::flex(), DType::I64));
        Param::initialized(ParamId::new(), tensor)
    }
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.count()))
    }
}

impl Module for Counter {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.enter_module("value", BUFFER);
        visitor.visit_int(&self.as_param());
        visitor.exit_module("value", BUFFER);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        mapper.enter_module("value", BUFFER);
        let mapped = mapper.map_int(self.as_param());
        mapper.exit_module("value", BUFFER);
        let count = mapped.into_value().into_scalar::<i64>();
        Self(AtomicU64::new(u64::try_from(count).expect("a count is not negative")))
    }

    fn to_device(self, _device: &Device) -> Self {
        self
    }

    fn fork(self, _device: &Device) -> Self {
        self
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }
}

impl ModuleDisplay for Buffer {}

impl ModuleDisplayDefault for Buffer {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("Buffer {:?}", self.lock().dims())).optional()
    }
}

impl ModuleDisplay for Counter {}

impl ModuleDisplayDefault for Counter {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.count()).optional()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_follow_its_original() {
        let device = Device::flex();
        let original = Buffer::new(Tensor::from_data([1.0, 2.0], &device));
        let copy = original.clone();
        let predicting = original.valid();
        original.set(Tensor::from_data([3.0, 4.0], &device));
        for (buffer, want) in [(original, [3.0, 4.0]), (copy, [1.0, 2.0]), (predicting, [1.0, 2.0])]
        {
            assert_eq!(buffer.value().into_data().iter::<f32>().collect::<Vec<_>>(), want);
        }

        let original = Counter::default();
        let copy = original.clone();
        original.increase();
        assert_eq!((original.count(), copy.count()), (1, 0));
    }

    #[test]
    fn gradients_end_at_a_buffer() {
        let device = Device::flex().autodiff();
        let buffer = Buffer::new(Tensor::ones([2], &device).require_grad());
        assert!(!buffer.value().is_autodiff());
        buffer.set(Tensor::ones([2], &device).require_grad());
        assert!(!buffer.value().is_autodiff());
        assert!(!buffer.train().value().is_autodiff());
    }
}

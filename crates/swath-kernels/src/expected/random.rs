//! Random numbers with a seed.

/// A xorshift generator.
pub struct Random(u64);

impl Random {
    /// The generator of one seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number of `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 53) as f64
    }

    /// A whole number of `[0, end)`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }

    /// A whole number from `first` to `last`.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// Two whole numbers from `first` to `last`.
    pub fn pair(&mut self, first: usize, last: usize) -> [usize; 2] {
        [(); 2].map(|()| self.between(first, last))
    }

    /// `n` numbers of `[-2, 2)`.
    pub fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (self.uniform() * 4.0 - 2.0) as f32).collect()
    }

    /// `n` numbers of `[first, last)`.
    pub fn values_of(&mut self, n: usize, first: f64, last: f64) -> Vec<f32> {
        (0..n).map(|_| (first + self.uniform() * (last - first)) as f32).collect()
    }
}

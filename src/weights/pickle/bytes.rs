//! Bytes that are read from front to back.

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::weights) struct Bytes<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bytes<'a> {
    /// The place `position` of `bytes`.
    pub fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    /// How many bytes lie before the next one.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    ///
    /// Fewer are left.
    pub fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken =
            usize::try_from(length).ok().and_then(|it| rest.get(..it)).ok_or_else(|| {
                let position = self.position;
                format!("it ends {} bytes after {position}, wanted {length} bytes", rest.len())
            })?;
        self.position += taken.len();
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N as u64)?;
        Ok(taken.try_into().expect("as many bytes as were asked for"))
    }

    pub fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The bytes before the next line feed, which is passed.
    pub fn line(&mut self) -> Result<&'a [u8], String> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest.iter().position(|&it| it == b'\n').ok_or("a line has no end")?;
        self.position += length + 1;
        Ok(&rest[..length])
    }
}

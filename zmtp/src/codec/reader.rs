//! The only cursor over octets that a peer sent: bounded, never panics, never allocates.

use crate::error::CodecError;

/// A bounded cursor. Every accessor names the thing it was looking for, so that the error can.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over exactly `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// How many octets are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `n` octets.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] with `what` when fewer are left.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(head)
    }

    /// All that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One octet.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let (&first, rest) = self.rest.split_first().ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(first)
    }

    /// A big-endian 16-bit number.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, CodecError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*head))
    }

    /// A big-endian 32-bit number.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(CodecError::Truncated(what))?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*head))
    }

    /// A reader confined to the next `n` octets.
    pub fn sub(&mut self, n: usize, what: &'static str) -> Result<Reader<'a>, CodecError> {
        self.take(n, what).map(Reader::new)
    }

    /// Refuses octets that nobody asked for.
    pub fn finish(self, what: &'static str) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing(what)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_never_leave_the_slice_and_errors_name_the_field() {
        let mut r = Reader::new(&[1, 0, 2, 9]);
        assert_eq!(r.u8("a").unwrap(), 1);
        assert_eq!(r.u16("b").unwrap(), 2);
        assert_eq!(r.u32("ttl").unwrap_err(), CodecError::Truncated("ttl"));
        assert_eq!(r.remaining(), 1, "a failed read takes nothing");
        assert_eq!(r.take(usize::MAX, "body").unwrap_err(), CodecError::Truncated("body"));
        assert_eq!(r.finish("x").unwrap_err(), CodecError::Trailing("x"));
    }

    #[test]
    fn a_sub_reader_cannot_leave_its_field() {
        let mut r = Reader::new(&[1, 2, 3]);
        let mut inner = r.sub(1, "field").unwrap();
        assert_eq!(inner.take_rest(), [1]);
        assert!(inner.u8("more").is_err());
        assert_eq!(r.take_rest(), [2, 3]);
        r.finish("all").unwrap();
    }
}

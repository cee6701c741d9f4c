//! The request-reply envelope. RFC 28, "The Request-Reply Message": "The request and reply messages SHALL have this format on
//! the wire".
//!
//! ```text
//! message = *address-frame | empty delimiter frame | 1*body-frame
//! ```

use bytes::Bytes;

use crate::message::Message;

/// The frames in front of a body: addresses and the empty delimiter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    frames: Vec<Bytes>,
}

impl Envelope {
    /// Only a delimiter, as a REQ sends it.
    pub fn empty() -> Envelope {
        Envelope { frames: vec![Bytes::new()] }
    }

    /// All frames, the delimiter last.
    pub fn frames(&self) -> &[Bytes] {
        &self.frames
    }
}

/// And "SHALL pass the remaining data frames to its calling application".
/// RFC 28: "SHALL remove and store the address envelope, including the delimiter." Cuts a message behind its first empty frame.
///
/// # Errors
/// The message itself, when it has no empty frame with a body behind it.
pub fn split(message: Message) -> Result<(Envelope, Message), Message> {
    let parts = message.parts();
    match parts.iter().position(Bytes::is_empty) {
        Some(delimiter) if delimiter + 1 < parts.len() => {
            let mut frames = message.into_parts();
            let body = frames.split_off(delimiter + 1);
            Ok((Envelope { frames }, Message::from_parts(body)))
        }
        _ => Err(message),
    }
}

/// RFC 28: "SHALL prepend the address envelope and delimiter." Puts an envelope in front of a body.
pub fn join(envelope: Envelope, body: Message) -> Message {
    let mut frames = envelope.frames;
    match body.into_single() {
        Ok(part) => frames.push(part),
        Err(body) => frames.extend(body.into_parts()),
    }
    Message::from_parts(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(parts: &[&'static str]) -> Message {
        Message::from_parts(parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect())
    }

    #[test]
    fn the_address_stack_ends_at_the_first_empty_frame() {
        let (envelope, body) = split(message(&["l1", "", "a", "", "b"])).unwrap();
        assert_eq!(body, message(&["a", "", "b"]));
        assert_eq!(join(envelope, message(&["R"])), message(&["l1", "", "R"]));
        assert_eq!(join(Envelope::empty(), message(&["q"])), message(&["", "q"]));
        let (_, empty_body) = split(message(&["", ""])).unwrap();
        assert_eq!(empty_body, message(&[""]));
    }

    #[test]
    fn a_message_without_delimiter_or_body_comes_back() {
        assert_eq!(split(message(&["a", "b"])), Err(message(&["a", "b"])));
        assert_eq!(split(message(&["a", ""])), Err(message(&["a", ""])));
        assert_eq!(split(message(&[""])), Err(message(&[""])));
    }
}

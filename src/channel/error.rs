//! What can be wrong with what the other side sent.

use thiserror::Error;

use crate::crypt::CryptError;
use crate::names::NameError;
use crate::value::msgpack::MsgpackError;

/// Why a message from the other side was not accepted.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// Not msgpack at all.
    #[error("the message cannot be read: {0}")]
    Msgpack(#[from] MsgpackError),
    /// A field is missing or has the wrong type.
    #[error("the message lacks a usable '{0}'")]
    Field(&'static str),
    /// The master answered with a bare text, such as `bad load`.
    #[error("the master refused the request: {0}")]
    Refused(String),
    /// A key, ciphertext or signature does not hold.
    #[error(transparent)]
    Crypt(#[from] CryptError),
    /// A minion id that cannot be one.
    #[error(transparent)]
    Id(#[from] NameError),
    /// A publish that was seen before.
    #[error("the publish repeats serial {0}: it was seen before")]
    Replay(i64),
    /// A publish without a signature, while signatures are required.
    #[error("the publish is not signed, and sign_pub_messages requires it")]
    Unsigned,
    /// A signature with an algorithm that the configuration does not allow.
    #[error("the publish is signed with {0}, which this minion's configuration does not allow")]
    AlgorithmNotAllowed(String),
    /// Not encrypted.
    #[error("the publish is not encrypted (enc is {0}): dropped")]
    NotEncrypted(String),
}

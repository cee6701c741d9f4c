//! Who gets what: the rules of the socket types, without any socket. RFC 28 (REQREP), RFC 29 (PUBSUB).

pub mod balance;
pub mod envelope;
pub mod fair_queue;
pub mod request;
pub mod routes;
pub mod socket_type;
pub mod subscriptions;
pub mod topics;

//! What a fuzzer holds the requests of strangers against: whatever arrives on 4506 is parsed into a command of the
//! closed sets or refused, and an id that gets through names no place.

use super::commands::{AesCommand, ClearCommand};
use super::envelope::{self, Request};
use crate::names::MinionId;
use crate::value::Value;
use crate::value::msgpack::{Reading, decode};

/// Octets as a request, and as what a sealed request holds.
pub fn any_request(octets: &[u8]) {
    match envelope::parse(octets, 0) {
        Ok(Request::Clear { load, .. }) => {
            let _ = ClearCommand::parse(load);
        }
        Ok(Request::Sealed(sealed)) => {
            if let Some(id) = sealed.id {
                names_no_place(&id);
            }
        }
        Err(refusal) => assert!(!refusal.reply().is_empty()),
    }
    let Ok(Value::Map(load)) = decode(octets, Reading::Wire) else { return };
    let Ok(id) = MinionId::from_value(load.get("id")) else { return };
    names_no_place(&id);
    let _ = AesCommand::parse(&id, load);
}

fn names_no_place(id: &MinionId) {
    let id = id.as_str();
    assert!(!id.is_empty() && !id.contains(['/', '\\', '\0']) && id != "." && id != "..", "{id:?}");
}

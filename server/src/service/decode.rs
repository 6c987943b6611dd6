//! From the wire's fields to ours, with the field's name in each refusal.

use std::time::Duration;

use bytes::Bytes;
use tonic::Status;
use wardline_proto::{IdError, Suite};

use super::status::{field_invalid, id_invalid};

/// A fixed-length id or digest.
pub(crate) fn id<T>(field: &str, bytes: &Bytes) -> Result<T, Status>
where
    T: for<'a> TryFrom<&'a Bytes, Error = IdError>,
{
    T::try_from(bytes).map_err(|error| id_invalid(field, error))
}

/// A message that must be there.
pub(crate) fn present<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| field_invalid(field, "is missing"))
}

/// An MLS cipher suite of Wardline's.
pub(crate) fn suite(field: &str, code: u32) -> Result<Suite, Status> {
    Suite::from_code(code).ok_or_else(|| field_invalid(field, "neither 0x004F nor 0x0001"))
}

/// Bytes that have a limit.
pub(crate) fn at_most(field: &str, bytes: &Bytes, limit: usize) -> Result<(), Status> {
    if bytes.len() <= limit {
        return Ok(());
    }
    Err(field_invalid(field, &format!("at most {limit} bytes, not {}", bytes.len())))
}

/// How long an answer may be held back.
pub(crate) fn wait_seconds(seconds: u32) -> Result<Duration, Status> {
    if seconds > WAIT_SECONDS_MAX {
        return Err(field_invalid("wait_seconds", "at most 30"));
    }
    Ok(Duration::from_secs(seconds.into()))
}

/// As in the .proto: a call must not look dead to what is between client and relay.
const WAIT_SECONDS_MAX: u32 = 30;

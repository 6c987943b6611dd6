//! What is not read of the record, and what it proves nothing of.

use tonic::Code;
use wardline_proto::{
    Reason,
    relay::{GetRecordProofRequest, GetRecordRequest},
};

use super::{
    Row, Trial,
    path::{GET_RECORD, GET_RECORD_PROOF},
};
use crate::house::Caller;

const FIELD: (Code, Reason) = (Code::InvalidArgument, Reason::FieldInvalid);

fn proven(input: &'static str, make: fn() -> GetRecordProofRequest) -> Row {
    Row::call(input, GET_RECORD_PROOF, FIELD, move |_| {
        Box::pin(async move {
            // The bundle has put two entries there.
            let good = GetRecordProofRequest { size: 2, goes_on_from: 1, numbers: vec![0, 1] };
            Trial::new(Caller::Doctor, &make(), &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::call("entries of a device whose id has 15 bytes", GET_RECORD, FIELD, |_| {
            Box::pin(async move {
                let bad = GetRecordRequest { from: 0, device_id: vec![1; 15].into() };
                Trial::new(Caller::Office, &bad, &GetRecordRequest::default())
            })
        }),
        proven("a record that was never that large", || GetRecordProofRequest {
            size: u64::MAX,
            goes_on_from: 1,
            numbers: Vec::new(),
        }),
        proven("a record that goes on from a larger one", || GetRecordProofRequest {
            size: 1,
            goes_on_from: 2,
            numbers: Vec::new(),
        }),
        proven("an entry that is not in it", || GetRecordProofRequest {
            size: 2,
            goes_on_from: 0,
            numbers: vec![2],
        }),
        proven("101 entries", || GetRecordProofRequest { size: 2, goes_on_from: 0, numbers: vec![0; 101] }),
    ]
}

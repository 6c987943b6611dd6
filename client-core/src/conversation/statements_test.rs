//! Statements as a device would make them, for the tests of judging.

use wardline_identity::{SigningKey, StatementLabel, sign_statement};
use wardline_proto::{
    ConversationId,
    relay::{Confirmation, DeviceApproval, Leave, OutOfStep, SignedStatement},
};

use super::roster::Member;

/// `signer` approves `device`.
pub(crate) fn approve(signer: &Member, key: &SigningKey, device: &Member) -> SignedStatement {
    let approval = DeviceApproval {
        device_id: device.certificate.device().to_wire(),
        certificate_sha256: device.certificate.fingerprint().to_wire(),
        approved_at: None,
    };
    sign_statement(key, StatementLabel::DeviceApproval, &approval, Some(signer.certificate.der()))
}

/// `signer`'s person leaves `conversation`.
pub(crate) fn leave(signer: &Member, key: &SigningKey, conversation: &ConversationId) -> SignedStatement {
    let leave = Leave {
        conversation_id: conversation.to_wire(),
        user_id: signer.certificate.user().to_string(),
        left_at: None,
        seen_number: 9,
    };
    sign_statement(key, StatementLabel::Leave, &leave, Some(signer.certificate.der()))
}

/// `signer` confirms `device` as the one that replaces `replaced`.
pub(crate) fn confirm(
    signer: &Member,
    key: &SigningKey,
    device: &Member,
    replaced: &Member,
) -> SignedStatement {
    let confirmation = Confirmation {
        device_id: device.certificate.device().to_wire(),
        certificate_sha256: device.certificate.fingerprint().to_wire(),
        replaces_device_id: replaced.certificate.device().to_wire(),
        confirmed_at: None,
        invitation: None,
    };
    sign_statement(key, StatementLabel::Confirmation, &confirmation, Some(signer.certificate.der()))
}

/// `signer` cannot follow an entry of `conversation`.
pub(crate) fn out_of_step(
    signer: &Member,
    key: &SigningKey,
    conversation: &ConversationId,
) -> SignedStatement {
    let report = OutOfStep {
        conversation_id: conversation.to_wire(),
        number: 7,
        commit_sha256: vec![7; 32].into(),
        said_at: None,
    };
    sign_statement(key, StatementLabel::OutOfStep, &report, Some(signer.certificate.der()))
}

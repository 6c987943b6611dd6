//! Statements as a device would make them, for the tests of judging.

use wardline_identity::{SigningKey, StatementLabel, sign_statement};
use wardline_proto::{
    ConversationId,
    relay::{DeviceApproval, Leave, SignedStatement},
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
    };
    sign_statement(key, StatementLabel::Leave, &leave, Some(signer.certificate.der()))
}

//! What comes of inviting and certifying.

use serde::{Deserialize, Serialize};

/// Invitations made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invited {
    /// One per person asked for.
    pub invited: Vec<NewInvitation>,
    /// When a registrar last looked for requests; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrar_seen: Option<String>,
    /// Why nobody after these was invited; absent if everybody was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// One of them. The invitation is a secret: whoever has it can enrol as this person.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewInvitation {
    /// What to hand over.
    pub invitation: String,
    /// Its id.
    pub id: String,
    /// The user id.
    pub user: String,
    /// Not valid from then on.
    pub expires: String,
}

impl std::fmt::Debug for NewInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewInvitation").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Invitations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitations {
    /// Newest first.
    pub invitations: Vec<InvitationSummary>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvitationSummary {
    /// Its id.
    pub id: String,
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role.
    pub role: String,
    /// "open", "spent", "cancelled" or "expired".
    pub state: String,
    /// Not valid from then on.
    pub expires: String,
}

/// What a registrar's pass did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Judged {
    /// Certificates issued.
    pub issued: Vec<JudgedDevice>,
    /// Requests refused.
    pub refused: Vec<JudgedDevice>,
    /// Certificates of devices that were followed by the next.
    #[serde(default)]
    pub renewed: Vec<JudgedDevice>,
}

impl Judged {
    /// Whether nothing was judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issued.is_empty() && self.refused.is_empty() && self.renewed.is_empty()
    }
}

/// One judged request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JudgedDevice {
    /// The user id.
    pub user: String,
    /// The device.
    pub device: String,
    /// What its owner calls it.
    pub name: String,
    /// Its fingerprint, as the device shows it.
    pub fingerprint: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

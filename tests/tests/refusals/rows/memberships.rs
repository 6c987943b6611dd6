//! What is said about who cannot follow, who leaves and who may come in; closed logs, and what goes on from them.

use prost::Message;
use tonic::Code;
use wardline_identity::{Clock as _, StatementLabel, SystemClock, sign_statement};
use wardline_proto::{
    ConversationId, Digest, Reason,
    relay::{
        AskMembersRequest, CommitData, CommitRequest, Confirmation, CreateConversationRequest,
        DeviceApproval, Leave, OutOfStep, Predecessor, RemovalGround, ReportOutOfStepRequest, SendRequest,
        SignedStatement, ask_members_request::Ground, removal_ground,
    },
};

use super::{
    Row, Trial,
    path::{self, ASK_MEMBERS, COMMIT, CREATE_CONVERSATION, REPORT_OUT_OF_STEP, SEND},
};
use crate::{
    house::{Caller, House},
    talk::{Talk, random},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const OUT: Refusal = (Code::PermissionDenied, Reason::NotAMember);
const MISMATCH: Refusal = (Code::FailedPrecondition, Reason::EntryMismatch);
const CLOSED: Refusal = (Code::FailedPrecondition, Reason::ConversationClosed);
const TAKEN: Refusal = (Code::AlreadyExists, Reason::SuccessorExists);
const DECLARATION: Refusal = (Code::InvalidArgument, Reason::DeclarationMismatch);

fn now() -> Option<prost_types::Timestamp> {
    Some(SystemClock.now().into())
}

fn signed(house: &House, by: Caller, label: StatementLabel, message: &impl Message) -> SignedStatement {
    let device = house.caller(by);
    sign_statement(device.key(), label, message, Some(device.certificate.der()))
}

/// A conversation of doctor, nurse and office, whose third entry is a commit of the doctor's: one report about it
/// closes nothing.
struct Broken<'a> {
    talk: Talk<'a>,
    commit: CommitRequest,
}

impl<'a> Broken<'a> {
    async fn new(house: &'a House) -> Self {
        Self::of(house, &[Caller::Nurse, Caller::Office]).await
    }

    async fn of(house: &'a House, others: &[Caller]) -> Self {
        let mut talk = Talk::new(house).await;
        for other in others {
            talk.let_in(*other).await;
        }
        let commit = talk.update();
        house.good(Caller::Doctor, COMMIT, &commit).await;
        Self { talk, commit }
    }

    /// Where its commit stands.
    const NUMBER: u64 = 3;

    fn said(&self, number: u64) -> OutOfStep {
        OutOfStep {
            conversation_id: self.talk.id.to_wire(),
            number,
            commit_sha256: Digest::of(&self.commit.commit).to_wire(),
            said_at: now(),
        }
    }

    fn report(&self, by: Caller, said: &OutOfStep) -> ReportOutOfStepRequest {
        let statement = signed(self.talk.house, by, StatementLabel::OutOfStep, said);
        ReportOutOfStepRequest { statement: Some(statement) }
    }

    fn honest(&self) -> ReportOutOfStepRequest {
        self.report(Caller::Nurse, &self.said(Self::NUMBER))
    }
}

/// A conversation of doctor and nurse that was closed at its second entry: the doctor's commit, which the nurse says
/// that she cannot follow.
struct Closed<'a> {
    broken: Broken<'a>,
    report: ReportOutOfStepRequest,
}

impl<'a> Closed<'a> {
    async fn new(house: &'a House) -> Self {
        let broken = Broken::of(house, &[Caller::Nurse]).await;
        let report = broken.report(Caller::Nurse, &broken.said(2));
        house.good(Caller::Nurse, REPORT_OUT_OF_STEP, &report).await;
        house.database.closed(broken.talk.id).await;
        Self { broken, report }
    }

    fn successor(&self, number: u64) -> CreateConversationRequest {
        let conversation_id = self.broken.talk.id.to_wire();
        CreateConversationRequest {
            conversation_id: random().to_vec().into(),
            cipher_suite: 0x0001,
            predecessor: Some(Predecessor { conversation_id, number }),
        }
    }
}

/// A request that this call takes, and who makes it.
pub(super) async fn right(house: &House, path: &str) -> (Caller, Vec<u8>) {
    let broken = Broken::new(house).await;
    if path == path::REPORT_OUT_OF_STEP {
        return (Caller::Nurse, broken.honest().encode_to_vec());
    }
    (Caller::Nurse, leave(&broken.talk).encode_to_vec())
}

fn leaving(talk: &Talk<'_>) -> Leave {
    Leave {
        conversation_id: talk.id.to_wire(),
        user_id: "nurse-a".to_owned(),
        left_at: now(),
        seen_number: 9,
    }
}

fn asking(talk: &Talk<'_>, ground: Ground) -> AskMembersRequest {
    AskMembersRequest { conversation_ids: vec![talk.id.to_wire()], ground: Some(ground) }
}

/// The nurse's leave.
fn leave(talk: &Talk<'_>) -> AskMembersRequest {
    let said = signed(talk.house, Caller::Nurse, StatementLabel::Leave, &leaving(talk));
    asking(talk, Ground::Leave(said))
}

/// A report that is made wrong.
fn reported(input: &'static str, refusal: Refusal, make: fn(&Broken<'_>) -> ReportOutOfStepRequest) -> Row {
    Row::call(input, REPORT_OUT_OF_STEP, refusal, move |house| {
        Box::pin(async move {
            let broken = Broken::new(house).await;
            Trial::new(Caller::Nurse, &make(&broken), &broken.honest())
        })
    })
}

/// A request to members that is made wrong by the nurse; right is her leave.
fn asked(input: &'static str, refusal: Refusal, make: fn(&Talk<'_>) -> AskMembersRequest) -> Row {
    Row::call(input, ASK_MEMBERS, refusal, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            talk.let_nurse_in().await;
            Trial::new(Caller::Nurse, &make(&talk), &leave(&talk))
        })
    })
}

/// A commit that carries a statement that is none.
fn carried(input: &'static str, change: fn(&mut CommitData)) -> Row {
    Row::call(input, COMMIT, DECLARATION, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let nurse = talk.let_nurse_in().await;
            let good = talk.update();
            let mut data = talk.data(&[], &[nurse]);
            change(&mut data);
            let bad = talk.commit(data, Vec::new());
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

/// A statement whose body is a text.
fn text() -> SignedStatement {
    SignedStatement {
        body: b"the patient in bed 4".to_vec().into(),
        signer: vec![1; 32].into(),
        signature: vec![2; 64].into(),
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = reports();
    rows.extend(requests());
    rows.extend(grounds());
    rows.extend(successors());
    rows.push(carried("a removal's ground that is a text", |data| {
        let ground = Some(removal_ground::Ground::Leave(text()));
        data.grounds = vec![RemovalGround { ground }];
    }));
    rows.push(carried("a confirmation without a join", |data| data.confirmations = vec![text()]));
    rows
}

fn reports() -> Vec<Row> {
    vec![
        reported("no statement", FIELD, |_| ReportOutOfStepRequest { statement: None }),
        reported("a statement of random bytes", STATEMENT, |_| ReportOutOfStepRequest {
            statement: Some(text()),
        }),
        reported("a report of another device", STATEMENT, |broken| {
            broken.report(Caller::Office, &broken.said(Broken::NUMBER))
        }),
        reported("a statement under another label", STATEMENT, |broken| {
            let said = broken.said(Broken::NUMBER);
            let statement = signed(broken.talk.house, Caller::Nurse, StatementLabel::Leave, &said);
            ReportOutOfStepRequest { statement: Some(statement) }
        }),
        reported("a report with a text beside it, signed", STATEMENT, |broken| {
            /// An OutOfStep of another make.
            #[derive(Clone, PartialEq, Message)]
            struct More {
                #[prost(bytes = "bytes", tag = "1")]
                conversation_id: bytes::Bytes,
                #[prost(uint64, tag = "2")]
                number: u64,
                #[prost(bytes = "bytes", tag = "3")]
                commit_sha256: bytes::Bytes,
                #[prost(message, optional, tag = "4")]
                said_at: Option<prost_types::Timestamp>,
                #[prost(string, tag = "15")]
                text: String,
            }
            let OutOfStep { conversation_id, number, commit_sha256, said_at } = broken.said(Broken::NUMBER);
            let text = "the patient in bed 4".to_owned();
            let more = More { conversation_id, number, commit_sha256, said_at, text };
            let statement = signed(broken.talk.house, Caller::Nurse, StatementLabel::OutOfStep, &more);
            ReportOutOfStepRequest { statement: Some(statement) }
        }),
        reported("a report about another conversation than the caller is in", OUT, |broken| {
            let elsewhere = ConversationId::from_bytes(random()).to_wire();
            let said = OutOfStep { conversation_id: elsewhere, ..broken.said(Broken::NUMBER) };
            broken.report(Caller::Nurse, &said)
        }),
        reported("a report about an entry that is not there", MISMATCH, |broken| {
            broken.report(Caller::Nurse, &broken.said(Broken::NUMBER + 1))
        }),
        reported("a report about other bytes than the entry's", MISMATCH, |broken| {
            let commit_sha256 = Digest::of(b"other bytes").to_wire();
            let said = OutOfStep { commit_sha256, ..broken.said(Broken::NUMBER) };
            broken.report(Caller::Nurse, &said)
        }),
        Row::call("a report about a message", REPORT_OUT_OF_STEP, MISMATCH, |house| {
            Box::pin(about_a_message(house))
        }),
        Row::call("a report about a closed log", REPORT_OUT_OF_STEP, CLOSED, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                let bad = closed.broken.report(Caller::Doctor, &closed.broken.said(2));
                Trial::by((Caller::Doctor, &bad), (Caller::Nurse, &closed.report))
            })
        }),
    ]
}

async fn about_a_message(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    talk.let_nurse_in().await;
    let message = talk.message();
    house.good(Caller::Doctor, SEND, &message).await;
    let said = OutOfStep {
        conversation_id: talk.id.to_wire(),
        number: 2,
        commit_sha256: Digest::of(&message.message).to_wire(),
        said_at: now(),
    };
    let statement = signed(house, Caller::Nurse, StatementLabel::OutOfStep, &said);
    let bad = ReportOutOfStepRequest { statement: Some(statement) };
    Trial::new(Caller::Nurse, &bad, &Broken::new(house).await.honest())
}

fn requests() -> Vec<Row> {
    let many = |request: AskMembersRequest, count| AskMembersRequest {
        conversation_ids: vec![request.conversation_ids[0].clone(); count],
        ..request
    };
    vec![
        asked("no conversation", FIELD, |talk| AskMembersRequest {
            conversation_ids: Vec::new(),
            ..leave(talk)
        }),
        Row::call("501 conversations", ASK_MEMBERS, FIELD, move |house| {
            Box::pin(async move {
                let mut talk = Talk::new(house).await;
                talk.let_nurse_in().await;
                Trial::new(Caller::Nurse, &many(leave(&talk), 501), &many(leave(&talk), 500))
            })
        }),
        asked("a conversation's id of 15 bytes", FIELD, |talk| AskMembersRequest {
            conversation_ids: vec![vec![1; 15].into()],
            ..leave(talk)
        }),
        asked("no ground", FIELD, |talk| AskMembersRequest { ground: None, ..leave(talk) }),
        asked("a ground of random bytes", STATEMENT, |talk| asking(talk, Ground::Approval(text()))),
        Row::call("a conversation that the caller is not in", ASK_MEMBERS, OUT, |house| {
            Box::pin(async move {
                let mut talk = Talk::new(house).await;
                let bad = leave(&talk);
                talk.let_nurse_in().await;
                let elsewhere = Talk::new(house).await;
                let bad = AskMembersRequest {
                    conversation_ids: vec![talk.id.to_wire(), elsewhere.id.to_wire()],
                    ..bad
                };
                Trial::new(Caller::Nurse, &bad, &leave(&talk))
            })
        }),
        Row::call("a leave of a closed log", ASK_MEMBERS, CLOSED, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                let mut talk = Talk::new(house).await;
                talk.let_nurse_in().await;
                Trial::new(Caller::Nurse, &leave(&closed.broken.talk), &leave(&talk))
            })
        }),
    ]
}

/// Statements that permit nothing of the kind.
fn grounds() -> Vec<Row> {
    vec![
        asked("a leave signed by another device", STATEMENT, |talk| {
            let said = signed(talk.house, Caller::Doctor, StatementLabel::Leave, &leaving(talk));
            asking(talk, Ground::Leave(said))
        }),
        asked("a leave of another person", STATEMENT, |talk| {
            let other = Leave { user_id: "doctor-a".to_owned(), ..leaving(talk) };
            asking(talk, Ground::Leave(signed(talk.house, Caller::Nurse, StatementLabel::Leave, &other)))
        }),
        asked("a leave of another conversation", STATEMENT, |talk| {
            let other = Leave { conversation_id: random().to_vec().into(), ..leaving(talk) };
            asking(talk, Ground::Leave(signed(talk.house, Caller::Nurse, StatementLabel::Leave, &other)))
        }),
        asked("an approval of another person's device", STATEMENT, |talk| {
            let certificate = &talk.house.caller(Caller::Office).certificate;
            let said = DeviceApproval {
                device_id: certificate.device().to_wire(),
                certificate_sha256: certificate.fingerprint().to_wire(),
                approved_at: now(),
            };
            let label = StatementLabel::DeviceApproval;
            asking(talk, Ground::Approval(signed(talk.house, Caller::Nurse, label, &said)))
        }),
        asked("an approval of an unknown device", STATEMENT, |talk| {
            let said = DeviceApproval {
                device_id: random().to_vec().into(),
                certificate_sha256: vec![7; 32].into(),
                approved_at: now(),
            };
            let label = StatementLabel::DeviceApproval;
            asking(talk, Ground::Approval(signed(talk.house, Caller::Nurse, label, &said)))
        }),
        asked("a confirmation of two people's devices", STATEMENT, |talk| {
            let certificate = &talk.house.caller(Caller::Office).certificate;
            let said = Confirmation {
                device_id: certificate.device().to_wire(),
                certificate_sha256: certificate.fingerprint().to_wire(),
                replaces_device_id: talk.doctor().device().to_wire(),
                confirmed_at: now(),
                invitation: None,
            };
            let label = StatementLabel::Confirmation;
            asking(talk, Ground::Confirmation(signed(talk.house, Caller::Nurse, label, &said)))
        }),
    ]
}

/// What a closed log takes, and what goes on from it.
fn successors() -> Vec<Row> {
    vec![
        Row::call("a message to a closed log", SEND, CLOSED, |house| {
            Box::pin(async move {
                let mut closed = Closed::new(house).await;
                let bad: SendRequest = closed.broken.talk.message();
                Trial::new(Caller::Doctor, &bad, &Talk::new(house).await.message())
            })
        }),
        Row::call("a commit to a closed log", COMMIT, CLOSED, |house| {
            Box::pin(async move {
                let mut closed = Closed::new(house).await;
                let bad = closed.broken.talk.update();
                Trial::new(Caller::Doctor, &bad, &Talk::new(house).await.update())
            })
        }),
        Row::call("a predecessor's id of 15 bytes", CREATE_CONVERSATION, FIELD, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                let mut bad = closed.successor(2);
                let short = Predecessor { conversation_id: vec![1; 15].into(), number: 2 };
                bad.predecessor = Some(short);
                Trial::new(Caller::Nurse, &bad, &closed.successor(2))
            })
        }),
        Row::call("a successor of a log that is open", CREATE_CONVERSATION, MISMATCH, |house| {
            Box::pin(async move {
                let (broken, closed) = (Broken::new(house).await, Closed::new(house).await);
                let mut bad = closed.successor(Broken::NUMBER);
                let conversation_id = broken.talk.id.to_wire();
                bad.predecessor = Some(Predecessor { conversation_id, number: Broken::NUMBER });
                Trial::new(Caller::Nurse, &bad, &closed.successor(2))
            })
        }),
        Row::call("a successor from another entry", CREATE_CONVERSATION, MISMATCH, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                Trial::new(Caller::Nurse, &closed.successor(3), &closed.successor(2))
            })
        }),
        Row::call("a successor by one who was not in the log", CREATE_CONVERSATION, OUT, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                let (bad, good) = (closed.successor(2), closed.successor(2));
                Trial::by((Caller::Office, &bad), (Caller::Nurse, &good))
            })
        }),
        Row::call("a second successor", CREATE_CONVERSATION, TAKEN, |house| {
            Box::pin(async move {
                let closed = Closed::new(house).await;
                let first = closed.successor(2);
                house.good(Caller::Nurse, CREATE_CONVERSATION, &first).await;
                Trial::by((Caller::Doctor, &closed.successor(2)), (Caller::Nurse, &first))
            })
        }),
    ]
}

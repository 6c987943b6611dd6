//! Pairs that are no pairs, tries that are not of a vault's unlock key or come too soon, and openings that are none.

use tonic::Code;
use wardline_identity::{
    Blinding, Clock as _, Entropy as _, SigningKey, StatementLabel, SystemClock, SystemEntropy,
    UnlockConfirmation, UnlockTry,
};
use wardline_proto::{
    PairId, Reason, TryId,
    relay::{
        ConfirmUnlockRequest, EvaluateRequest, GetPeriodSecretsRequest, MakePairRequest, SignedStatement,
    },
};

use super::{
    Row, Trial,
    path::{CONFIRM_UNLOCK, EVALUATE, GET_PERIOD_SECRETS, MAKE_PAIR},
};
use crate::{
    authority::Installation,
    house::{Caller, House, greeting},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const UNKNOWN: Refusal = (Code::NotFound, Reason::PairUnknown);
const SPACED: Refusal = (Code::ResourceExhausted, Reason::UnlockSpaced);
const OLDER: Refusal = (Code::FailedPrecondition, Reason::VaultOlder);

/// The doctor's vault, and a connection without a certificate on which somebody opens it.
struct Closed<'a> {
    house: &'a House,
    id: PairId,
    unlock_key: SigningKey,
    exporter: [u8; 32],
    /// The vault's generation when it was opened; higher than in any row before.
    opened: u64,
}

impl<'a> Closed<'a> {
    async fn made(house: &'a House) -> Self {
        let made = Self {
            house,
            id: PairId::from_bytes(drawn()),
            unlock_key: key(),
            exporter: house.wire(Caller::Stranger).await.exporter,
            opened: SystemClock.now().get(),
        };
        house.good(Caller::Doctor, MAKE_PAIR, &made.pair()).await;
        made
    }

    fn pair(&self) -> MakePairRequest {
        let unlock_key = self.unlock_key.public().as_bytes().to_vec().into();
        MakePairRequest { pair_id: self.id.to_wire(), unlock_key }
    }

    fn tried(&self, id: u8) -> UnlockTry {
        let blinding = Blinding::of(b"a passcode", &SystemEntropy).expect("an element");
        UnlockTry { pair: self.id, id: TryId::from_bytes([id; 16]), blinded: *blinding.blinded() }
    }

    fn signed(&self, tried: &UnlockTry) -> EvaluateRequest {
        asking(tried.sign(&self.unlock_key, &self.exporter))
    }

    /// A try that counts.
    async fn tries(&self, id: u8) -> EvaluateRequest {
        let request = self.signed(&self.tried(id));
        self.house.good(Caller::Stranger, EVALUATE, &request).await;
        request
    }

    /// That the vault is open, as the doctor says it: so much later than when it was opened.
    fn open(&self, by: u8, later: u64) -> ConfirmUnlockRequest {
        self.open_as(self.house.caller(Caller::Doctor), by, later)
    }

    fn open_as(&self, device: &Installation, by: u8, later: u64) -> ConfirmUnlockRequest {
        let generation = self.opened + later;
        let said = UnlockConfirmation { pair: self.id, by: TryId::from_bytes([by; 16]), generation };
        let confirmation = said.sign((device.key(), &device.certificate), &self.exporter);
        ConfirmUnlockRequest { confirmation: Some(confirmation), period_ends_ms: vec![next_minute()] }
    }
}

fn asking(tried: SignedStatement) -> EvaluateRequest {
    EvaluateRequest { greeting: greeting(), r#try: Some(tried) }
}

fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy).expect("a key")
}

fn drawn() -> [u8; 16] {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes).expect("random bytes");
    bytes
}

/// A row in which the doctor makes a pair that is none.
fn pair(input: &'static str, change: fn(&mut MakePairRequest)) -> Row {
    Row::call(input, MAKE_PAIR, FIELD, move |house| {
        Box::pin(async move {
            let good = Closed::made(house).await.pair();
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

/// A row in which a try is not what it should be.
fn tried(input: &'static str, refusal: Refusal, change: fn(&Closed<'_>) -> EvaluateRequest) -> Row {
    Row::call(input, EVALUATE, refusal, move |house| {
        Box::pin(async move {
            let vault = Closed::made(house).await;
            let good = vault.signed(&vault.tried(1));
            Trial::new(Caller::Stranger, &change(&vault), &good)
        })
    })
}

/// A row in which the vault was opened by the second try, and somebody says something else.
fn opened(input: &'static str, refusal: Refusal, change: fn(&Closed<'_>) -> ConfirmUnlockRequest) -> Row {
    Row::call(input, CONFIRM_UNLOCK, refusal, move |house| {
        Box::pin(async move {
            let vault = Closed::made(house).await;
            vault.tries(1).await;
            house.good(Caller::Stranger, CONFIRM_UNLOCK, &vault.open(1, 0)).await;
            vault.tries(2).await;
            Trial::new(Caller::Stranger, &change(&vault), &vault.open(2, 1))
        })
    })
}

/// A row in which the doctor names periods that are none.
fn periods(input: &'static str, ends_ms: fn(u64) -> Vec<u64>) -> Row {
    Row::call(input, GET_PERIOD_SECRETS, FIELD, move |_| {
        Box::pin(async move {
            let asked = |period_ends_ms| GetPeriodSecretsRequest { period_ends_ms };
            let next = next_minute();
            Trial::new(Caller::Doctor, &asked(ends_ms(next)), &asked(vec![next]))
        })
    })
}

/// The end of the minute that is under way, in milliseconds since 1970 UTC.
pub(super) fn next_minute() -> u64 {
    let now = SystemClock.now().get();
    now - now % 60_000 + 60_000
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        pair("a pair id of 15 bytes", |pair| pair.pair_id.truncate(15)),
        pair("an unlock key of 31 bytes", |pair| pair.unlock_key.truncate(31)),
        pair("another unlock key under a pair's id", |pair| {
            pair.unlock_key = key().public().as_bytes().to_vec().into();
        }),
        tried("no try", FIELD, |_| EvaluateRequest { greeting: greeting(), r#try: None }),
        tried("a try without a greeting", FIELD, |vault| EvaluateRequest {
            greeting: None,
            ..vault.signed(&vault.tried(1))
        }),
        tried("a try that another key signed", STATEMENT, |vault| {
            asking(vault.tried(1).sign(&key(), &vault.exporter))
        }),
        tried("a try that was signed for another connection", STATEMENT, |vault| {
            asking(vault.tried(1).sign(&vault.unlock_key, &[9; 32]))
        }),
        tried("a try of a pair that nobody made", UNKNOWN, |vault| {
            vault.signed(&UnlockTry { pair: PairId::from_bytes(drawn()), ..vault.tried(1) })
        }),
        tried("a blinded passcode that is no element", FIELD, |vault| {
            vault.signed(&UnlockTry { blinded: [255; 32], ..vault.tried(1) })
        }),
        Row::call("a fourth try at once", EVALUATE, SPACED, |house| {
            Box::pin(async move {
                let vault = Closed::made(house).await;
                vault.tries(1).await;
                vault.tries(2).await;
                let third = vault.tries(3).await;
                Trial::new(Caller::Stranger, &vault.signed(&vault.tried(4)), &third)
            })
        }),
        opened("an opening that is signed by another device", UNKNOWN, |vault| {
            vault.open_as(vault.house.caller(Caller::Nurse), 2, 1)
        }),
        opened("an opening by the vault's unlock key", STATEMENT, |vault| {
            let mut open = vault.open(2, 1);
            let said = open.confirmation.get_or_insert_default();
            said.signature =
                vault.unlock_key.sign(StatementLabel::UnlockConfirmation, &said.body).to_vec().into();
            open
        }),
        opened("an opening that was signed for another connection", STATEMENT, |vault| {
            Closed { exporter: [9; 32], unlock_key: key(), ..*vault }.open(2, 1)
        }),
        opened("an opening by a try that is not the last", UNKNOWN, |vault| vault.open(3, 1)),
        opened("an older copy of the vault", OLDER, |vault| vault.open(2, 0)),
        opened("an opening that names a period which ends within a minute", FIELD, |vault| {
            let open = vault.open(2, 1);
            ConfirmUnlockRequest { period_ends_ms: vec![next_minute() + 1], ..open }
        }),
        periods("a period that ends within a minute", |next| vec![next + 1]),
        periods("more periods than a device has", |next| vec![next; 8_193]),
    ]
}

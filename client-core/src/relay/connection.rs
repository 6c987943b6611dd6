//! One connection to the relay.

use std::{fmt, io, sync::Arc, time::Duration};

use futures::StreamExt as _;
use http::Uri;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};
use wardline_proto::relay::{
    SubscribeRequest, conversation_service_client::ConversationServiceClient,
    directory_service_client::DirectoryServiceClient, enrolment_service_client::EnrolmentServiceClient,
    key_package_service_client::KeyPackageServiceClient, membership_service_client::MembershipServiceClient,
    organisation_service_client::OrganisationServiceClient, record_service_client::RecordServiceClient,
    registrar_service_client::RegistrarServiceClient, renewal_service_client::RenewalServiceClient,
    revocation_service_client::RevocationServiceClient, unlock_service_client::UnlockServiceClient,
};

use super::{
    ConnectOptions, RelayError, Subscription, Transport, channel::Channel, dial, error::DeadlinePassed,
    quic::Quic, tcp::Tcp,
};

/// How long an answer may take that the relay does not hold back.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// The longest answer that is read: 10,000 people with two devices each.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the relay is called in requests; nobody looks at it, the certificate has proved who answers.
const ORIGIN: &str = "https://relay.wardline";

/// A connection whose TLS handshake is complete. Dropping it ends its calls and streams.
///
/// That it was made does not prove that the relay admits this device: with TLS 1.3 the relay judges our
/// certificate afterwards, and the first call says so.
pub struct RelayConnection {
    established: Established,
    origin: Uri,
}

/// What `quic` and `tcp` make.
pub(super) struct Established {
    link: Arc<Link>,
    channel: Channel,
    exporter: [u8; 32],
}

/// What keeps the connection, and knows how it ended.
enum Link {
    Quic(Quic),
    Tcp(Tcp),
}

impl Established {
    pub(super) fn quic(quic: Quic, channel: Channel, exporter: [u8; 32]) -> Self {
        Self { link: Arc::new(Link::Quic(quic)), channel, exporter }
    }

    pub(super) fn tcp(tcp: Tcp, channel: Channel, exporter: [u8; 32]) -> Self {
        Self { link: Arc::new(Link::Tcp(tcp)), channel, exporter }
    }
}

impl Link {
    /// What stands behind a call that failed.
    fn failure(&self, status: Status) -> RelayError {
        // A status that the relay sent has no source; one with a source is tonic's name for a broken connection.
        if std::error::Error::source(&status).is_none() {
            return RelayError::from_status(status);
        }
        let ended = match self {
            Self::Quic(quic) => quic.ended(),
            Self::Tcp(tcp) => tcp.ended(),
        };
        ended.unwrap_or_else(|| RelayError::unavailable(status))
    }
}

impl RelayConnection {
    /// Connects.
    ///
    /// # Errors
    /// - [`RelayError::Unavailable`]: no address answered.
    /// - [`RelayError::Untrusted`]: who answered is not a relay of the organisation.
    /// - [`RelayError::Refused`]: the relay does not take this device's certificate.
    /// - [`RelayError::Broken`]: key, certificate or address cannot be used, or what answers is no relay.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, RelayError> {
        Ok(Self { established: dial::dial(options).await?, origin: Uri::from_static(ORIGIN) })
    }

    /// The connection's TLS exporter, over which an enrolment claim is signed.
    #[must_use]
    pub fn exporter(&self) -> [u8; 32] {
        self.established.exporter
    }

    /// Over what it runs.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match &*self.established.link {
            Link::Quic(_) => Transport::Quic,
            Link::Tcp(_) => Transport::Tcp,
        }
    }

    /// The device's address has changed: QUIC goes on from a new socket, calls and streams with it. TCP cannot;
    /// its connection ends by itself when the old address is gone.
    ///
    /// # Errors
    /// The system gave no socket; the connection goes on as it was.
    pub fn rebind(&self) -> io::Result<()> {
        match &*self.established.link {
            Link::Quic(quic) => quic.rebind(),
            Link::Tcp(_) => Ok(()),
        }
    }

    /// Waits for the answer to one call.
    pub(super) async fn answer<T>(
        &self,
        within: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RelayError> {
        // The relay keeps the same deadline; this one is for a relay that does not answer at all.
        match timeout(within + GRACE, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.established.link.failure(status)),
            Err(_) => Err(RelayError::unavailable(DeadlinePassed)),
        }
    }

    pub(super) async fn open_stream(&self, message: SubscribeRequest) -> Result<Subscription, RelayError> {
        let stream: Streaming<_> =
            self.answer(ANSWER, self.conversations().subscribe(Request::new(message))).await?;
        let link = Arc::downgrade(&self.established.link);
        let stream = stream.map(move |event| {
            event.map_err(|status| match link.upgrade() {
                Some(link) => link.failure(status),
                None => RelayError::unavailable(status),
            })
        });
        Ok(stream.boxed())
    }
}

/// How much later than the relay's our own deadline is.
const GRACE: Duration = Duration::from_secs(1);

/// A request that says how long its answer may take.
pub(super) fn request<T>(message: T, within: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(within);
    request
}

impl fmt::Debug for RelayConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConnection").field("transport", &self.transport()).finish_non_exhaustive()
    }
}

/// The services, on this connection.
macro_rules! services {
    ($($name:ident: $client:ident,)*) => {
        impl RelayConnection {
            $(pub(super) fn $name(&self) -> $client<Channel> {
                $client::with_origin(self.established.channel.clone(), self.origin.clone())
                    .max_decoding_message_size(ANSWER_BYTES_MAX)
            })*
        }
    };
}

services! {
    enrolment: EnrolmentServiceClient,
    registrar: RegistrarServiceClient,
    renewal: RenewalServiceClient,
    directory: DirectoryServiceClient,
    organisation: OrganisationServiceClient,
    key_packages: KeyPackageServiceClient,
    conversations: ConversationServiceClient,
    membership: MembershipServiceClient,
    revocation: RevocationServiceClient,
    record: RecordServiceClient,
    unlock: UnlockServiceClient,
}

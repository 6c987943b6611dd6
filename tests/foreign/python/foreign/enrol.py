"""From a link to a device certificate, by the protos, over HTTP/3."""

import os
import uuid
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from wardline.relay.v1 import enrolment_pb2, greeting_pb2, statement_pb2

from . import http3, statement
from .statement import sha256

KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def greeting(lowest=1, highest=1):
    versions = greeting_pb2.VersionRange(lowest=lowest, highest=highest)
    return greeting_pb2.ClientGreeting(versions=versions, software="another-make/1")


@dataclass
class Device:
    kind: str
    id: bytes
    key: object
    certificate: x509.Certificate
    issuer: x509.Certificate
    root: bytes
    root_certificate: x509.Certificate


class Candidate:
    """A device with an invitation, on a connection of its own."""

    def __init__(self, door, link, kind):
        self.door, self.link, self.kind = door, link, kind
        self.key, self.id = KEYS[kind](), uuid.UUID(bytes=os.urandom(16), version=4).bytes
        self.invitation = ed25519.Ed25519PrivateKey.from_private_bytes(link.seed)
        public = self.invitation.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public, self.invitation_id = public, sha256(public)[:16]

    async def look(self):
        """Fetches the invitation and checks it against the root in the link."""
        request = enrolment_pb2.GetInvitationRequest(greeting=greeting(), invitation_id=self.invitation_id)
        shown = (await self.door.call("EnrolmentService", "GetInvitation", request)).response
        root = shown.organisation.root_certificate
        if sha256(root) != self.link.root:
            raise ConnectionError("another root")
        statement.verify(root, "issuers-list", shown.organisation.issuers)
        issuers = statement_pb2.IssuersList.FromString(shown.organisation.issuers.body).certificates
        signer = [issuer for issuer in issuers if sha256(issuer) == shown.record.signer][0]
        statement.verify(signer, "invitation-record", shown.record)
        record = statement_pb2.InvitationRecord.FromString(shown.record.body)
        assert record.public_key == self.public, "another invitation"
        self.root_certificate = x509.load_der_x509_certificate(root)
        self.issuers = [x509.load_der_x509_certificate(issuer) for issuer in issuers]
        self.record = shown.record
        return record

    async def ask(self, exporter=None):
        """Claims it over an exporter; asks once."""
        algorithm = hashes.SHA256() if self.kind == "P-256" else None
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(self.key, algorithm)
        claim = statement_pb2.EnrolmentClaim(
            record_sha256=sha256(self.record.body),
            certificate_request=request.public_bytes(Encoding.DER),
            device_id=self.id,
            device_name="another make",
            tls_exporter=exporter or self.door.exporter,
        )
        request = enrolment_pb2.EnrolRequest(
            greeting=greeting(),
            invitation_id=self.invitation_id,
            claim=statement.sign(self.invitation, "enrolment-claim", claim),
            wait_seconds=20,
        )
        return await self.door.call("EnrolmentService", "Enrol", request)

    async def enrol(self):
        """Asks until a registrar has decided."""
        while True:
            answer = (await self.ask()).response
            if answer.state == enrolment_pb2.ENROLMENT_STATE_ISSUED:
                break
            assert answer.state == enrolment_pb2.ENROLMENT_STATE_WAITING, answer.refusal
        certificate = x509.load_der_x509_certificate(answer.certificate)
        assert certificate.public_key() == self.key.public_key(), "a certificate for another key"
        issuer = [one for one in self.issuers if one.subject == certificate.issuer][0]
        certificate.verify_directly_issued_by(issuer)
        return Device(self.kind, self.id, self.key, certificate, issuer, self.link.root, self.root_certificate)


async def enrol(link, kind):
    async with http3.open_door(link.addresses[0], link.root) as door:
        candidate = Candidate(door, link, kind)
        await candidate.look()
        return await candidate.enrol()

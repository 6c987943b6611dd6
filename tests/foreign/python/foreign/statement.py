"""Signed statements: Ed25519 over "Wardline 1.0 ", label, 0x00, body."""

import hashlib

from cryptography import x509
from wardline.relay.v1 import statement_pb2


def sha256(data):
    return hashlib.sha256(data).digest()


def signing_input(label, body):
    return b"Wardline 1.0 " + label.encode() + b"\0" + body


def sign(key, label, message, signer=b""):
    body = message.SerializeToString()
    signature = key.sign(signing_input(label, body))
    return statement_pb2.SignedStatement(body=body, signer=signer, signature=signature)


def verify(certificate, label, statement):
    """Raises unless the holder of this DER certificate signed it."""
    if statement.signer != sha256(certificate):
        raise ValueError("a statement names another signer")
    public = x509.load_der_x509_certificate(certificate).public_key()
    public.verify(statement.signature, signing_input(label, statement.body))

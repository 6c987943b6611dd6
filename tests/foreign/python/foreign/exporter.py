"""The TLS 1.3 exporter (RFC 8446, 7.5) of an aioquic connection.

aioquic has no exporter of its own, but keeps the key schedule: the exporter's master secret is derived where the
application's traffic secrets are, from the same transcript.
"""

from aioquic import tls

LABEL = b"EXPORTER-wardline-enrolment"


def _remember():
    derive = tls.KeySchedule.derive_secret

    def derive_and_remember(self, label):
        if label == b"c ap traffic":
            self.exporter_master = derive(self, b"exp master")
        return derive(self, label)

    tls.KeySchedule.derive_secret = derive_and_remember


_remember()


def exporter(schedule, length=32):
    def expand(secret, label, context, size):
        return tls.hkdf_expand_label(
            algorithm=schedule.algorithm, secret=secret, label=label, hash_value=context, length=size
        )

    # The empty context hashes like the empty transcript.
    empty = schedule.hash_empty_value
    secret = expand(schedule.exporter_master, LABEL, empty, schedule.algorithm.digest_size)
    return expand(secret, b"exporter", empty, length)

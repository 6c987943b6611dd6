"""An invitation's link: wardline://enrol/ and base32 of version, root fingerprint, seed, addresses, checksum."""

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    root: bytes
    seed: bytes
    addresses: tuple

    @staticmethod
    def parse(text):
        text = "".join(text.split()).upper()
        prefix = "WARDLINE://ENROL/"
        if not text.startswith(prefix):
            raise ValueError("not a link")
        code = text[len(prefix):]
        content = base64.b32decode(code + "=" * (-len(code) % 8))
        content, checksum = content[:-4], content[-4:]
        if hashlib.sha256(b"wardline link" + content).digest()[:4] != checksum:
            raise ValueError("a typo in the link")
        if content[0] != 1:
            raise ValueError("a newer link")
        return Link(content[1:33], content[33:65], tuple(content[65:].decode().split("\n")))

"""The generated stubs on grpcio: gRPC's own C core, BoringSSL, HTTP/2."""

import asyncio
import contextlib

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import answer, wire

PATIENCE = 40


class Http2:
    """A door as the checks use it."""

    name = "HTTP/2 (grpcio)"

    def __init__(self, channel):
        self.channel = channel

    async def call(self, service, method, request, timeout=None, most=None):
        return await self.begin(service, method, request, timeout)(most)

    def begin(self, service, method, request, timeout=None):
        call = getattr(wire.stub(service, self.channel), method)
        if wire.streams(service, method):
            running = call(request, timeout=timeout or PATIENCE)
        else:
            running = call.future(request, timeout=timeout or PATIENCE)
        return lambda most=None: asyncio.to_thread(self._answer, running, wire.streams(service, method), most)

    @staticmethod
    def _answer(running, streams, most):
        try:
            if not streams:
                return answer.Answer(grpc.StatusCode.OK, responses=[running.result()])
            responses = []
            for response in running:
                responses.append(response)
                if len(responses) == most:
                    running.cancel()
                    break
            return answer.Answer(grpc.StatusCode.OK, responses=responses)
        except grpc.RpcError as error:
            return answer.of_error(error)


@contextlib.asynccontextmanager
async def open_door(address, root_certificate, device=None):
    """Connects; `root_certificate` is what the enrolment pinned."""
    root = root_certificate.public_bytes(Encoding.PEM)
    key = chain = None
    if device is not None:
        key = device.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = device.certificate.public_bytes(Encoding.PEM) + device.issuer.public_bytes(Encoding.PEM)
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(root, key, chain))
    try:
        yield Http2(channel)
    finally:
        channel.close()

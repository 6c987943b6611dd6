"""gRPC by hand on aioquic: its own QUIC, TLS and HTTP/3."""

import asyncio
import contextlib
import ssl
import struct

from aioquic import tls
from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated
from cryptography.hazmat.primitives.serialization import Encoding

from . import answer, wire
from .exporter import exporter
from .statement import sha256

PATIENCE = 40


class Protocol(QuicConnectionProtocol):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.http = H3Connection(self._quic)
        self.streams = {}
        self.closed = None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = (event.error_code, event.reason_phrase)
            for queue in self.streams.values():
                queue.put_nowait(None)
        for one in self.http.handle_event(event):
            if one.stream_id in self.streams and isinstance(one, (HeadersReceived, DataReceived)):
                self.streams[one.stream_id].put_nowait(one)


class Http3:
    """A door as the checks use it."""

    name = "HTTP/3 (aioquic)"

    def __init__(self, protocol, address):
        self.protocol, self.address = protocol, address

    @property
    def exporter(self):
        return exporter(self.protocol._quic.tls.key_schedule)

    async def call(self, service, method, request, timeout=None, most=None):
        return await self.begin(service, method, request, timeout)(most)

    def begin(self, service, method, request, timeout=None):
        """Sends a call; the result is asked for its answer, or for its first `most` responses."""
        connection, http = self.protocol._quic, self.protocol.http
        stream = connection.get_next_available_stream_id()
        queue = self.protocol.streams[stream] = asyncio.Queue()
        headers = {
            ":method": "POST",
            ":scheme": "https",
            ":authority": self.address,
            ":path": f"/wardline.relay.v1.{service}/{method}",
            "content-type": "application/grpc+proto",
            "te": "trailers",
        }
        if timeout is not None:
            headers["grpc-timeout"] = f"{int(timeout * 1000)}m"
        http.send_headers(stream, [(name.encode(), value.encode()) for name, value in headers.items()])
        body = request.SerializeToString()
        http.send_data(stream, struct.pack(">BI", 0, len(body)) + body, True)
        self.protocol.transmit()
        return lambda most=None: self._answer(stream, queue, wire.response(service, method), most)

    async def _answer(self, stream, queue, kind, most):
        data, responses, trailers, ended = b"", [], {}, False
        while not ended:
            event = await asyncio.wait_for(queue.get(), PATIENCE)
            if event is None:
                raise ConnectionError(self.protocol.closed)
            ended = event.stream_ended
            if isinstance(event, HeadersReceived):
                trailers.update({name.decode(): value.decode() for name, value in event.headers})
                continue
            data += event.data
            while len(data) >= 5 and len(data) >= 5 + (length := struct.unpack(">I", data[1:5])[0]):
                responses.append(kind.FromString(data[5:5 + length]))
                data = data[5 + length:]
            if most is not None and len(responses) >= most:
                self.protocol._quic.stop_stream(stream, 0x10C)
                self.protocol.transmit()
                return answer.Answer(answer.CODES[0], responses=responses[:most])
        assert trailers[":status"] == "200", trailers
        return answer.of_trailers(trailers, responses)


@contextlib.asynccontextmanager
async def open_door(address, root, device=None):
    """Connects; `root` is the fingerprint that the relay's chain must end in."""
    host, port = address.rsplit(":", 1)
    # The chain is checked below, against the pinned root that the relay shows, before anything is said.
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name=host, verify_mode=ssl.CERT_NONE
    )
    if device is not None:
        configuration.certificate, configuration.certificate_chain = device.certificate, [device.issuer]
        configuration.private_key = device.key
    async with connect(host, int(port), configuration=configuration, create_protocol=Protocol) as protocol:
        context = protocol._quic.tls
        shown = context._peer_certificate_chain
        pinned = [one for one in shown if sha256(one.public_bytes(Encoding.DER)) == root]
        if not pinned:
            raise ConnectionError("the relay shows another root")
        anchor = pinned[0].public_bytes(Encoding.PEM)
        tls.verify_certificate(context._peer_certificate, shown, host, cadata=anchor)
        yield Http3(protocol, address)

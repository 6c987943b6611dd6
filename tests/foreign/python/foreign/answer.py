"""What a call came to, decoded by Google's own definitions of the error details."""

import urllib.parse
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass
class Answer:
    code: grpc.StatusCode
    message: str = ""
    details: bytes = b""
    responses: list = field(default_factory=list)

    @property
    def response(self):
        assert self.code == grpc.StatusCode.OK, f"{self.code.name}: {self.message} {self.reason}"
        return self.responses[0]

    def _detail(self, kind):
        status = status_pb2.Status.FromString(self.details)
        assert not self.details or status.code == self.code.value[0], "the status and its details disagree"
        for detail in status.details:
            found = kind()
            if detail.Unpack(found):
                return found
        return None

    @property
    def reason(self):
        info = self._detail(error_details_pb2.ErrorInfo)
        return info.reason if info and info.domain == "wardline" else None

    @property
    def metadata(self):
        return dict(self._detail(error_details_pb2.ErrorInfo).metadata)

    @property
    def retry_after(self):
        """Seconds, or None where waiting does not help."""
        info = self._detail(error_details_pb2.RetryInfo)
        return info and info.retry_delay.ToTimedelta().total_seconds()

    @property
    def fields(self):
        request = self._detail(error_details_pb2.BadRequest)
        return [violation.field for violation in request.field_violations] if request else []

    def refused(self, code, reason):
        found = (self.code.name, self.reason)
        assert found == (code, reason), f"{found} instead of {(code, reason)}: {self.message}"
        return self


def of_trailers(trailers, responses):
    """From HTTP/3's trailers, or headers where there are no others."""
    import base64

    code = CODES[int(trailers["grpc-status"])]
    packed = trailers.get(DETAILS, "")
    details = base64.b64decode(packed + "=" * (-len(packed) % 4))
    return Answer(code, urllib.parse.unquote(trailers.get("grpc-message", "")), details, responses)


def of_error(error):
    """From grpcio's exception."""
    trailers = dict(error.trailing_metadata() or ())
    return Answer(error.code(), error.details(), trailers.get(DETAILS, b""))

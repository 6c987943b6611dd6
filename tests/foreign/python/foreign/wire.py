"""The generated messages and stubs, by name."""

from wardline.relay.v1 import (
    conversation_pb2,
    conversation_pb2_grpc,
    enrolment_pb2,
    enrolment_pb2_grpc,
    key_package_pb2,
    key_package_pb2_grpc,
    organisation_pb2,
    organisation_pb2_grpc,
)
from google.protobuf import message_factory

FILES = (
    (conversation_pb2, conversation_pb2_grpc),
    (enrolment_pb2, enrolment_pb2_grpc),
    (key_package_pb2, key_package_pb2_grpc),
    (organisation_pb2, organisation_pb2_grpc),
)


def _find(service):
    for messages, stubs in FILES:
        if service in messages.DESCRIPTOR.services_by_name:
            return messages.DESCRIPTOR.services_by_name[service], stubs
    raise KeyError(service)


def response(service, method):
    """The class of a call's response."""
    return message_factory.GetMessageClass(_find(service)[0].methods_by_name[method].output_type)


def streams(service, method):
    return _find(service)[0].methods_by_name[method].server_streaming


def stub(service, channel):
    return getattr(_find(service)[1], f"{service}Stub")(channel)

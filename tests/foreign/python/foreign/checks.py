"""What a foreign client must get: right answers, and refusals that it can decode. Each check has its control.

A check is a coroutine over a `Scene`; its name is its claim.
"""

import hashlib

from wardline.relay.v1 import (
    conversation_pb2,
    enrolment_pb2,
    key_package_pb2,
    organisation_pb2,
    statement_pb2,
)

from . import http3, statement
from .enrol import Candidate, greeting
from .link import Link
from .ward import CALLS_PER_DEVICE

ONCE, EVERYWHERE, FOR_MEMBERS = [], [], []


def once(check):
    """Run once."""
    ONCE.append(check)
    return check


def everywhere(check):
    """Run through both stacks, with both kinds of key."""
    EVERYWHERE.append(check)
    return check


def for_members(check):
    """Run through both stacks, with an Ed25519 key."""
    FOR_MEMBERS.append(check)
    return check


def people(*user_ids):
    return organisation_pb2.ListPeopleRequest(user_ids=user_ids)


@once
async def a_link_with_a_typo_is_not_used(scene):
    text = scene.ward.invitation("typist")
    assert Link.parse(text).addresses == (scene.ward.address,), "the control"
    # Not the last character: some of its bits mean nothing.
    wrong = text[:-9] + ("b" if text[-9] == "a" else "a") + text[-8:]
    try:
        Link.parse(wrong)
    except ValueError:
        return
    raise AssertionError("a typo was not noticed")


@once
async def a_relay_under_another_root_is_not_spoken_to(scene):
    link = scene.ward.invite("wary")
    try:
        async with http3.open_door(link.addresses[0], hashlib.sha256(b"another").digest()):
            raise AssertionError("it was spoken to")
    except ConnectionError:
        pass
    async with http3.open_door(link.addresses[0], link.root) as door:
        record = await Candidate(door, link, "P-256").look()
        assert record.user_id == "wary", "the control"


@once
async def a_claim_is_good_over_its_own_exporter_only(scene):
    link = scene.ward.invite("claimant")
    async with http3.open_door(link.addresses[0], link.root) as door:
        candidate = Candidate(door, link, "P-256")
        await candidate.look()
        (await candidate.ask(exporter=bytes(32))).refused("INVALID_ARGUMENT", "STATEMENT_INVALID")
        device = await candidate.enrol()
        assert device.certificate.public_key() == device.key.public_key(), "the control"
    async with http3.open_door(link.addresses[0], link.root) as door:
        other = Candidate(door, link, "P-256")
        await other.look()
        (await other.ask()).refused("FAILED_PRECONDITION", "INVITATION_SPENT")


@everywhere
async def the_organisation_and_its_people_are_as_enrolled(scene):
    request = organisation_pb2.GetOrganisationRequest()
    organisation = (await scene.call("DirectoryService", "GetOrganisation", request)).response.organisation
    assert organisation.organisation_id == "st-example" and organisation.name == "St. Example"
    assert statement.sha256(organisation.root_certificate) == scene.device.root
    statement.verify(organisation.root_certificate, "issuers-list", organisation.issuers)
    found = (await scene.call("DirectoryService", "ListPeople", people(scene.user))).response.people
    assert [person.user_id for person in found] == [scene.user]
    assert scene.device.id in [device.device_id for device in found[0].devices]
    none = (await scene.call("DirectoryService", "ListPeople", people("nobody"))).response.people
    assert not none, "the control"


@everywhere
async def a_wrong_field_is_named(scene):
    answer = await scene.call("DirectoryService", "ListPeople", people("Not A User"))
    answer.refused("INVALID_ARGUMENT", "FIELD_INVALID")
    assert any("user_id" in field for field in answer.fields), answer.fields
    assert answer.retry_after is None, "waiting does not help"
    assert (await scene.call("DirectoryService", "ListPeople", people(scene.user))).response, "the control"


@everywhere
async def what_a_role_may_not_is_refused(scene):
    request = enrolment_pb2.ListInvitationsRequest()
    answer = await scene.call("RegistrarService", "ListInvitations", request)
    answer.refused("PERMISSION_DENIED", "ROLE_REQUIRED")
    as_registrar = await scene.registrar.call("RegistrarService", "ListInvitations", request)
    assert as_registrar.response.invitations, "the control"


@everywhere
async def nothing_but_enrolment_is_served_without_a_certificate(scene):
    request = organisation_pb2.GetOrganisationRequest()
    answer = await scene.stranger.call("DirectoryService", "GetOrganisation", request)
    answer.refused("UNAUTHENTICATED", "CERTIFICATE_REQUIRED")
    request = enrolment_pb2.GetInvitationRequest(greeting=greeting(), invitation_id=bytes(16))
    answer = await scene.stranger.call("EnrolmentService", "GetInvitation", request)
    answer.refused("NOT_FOUND", "INVITATION_UNKNOWN")


@everywhere
async def a_limit_says_when_to_come_again(scene):
    """The relay of these checks lets a device have few calls at a time."""
    held = enrolment_pb2.ListEnrolmentsRequest(wait_seconds=3)
    waiting = [
        scene.registrar.begin("RegistrarService", "ListEnrolments", held) for _ in range(CALLS_PER_DEVICE + 2)
    ]
    answers = [await answer() for answer in waiting]
    told = [answer for answer in answers if answer.code.name != "OK"]
    assert len(told) == 2, [answer.code for answer in answers]
    for answer in told:
        answer.refused("RESOURCE_EXHAUSTED", "LIMIT_REACHED")
        assert 0 < answer.retry_after <= 60, answer.retry_after
    at_once = enrolment_pb2.ListEnrolmentsRequest()
    again = await scene.registrar.call("RegistrarService", "ListEnrolments", at_once)
    assert again.code.name == "OK", "the control: there is room again"


@everywhere
async def a_deadline_is_kept(scene):
    held = enrolment_pb2.ListEnrolmentsRequest(wait_seconds=20)
    answer = await scene.registrar.call("RegistrarService", "ListEnrolments", held, timeout=0.5)
    assert answer.code.name == "DEADLINE_EXCEEDED", answer
    held = enrolment_pb2.ListEnrolmentsRequest(wait_seconds=1)
    answer = await scene.registrar.call("RegistrarService", "ListEnrolments", held, timeout=20)
    assert answer.code.name == "OK", "the control"


@everywhere
async def a_key_that_is_no_members_takes_no_part(scene):
    request = conversation_pb2.CreateConversationRequest(
        conversation_id=statement.sha256(scene.device.id + scene.door.name.encode())[:16], cipher_suite=1
    )
    answer = await scene.call("ConversationService", "CreateConversation", request)
    packages = key_package_pb2.CountKeyPackagesRequest()
    count = await scene.call("KeyPackageService", "CountKeyPackages", packages)
    if scene.device.kind == "P-256":
        answer.refused("PERMISSION_DENIED", "MEMBER_KEY_REQUIRED")
        count.refused("PERMISSION_DENIED", "MEMBER_KEY_REQUIRED")
    else:
        assert answer.response.created_at.seconds > 0 and count.code.name == "OK", "the control"


@for_members
async def a_stream_begins_with_a_greeting_that_the_relay_signed(scene):
    request = conversation_pb2.SubscribeRequest(greeting=greeting())
    answer = await scene.call("ConversationService", "Subscribe", request, most=2)
    first, second = answer.responses
    time = first.greeting.time
    statement.verify(first.greeting.relay_certificate, "relay-time", time)
    assert statement_pb2.RelayTime.FromString(time.body).time.seconds > 1_700_000_000
    assert second.WhichOneof("event") in ("caught_up", "key_packages_low"), second
    time.body += b"\0"
    try:
        statement.verify(first.greeting.relay_certificate, "relay-time", time)
    except Exception:  # noqa: BLE001 - whatever says no
        return
    raise AssertionError("the control: a changed time verifies")


@for_members
async def a_version_that_the_relay_does_not_speak_is_told_which_it_does(scene):
    later = conversation_pb2.SubscribeRequest(greeting=greeting(lowest=7, highest=9))
    answer = await scene.call("ConversationService", "Subscribe", later)
    answer.refused("FAILED_PRECONDITION", "UPGRADE_REQUIRED")
    assert answer.metadata == {"lowest": "1", "highest": "1"}, answer.metadata


@for_members
async def a_message_that_is_none_is_refused(scene):
    def send(**fields):
        request = {"conversation_id": bytes(16), "client_message_id": bytes(16), "message": b"\0\1"}
        return scene.call("ConversationService", "Send", conversation_pb2.SendRequest(**(request | fields)))

    (await send()).refused("INVALID_ARGUMENT", "MESSAGE_MALFORMED")
    answer = (await send(client_message_id=bytes(15))).refused("INVALID_ARGUMENT", "FIELD_INVALID")
    assert answer.fields == ["client_message_id"], answer.fields

"""Runs the checks against a real relay; says what passed. `WARDLINE` names the program."""

import asyncio
import contextlib
import sys
import time
import traceback
from dataclasses import dataclass

from . import checks, enrol, http2, http3
from .ward import Ward


@dataclass
class Scene:
    """What a check has: a ward; for all but the first also a door with a device, a registrar's and a stranger's."""

    ward: Ward
    door: object = None
    device: object = None
    user: str = ""
    registrar: object = None
    stranger: object = None

    def call(self, *arguments, **named):
        return self.door.call(*arguments, **named)


@contextlib.asynccontextmanager
async def doors(stack, ward, user, device, registrar):
    """The same three doors through one of the stacks."""
    trust = device.root if stack is http3 else device.root_certificate
    async with contextlib.AsyncExitStack() as opened:
        whose = (device, registrar, None)
        three = [await opened.enter_async_context(stack.open_door(ward.address, trust, one)) for one in whose]
        yield Scene(ward, three[0], device, user, three[1], three[2])


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    async def run(self, check, scene, where):
        begun = time.monotonic()
        try:
            await check(scene)
            self.passed += 1
            outcome = "ok"
        except Exception:  # noqa: BLE001 - a check that fails is told, and the others go on
            self.failed += 1
            outcome = "FAILED\n" + traceback.format_exc()
        name = check.__name__.replace("_", " ")
        print(f"{where}: {name} ... {outcome} ({time.monotonic() - begun:.1f} s)", flush=True)


async def main():
    report = Report()
    with Ward() as ward:
        for check in checks.ONCE:
            await report.run(check, Scene(ward), "enrolment")
        for kind in enrol.KEYS:
            user = f"reader-{kind.lower()}"
            device = await enrol.enrol(ward.invite(user), kind)
            registrar = await enrol.enrol(ward.invite(f"registrar-{kind.lower()}", "registrar"), kind)
            for stack in (http2, http3):
                async with doors(stack, ward, user, device, registrar) as scene:
                    where = f"{scene.door.name}, {kind}"
                    for check in checks.EVERYWHERE + (checks.FOR_MEMBERS if kind == "Ed25519" else []):
                        await report.run(check, scene, where)
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return report.failed or not report.passed


sys.exit(bool(asyncio.run(main())))

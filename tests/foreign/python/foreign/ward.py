"""A real organisation with its relay, made with the real `wardline`; all of it ends with this process."""

import json
import os
import socket
import subprocess
import tempfile
import time

from .link import Link

# So low that the checks reach it with a few calls.
CALLS_PER_DEVICE = 4

CONFIGURATION = f"[limits]\ncalls_per_device_max = {CALLS_PER_DEVICE}\n"


def free_port():
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Ward:
    def __enter__(self):
        self.program = os.environ["WARDLINE"]
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.running = []
        try:
            self._found()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.temporary.cleanup()

    def _found(self):
        for name, text in (("passcode", "a passcode for the tests\n"), ("relay.toml", CONFIGURATION)):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.address = f"127.0.0.1:{free_port()}"
        self._run("relay", "init", "--data-dir", "relay", "--address", self.address)
        founding = ("--organisation", "St. Example", "--relay-dir", "relay", "--recovery-file", "root")
        self.cli("office", "admin", "found", *founding)
        self._start("relay", "serve", "--data-dir", "relay", "--config", "relay.toml")
        until = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", int(self.address.rsplit(":", 1)[1]))):
            assert time.monotonic() < until, "the relay does not open"
            time.sleep(0.05)
        self._start("admin", "registrar", "--home", "office", "--passcode-file", "passcode")

    def _start(self, *arguments):
        log = open(os.path.join(self.folder, f"{arguments[0]}.log"), "wb")
        process = subprocess.Popen(
            [self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        self.running.append(process)

    def _run(self, *arguments):
        run = subprocess.run(
            [self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{arguments}: {run.stdout}{run.stderr}"
        return run.stdout

    def cli(self, home, *arguments):
        """Runs `wardline` on a home; the objects that it prints."""
        text = self._run("--home", home, "--passcode-file", "passcode", "--json", *arguments)
        return [json.loads(line) for line in text.splitlines()]

    def invitation(self, user, role="clinician"):
        return self.cli("office", "admin", "invite", user, "--role", role)[0]["invitation"]

    def invite(self, user, role="clinician"):
        return Link.parse(self.invitation(user, role))

"""The local system as the scripts here start it and call it."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A first invocation starts a process through cargo, and two cores may be busy.
PATIENCE = 120


class Failure(Exception):
    pass


def target():
    """Where cargo puts what it builds."""
    metadata = subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version=1"], cwd=ROOT)
    return pathlib.Path(json.loads(metadata)["target_directory"])


@contextlib.contextmanager
def running(name, command, log):
    """A process group that ends with the block, whatever happens in it."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        if process.poll() is not None:
            raise Failure(f"{name} ended by itself with {process.returncode}")
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


@contextlib.contextmanager
def local_system(folder, *options):
    """The built local system on free ports, as the facts of its information file; its log is `local.log` in the folder."""
    info = folder / "info.json"
    command = [target() / "debug" / "local", "--port", "0", "--info-file", info, *options]
    with running("local", command, folder / "local.log") as process:

        def facts():
            if process.poll() is not None:
                raise Failure("local did not start")
            # Written in one step, when everything is there.
            return info.exists() and json.loads(info.read_text())

        yield eventually("the facts of the local system", facts, 0.1)


def eventually(what, ask, pause=0.5):
    """The first answer that will do; a `Failure` after a bounded time."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"not within {PATIENCE} s: {what}")
        time.sleep(pause)


class Caller:
    def __init__(self, api, credential, **headers):
        self.api = api
        self.headers = {"Authorization": f"Bearer {credential}", **headers}

    def call(self, method, target, body=None):
        """Status, headers and body."""
        headers = dict(self.headers)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.api + target, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                text = answer.read()
                # An export is lines of JSON, and nothing that a story reads.
                whole = "ndjson" not in answer.headers["Content-Type"]
                return answer.status, answer.headers, json.loads(text) if whole else None
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, json.loads(answer.read() or b"{}")

    def data(self, status, method, target, body=None):
        found, _, answer = self.call(method, target, body)
        if found != status:
            raise Failure(f"{method} {target}: {found} instead of {status}: {answer}")
        return answer["data"]


def sign_in(issuer, email):
    form = {
        "grant_type": "password",
        "username": email,
        "password": "instaview",
        "client_id": "instaview-local",
    }
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{issuer}/token", data, timeout=10) as answer:
        return json.load(answer)["access_token"]

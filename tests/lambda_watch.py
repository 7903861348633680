#!/usr/bin/env python3
"""Proves that every function runs under the real Runtime API: `cargo lambda watch` behind the local gateway.

Needs cargo and cargo-lambda on the PATH. Exits with 0 only if every function answered from a process of its own.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from local_system import ROOT, Caller, Failure, eventually, local_system, running, sign_in

FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())
# What the story calls, beside every list; and what it puts on the bus.
OPERATIONS = ["CreateApiKey", "CreateInterview", "CreateJob", "DeleteJob", "GetDenial", "SuspendApiKey"]
REPORTED = '"report"'
FEATURES = ["--features", "lambda"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def lists():
    """Operation, path and function of everything that is read without naming an object."""
    document = json.loads((ROOT / "infra" / "gateway.json").read_text())
    for path, methods in document["paths"].items():
        read = methods.get("get")
        if read and "{" not in path and not path.startswith("/dashboard"):
            yield read["operationId"], path, re.search(r"\$\{(\w+)Function\.Arn\}", json.dumps(read))[1]


def put_event(api, detail):
    event = {"source": "instaview.interview-engine", "detail-type": "InterviewReport", "detail": detail}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}/dev/events", json.dumps(event).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code


def interview(facts, key):
    """One that the engine completes, and what the worker makes of its job's deletion."""
    body = {
        "candidate": {"firstName": "Ada", "lastName": "Watched", "email": "ada@watched.example", "gdprExpiryDate": "2099-12-31"},
        "agent": {"name": "Watcher", "type": "ONLINE", "focus": "GENERIC", "language": "EN", "duration": 20},
        "job": {"title": "Watched by nobody", "description": "Deleted again at once.", "status": "OPEN"},
    }
    made = key.data(201, "POST", "/interviews", body)
    detail = {
        "eventId": made["id"],
        "companyId": made["companyId"],
        "interviewId": made["id"],
        "type": "COMPLETED",
        "at": made["createdAt"],
        "durationMinutes": 17,
    }
    eventually("the report is taken", lambda: put_event(facts["apiUrl"], detail) == 200)
    done = key.data(200, "GET", f"/interviews/{made['id']}")
    if (done["status"], done["durationMinutes"]) != ("COMPLETED", 17):
        raise Failure(f"the interview after its report: {done}")
    if put_event(facts["apiUrl"], {**detail, "interviewId": made["companyId"]}) != 422:
        raise Failure("a report of nothing was taken")
    key.data(200, "DELETE", f"/jobs/{made['jobId']}")

    # Reads leave the job out at once; the version rises when the worker has come by.
    def unassigned():
        person = key.data(200, "GET", f"/candidates/{made['candidateId']}")
        return person["jobIds"] == [] and person["version"] > 2

    eventually("the worker takes the job out of the candidate", unassigned)


def story(facts):
    demo = Caller(facts["apiUrl"], facts["demoKey"])
    # 503 until the functions' processes are there.
    eventually("a function answers", lambda: demo.call("GET", "/jobs")[0] == 200)
    eventually("the function keys answers", lambda: demo.call("GET", "/whoami")[0] == 200)

    owner = Caller(facts["apiUrl"], sign_in(facts["issuerUrl"], "owner@acme.example"))
    made = owner.data(201, "POST", "/api-keys", {"name": "Watched", "scopes": ["read:jobs", "write:jobs"]})
    key = Caller(facts["apiUrl"], made["key"])
    job = {"title": "Lambda Operator", "description": "Runs under the real Runtime API.", "status": "OPEN"}
    job = key.data(201, "POST", "/jobs", job)
    found = key.data(200, "GET", "/jobs?q=operator")["items"]
    if [item["id"] for item in found] != [job["id"]]:
        raise Failure(f"the new job is not what is found: {found}")
    status, _, answer = key.call("DELETE", f"/jobs/{job['id']}")
    if (status, answer["error"]["details"]) != (403, {"requiredScope": "delete:jobs"}):
        raise Failure(f"deleting without the scope: {status} {answer}")

    owner.data(200, "POST", f"/api-keys/{made['id']}/suspend")
    status, headers, answer = key.call("GET", "/jobs")
    if status != 401 or answer["error"]["code"] != "INVALID_API_KEY":
        raise Failure(f"a suspended key: {status} {answer}")
    request = headers["X-Request-Id"]
    why = owner.data(200, "GET", f"/denials/{request}")
    if why["reason"] != "SUSPENDED" or why["keyId"] != made["id"]:
        raise Failure(f"the explanation: {why}")

    def told():
        status, _, answer = owner.call("GET", "/audit-events?limit=100")
        events = answer["data"]["items"] if status == 200 else []
        mine = [event for event in events if event.get("keyId") == made["id"]]
        types = {event["type"] for event in mine}
        refused = any(event.get("requestId") == request for event in mine)
        return refused and {"api_key.created", "authentication.succeeded", "api_key.suspended"} <= types

    eventually("the events of the key", told)

    all_scopes = demo.data(200, "GET", "/whoami")["key"]["scopes"]
    made = owner.data(201, "POST", "/api-keys", {"name": "Watched whole", "scopes": all_scopes})
    whole = Caller(facts["apiUrl"], made["key"])
    boss = sign_in(facts["issuerUrl"], "admin@instaview.example")
    boss = Caller(facts["apiUrl"], boss, **{"X-Admin-Reason": "Watching every function"})
    # Whoever may read it: keys what is for keys, people what is for people.
    for operation, path, _ in lists():
        eventually(operation, lambda: any(who.call("GET", path)[0] == 200 for who in (whole, owner, boss)))
    interview(facts, whole)
    status, _, answer = Caller(facts["apiUrl"], facts["demoKey"]).call("POST", "/dev/checkpoints", {})
    if status != 201:
        raise Failure(f"a checkpoint: {status} {answer}")


def browse(facts):
    """The dashboard's first page; signing in is the browsers' test."""

    def shows():
        try:
            with urllib.request.urlopen(f"{facts['apiUrl']}/dashboard", timeout=40) as page:
                return "Sign in" in page.read().decode()
        except urllib.error.HTTPError:
            return False

    eventually("the dashboard's first page", shows)


def operate(facts, data):
    """Whoever runs the stack, with the functions' own environment."""
    lines = (data / "lambda.env").read_text().splitlines()
    environment = {**os.environ, **dict(line.split("=", 1) for line in lines if line)}
    command = ["cargo", "run", "--quiet", "--locked", "-p", "operate", *FEATURES, "--"]
    demo = Caller(facts["apiUrl"], facts["demoKey"])
    for arguments, good, said in [
        ("secret keys fill", True, "filled already"),
        ("secret keys stage", True, "generation 2 is staged"),
        ("secret keys activate 2", False, "15 minutes"),
        ("secret keys retire 1", False, "can't be retired"),
        ("secret cursors stage", True, "generation 2 is staged"),
        ("replay", True, "brought up: 0 keys, 0 people"),
    ]:
        done = subprocess.run([*command, *arguments.split()], cwd=ROOT, env=environment, capture_output=True, text=True)
        if (done.returncode == 0) != good or said not in done.stdout + done.stderr:
            raise Failure(f"operate {arguments}: {done}")
        demo.data(200, "GET", "/jobs")


def main():
    build = ["cargo", "build", "--locked", "--bins", *FEATURES]
    # All binaries first: a first invocation that compiles outlasts the gateway's 29 s.
    subprocess.run([*build, "--workspace"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="instaview-watch-") as folder:
        folder = pathlib.Path(folder)
        data = folder / "data"
        logs = {name: folder / name for name in ("local.log", "watch.log")}
        port = free_port()
        watch = ["cargo", "lambda", "watch", "--ignore-changes", "--disable-cors"]
        watch += ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
        watch += ["--env-file", data / "lambda.env", *FEATURES]
        try:
            local = local_system(folder, "--data-dir", data, "--invoke-url", f"http://127.0.0.1:{port}")
            with local as facts, running("cargo lambda watch", watch, logs["watch.log"]):
                story(facts)
                browse(facts)
                operate(facts, data)
            text = logs["watch.log"].read_text(errors="replace")
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
            for function in FUNCTIONS:
                if f'starting lambda function instance function="{function}"' not in text:
                    raise Failure(f"{function} was never started")
            # Everything that the story did was logged by them, and no credential with it.
            # A public route has no line of its own.
            read = [operation for operation, _, _ in lists() if operation not in ("GetHealth", "GetAuditKeys")]
            for operation in [*OPERATIONS, *read, REPORTED]:
                if operation not in text:
                    raise Failure(f"{operation} left no line in the functions' logs")
            if "sk_" in text or "eyJ" in text:
                raise Failure("a key stands in the functions' logs")
        except BaseException:
            for name, log in logs.items():
                lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                print(f"--- {name}", *lines[-60:], sep="\n", file=sys.stderr)
            raise
    print(f"under the Runtime API: {', '.join(FUNCTIONS)}")


if __name__ == "__main__":
    try:
        main()
    except (Failure, subprocess.CalledProcessError) as failure:
        sys.exit(f"lambda_watch: {failure}")

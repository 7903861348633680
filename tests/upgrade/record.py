#!/usr/bin/env python3
"""Records what the local system of some commit writes, for the test that later code goes on with it (tests/api/upgrade.rs).

    tests/upgrade/record.py NAME BINARY

NAME.tar.gz beside this file is then the data directory that BINARY, `target/debug/local` of that commit, left after a story, with `story.json` in it: what a test must know of it.
Its secrets are its own and open nothing else.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from local_system import Caller, Failure, eventually, running, sign_in  # noqa: E402

CANDIDATE = {"firstName": "Ada", "lastName": "Upgraded", "email": "ada@upgraded.example", "gdprExpiryDate": "2099-12-31"}
AGENT = {"name": "Upgraded", "type": "ONLINE", "focus": "GENERIC", "language": "EN", "duration": 20}
JOB = {"title": "Keeper of data", "description": "What was written must be read.", "status": "OPEN"}
LISTS = ["/jobs", "/jobs?status=OPEN", "/jobs?q=keeper", "/candidates", "/agents", "/interviews"]
PEOPLES_LISTS = ["/api-keys", "/members", "/partner-grants"]
WHY = {"X-Admin-Reason": "Ticket 4711: an upgrade"}


def dev(api, path, body=None):
    data = json.dumps(body).encode() if body is not None else b""
    request = urllib.request.Request(f"{api}/dev/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=40) as answer:
        return answer.status


def mailed(api):
    """The token in the one letter that invites, once it is there."""
    with urllib.request.urlopen(f"{api}/dev/outbox", timeout=40) as answer:
        found = re.search(r"/invitations/([\w-]+)", answer.read().decode())
        return found and found[1]


def story(facts):
    api, issuer = facts["apiUrl"], facts["issuerUrl"]
    demo, ats = Caller(api, facts["demoKey"]), Caller(api, facts["demoAtsKey"])
    owner = Caller(api, sign_in(issuer, "owner@acme.example"))
    company = owner.data(200, "GET", "/whoami")["companyId"]

    def make(name):
        return owner.data(201, "POST", "/api-keys", {"name": name, "scopes": ["read:jobs", "write:jobs"]})

    once = Caller(api, facts["demoKey"], **{"Idempotency-Key": "upgrade-1"})
    job = once.data(201, "POST", "/jobs", JOB)
    demo.data(200, "PATCH", f"/jobs/{job['id']}", {"benefits": "None lost"})
    interview = demo.data(201, "POST", "/interviews", {"candidate": CANDIDATE, "agent": AGENT, "job": JOB})
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    detail = {
        "eventId": "upgrade-1",
        "companyId": company,
        "interviewId": interview["id"],
        "type": "COMPLETED",
        "at": now,
        "durationMinutes": 17,
        "rating": 80,
        "analysis": {"summary": "Kept"},
    }
    dev(api, "events", {"source": "instaview.interview-engine", "detail-type": "InterviewReport", "detail": detail})

    suspended = make("Suspended")
    Caller(api, suspended["key"]).data(200, "GET", "/jobs")
    owner.data(200, "POST", f"/api-keys/{suspended['id']}/suspend", {"reason": "An upgrade"})
    _, headers, _ = Caller(api, suspended["key"]).call("GET", "/jobs")
    denial = headers["X-Request-Id"]
    rotated = make("Rotated")
    Caller(api, rotated["key"]).data(200, "GET", "/jobs")
    newer = owner.data(200, "POST", f"/api-keys/{rotated['id']}/rotate", {"overlapSeconds": 2_592_000})
    Caller(api, newer["key"]).data(200, "GET", "/jobs")
    narrow = owner.data(
        201,
        "POST",
        "/api-keys",
        {"name": "Narrow", "scopes": ["read:jobs"], "allowedIPs": ["198.51.100.0/24", "2001:db8::/48"]},
    )
    owner.data(201, "POST", "/members", {"email": "invited@acme.example", "role": "MEMBER"})
    ats.data(200, "GET", f"/candidates?companyId={company}")
    administrator = Caller(api, sign_in(issuer, "admin@instaview.example"), **WHY)
    administrator.data(200, "GET", f"/api-keys?companyId={company}")
    eventually(
        "the administrator's record",
        lambda: owner.data(200, "GET", "/audit-events?type=admin.accessed")["items"],
        0.2,
    )
    eventually(
        "the suspended key's usage",
        lambda: owner.data(200, "GET", f"/api-keys/{suspended['id']}/usage")["totals"]["accepted"],
        0.2,
    )
    invitation = eventually("the invitation", lambda: mailed(api), 0.2)
    cursor = demo.data(200, "GET", "/jobs?limit=5")["pagination"]["nextCursor"]
    dev(api, "checkpoints")
    totals = {path: demo.data(200, "GET", path)["pagination"]["total"] for path in LISTS}
    totals |= {path: owner.data(200, "GET", path)["pagination"]["total"] for path in PEOPLES_LISTS}
    return {
        "at": now,
        "issuerUrl": issuer,
        "companyId": company,
        "demoKey": facts["demoKey"],
        "demoAtsKey": facts["demoAtsKey"],
        "suspendedKey": suspended["key"],
        "narrowKey": narrow["key"],
        "rotatedKeys": [rotated["key"], newer["key"]],
        "denial": denial,
        "invitation": invitation,
        "cursor": cursor,
        "once": {"key": "upgrade-1", "body": json.dumps(JOB), "jobId": job["id"]},
        "interviewId": interview["id"],
        "totals": totals,
        "events": owner.data(200, "GET", "/audit-events")["pagination"]["total"],
    }


def main(name, binary):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, info = folder / "data", folder / "info.json"
        command = [binary, "--data-dir", data, "--info-file", info]
        with running("local", command, folder / "local.log") as process:
            # The default ports: a person is who signs in at this address.
            facts = eventually("the facts", lambda: process.poll() is None and info.exists() and json.loads(info.read_text()), 0.1)
            told = story(facts)
            process.terminate()
            if process.wait(20):
                raise Failure("the system did not stop")
            # As `running` wants it: it is to end by itself only here.
            process.poll = lambda: None
        (data / "story.json").write_text(json.dumps(told, indent=1) + "\n")
        target = HERE / f"{name}.tar.gz"
        subprocess.check_call(["tar", "-C", data, "--exclude=./lock", "--sort=name", "-czf", target, "."])
        print(target, target.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve())

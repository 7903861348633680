#!/usr/bin/env python3
"""Holds the running product against its own document, `infra/openapi.json`.

Schemathesis sends what the document allows, and what it does not, with each kind of credential: no answer may be a 5xx, have a status, a header or a body that the document does not describe.
Then a Python client is generated from the document, compiled, and lists jobs.

Needs cargo, schemathesis and openapi-python-client on the PATH.
"""

import compileall
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from local_system import ROOT, Caller, Failure, local_system, sign_in

DOCUMENT = ROOT / "infra" / "openapi.json"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Seconds for each kind of caller, so that all of them take less than three minutes.
BUDGET = int(os.environ.get("SECONDS_PER_CALLER", "25"))
# It would end the key that the run goes on with.
ENDS_THE_KEY = "RevokeOwnApiKey"
# People and ATS keys have 600 requests a minute, and answers to more say nothing new.
RATE = f"{550 // BUDGET}/s"


def operations(scheme):
    """The ids of the operations that a credential of this kind may call, or that need none."""
    paths = json.loads(DOCUMENT.read_text())["paths"].values()
    for operation in (operation for path in paths for operation in path.values()):
        security = operation["security"]
        if not security or any(scheme in way for way in security):
            yield operation["operationId"]


def fuzz(folder, api, who, credential=None, only=None, without=(), query=None, rate=None, headers=()):
    config = folder / f"{who}.toml"
    parameters = "".join(f'"query.{name}" = "{value}"\n' for name, value in (query or {}).items())
    config.write_text(f"[parameters]\n{parameters}")
    command = ["schemathesis", "--config-file", config, "--no-color", "run", DOCUMENT, "--url", api]
    command += ["--checks", ",".join(CHECKS), "--max-time", str(BUDGET), "--continue-on-failure"]
    # What it warns of is how far it got, not what is wrong.
    command += ["--max-examples", "25", "--warnings", "off"]
    if credential:
        headers = [f"Authorization: Bearer {credential}", *headers]
    for header in headers:
        command += ["--header", header]
    if rate:
        command += ["--rate-limit", rate]
    for operation in only or ():
        command += ["--include-operation-id", operation]
    for operation in without:
        command += ["--exclude-operation-id", operation]
    # It keeps its findings where it runs.
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        raise Failure(f"schemathesis with {who}:\n{run.stdout}\n{run.stderr}")
    cases = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    if not cases or int(cases[1]) < 100:
        raise Failure(f"schemathesis with {who} tried next to nothing:\n{run.stdout}")
    print(f"{who}: {cases[0]}")


def generated_client(folder, api, key):
    """Whoever generates a client gets one that works."""
    package = folder / "client"
    command = ["openapi-python-client", "generate", "--meta", "none"]
    command += ["--path", DOCUMENT, "--output-path", package, "--fail-on-warning"]
    subprocess.run(command, cwd=folder, check=True)
    if not compileall.compile_dir(package, quiet=1):
        raise Failure("the generated client does not compile")
    script = (
        "import sys\n"
        "from client import AuthenticatedClient\n"
        "from client.api.jobs import list_jobs\n"
        "with AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], raise_on_unexpected_status=True) as client:\n"
        "    page = list_jobs.sync(client=client, limit=5)\n"
        "    for job in page.data.items: print(job.id, job.title)\n"
    )
    listed = subprocess.check_output(
        [pathlib.Path(sys.executable), "-c", script, api, key], cwd=folder, text=True
    )
    found = Caller(api, key).data(200, "GET", "/jobs?limit=5")["items"]
    expected = "".join(f"{job['id']} {job['title']}\n" for job in found)
    if not found or listed != expected:
        raise Failure(f"the generated client lists {listed!r} instead of {expected!r}")
    print(f"generated client: {len(found)} jobs")


def main():
    subprocess.run(["cargo", "build", "--locked", "--bin", "local"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="instaview-document-") as folder:
        folder = pathlib.Path(folder)
        with local_system(folder, "--ephemeral", "--demo-rate-limit", "30000/1000000") as facts:
            api, key = facts["apiUrl"], facts["demoKey"]
            owner = sign_in(facts["issuerUrl"], "owner@acme.example")
            generated_client(folder, api, key)
            people = list(operations("person"))
            fuzz(folder, api, "nobody")
            fuzz(folder, api, "a key", key, without=[ENDS_THE_KEY])
            acme = {"companyId": facts["companies"][0]["id"]}
            fuzz(folder, api, "an ATS key", facts["demoAtsKey"], without=[ENDS_THE_KEY], query=acme, rate=RATE)
            fuzz(folder, api, "a person", owner, only=people, rate=RATE)
            boss = sign_in(facts["issuerUrl"], "admin@instaview.example")
            reason = ["X-Admin-Reason: To see what the document says"]
            fuzz(folder, api, "an administrator", boss, only=people, query=acme, rate=RATE, headers=reason)


if __name__ == "__main__":
    try:
        main()
    except (Failure, subprocess.CalledProcessError) as failure:
        sys.exit(f"document: {failure}")

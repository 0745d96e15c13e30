"""A small real control plane over HTTP: believes the agent's signature, keeps its events, hands out secrets."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import OKPKey

from agent.credentials.enrolment import Enrolment
from agent.credentials.tokens import _REGISTRY, Claim, sign
from tests.agent.support import wait_until

SERVER_ID = "srv-1"
Answer = tuple[int, dict[str, Any]]


@dataclass
class ControlPlane:
    """What it was told, and what it answers; tests replace ``on_events`` to lose or double acknowledgements."""

    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519"))
    agent_key: OKPKey | None = None
    events: dict[int, dict[str, Any]] = field(default_factory=dict)
    received: list[tuple[float, list[int]]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    secret_requests: list[dict[str, Any]] = field(default_factory=list)
    agent_url: str = ""
    url: str = ""
    on_events: Callable[[list[dict[str, Any]]], Answer | None] | None = None

    def enrolment(self) -> Enrolment:
        pem = self.key.as_pem(private=False).decode()
        return Enrolment(server_id=SERVER_ID, control_plane_url=self.url, control_plane_public_key=pem)

    # What the agent asks
    def take(self, path: str, token: str, raw: bytes) -> Answer:
        operation = {"/v1/agent-events": "events.push", "/v1/agent-secrets": "secrets.fetch"}[path]
        assert self.agent_key is not None
        claims = jwt.decode(token, self.agent_key, registry=_REGISTRY).claims
        said = {name: claims[name] for name in ("iss", "aud", "op", "body_sha256")}
        expected = {
            "iss": SERVER_ID,
            "aud": "press",
            "op": operation,
            "body_sha256": hashlib.sha256(raw).hexdigest(),
        }
        assert said == expected
        body = json.loads(raw)
        return self.take_events(body["events"]) if operation == "events.push" else self.give_secrets(body)

    def take_events(self, events: list[dict[str, Any]]) -> Answer:
        if self.on_events is not None and (answer := self.on_events(events)) is not None:
            return answer
        self.received.append((time.time(), [event["seq"] for event in events]))
        self.events |= {event["seq"]: event for event in events}
        return 200, {"acknowledged": max(self.events)}

    def give_secrets(self, body: dict[str, Any]) -> Answer:
        self.secret_requests.append(body)
        if not all(ref in self.secrets for ref in body["refs"]):
            return 403, {"code": "secret_refused"}
        return 200, {"secrets": {ref: self.secrets[ref] for ref in body["refs"]}}

    # What it asks the agent
    def put(
        self,
        operation: str,
        target: str,
        params: dict[str, Any],
        *,
        job_id: str | None = None,
        seconds: float = 60,
    ) -> requests.Response:
        job_id = job_id or str(uuid.uuid4())
        deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        body = {
            "operation": operation,
            "target": target,
            "params": params,
            "deadline": deadline,
            "correlation_id": "c-1",
        }
        return self.ask("PUT", f"/v1/jobs/{job_id}", operation, json.dumps(body).encode(), job_id)

    def get(self, path: str, operation: str) -> requests.Response:
        return self.ask("GET", path, operation)

    def ask(
        self, method: str, path: str, operation: str, body: bytes = b"", job_id: str | None = None
    ) -> requests.Response:
        claim = Claim(issuer="press", audience=SERVER_ID, operation=operation, body=body, job_id=job_id)
        headers = {"Authorization": f"Bearer {sign(self.key, claim, datetime.now(UTC))}"}
        return requests.request(method, self.agent_url + path, data=body, headers=headers, timeout=30)

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/jobs/{job_id}", "jobs.read")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def heard(self, job_id: str) -> dict[str, Any] | None:
        """The job's newest snapshot among the pushed events."""
        of_job = [event for seq, event in sorted(self.events.copy().items()) if event["job_id"] == job_id]
        return of_job[-1]["job"] if of_job else None

    def wait_for(self, job_id: str, seconds: float = 30) -> dict[str, Any]:
        """Wait until the agent has pushed the end of the job."""

        def is_finished() -> bool:
            job = self.heard(job_id)
            return job is not None and job["finished_at"] is not None

        wait_until(is_finished, seconds, f"job {job_id} did not end: {self.heard(job_id)}")
        job = self.heard(job_id)
        assert job is not None
        return job

    def do(self, operation: str, target: str, params: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Send a job and wait for its end."""
        answer = self.put(operation, target, params, **options)
        assert answer.status_code in {200, 202}, answer.text
        return self.wait_for(answer.json()["id"])


@contextmanager
def serving(plane: ControlPlane) -> Iterator[ControlPlane]:
    """Serve the control plane on a free port for the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status, body = plane.take(self.path, self.headers["Authorization"].removeprefix("Bearer "), raw)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        plane.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield plane
        finally:
            server.shutdown()
            thread.join()

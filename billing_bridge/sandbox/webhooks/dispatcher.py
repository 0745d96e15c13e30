"""Delivers stored webhooks: in parallel, in no promised order, three times at most."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Lock, Thread, local
from typing import Any

import requests
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing_bridge.sandbox.clock import Clock
from billing_bridge.sandbox.config import Settings
from billing_bridge.sandbox.outbox import Webhook
from billing_bridge.sandbox.rules.deliveries import OPEN, SUCCESS, DeliveryStep, wait_seconds
from billing_bridge.sandbox.store import Store, get_setting
from billing_bridge.sandbox.timefmt import iso_ms
from billing_bridge.sandbox.webhooks.json_text import rails_json
from billing_bridge.sandbox.webhooks.payloads import build_payload
from billing_bridge.sandbox.webhooks.signing import Signer

REVERSE_WINDOW = 0.3
"""Seconds to collect webhooks before they are sent last first."""
REVERSE_MOST = 500
"""How many of them at once."""
IDLE = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Parcel:
    """Everything one attempt needs; the key and the algorithm are read anew for each."""

    url: str
    body: bytes
    headers: dict[str, str]


class Dispatcher:
    """One thread that looks for due webhooks, and workers that send them."""

    def __init__(self, *, store: Store, clock: Clock, settings: Settings, signer: Signer) -> None:
        self._store, self._clock, self._settings, self._signer = store, clock, settings, signer
        self._random = random.SystemRandom()
        self._bell, self._stopping = Event(), Event()
        self._in_flight: set[str] = set()
        self._guard = Lock()
        self._local = local()
        self._pool = ThreadPoolExecutor(settings.webhook_workers, thread_name_prefix="webhook")
        self._thread = Thread(target=self._run, name="webhook-dispatcher", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier run left unsent."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the attempts under way; the rest waits in the store."""
        self._stopping.set()
        self._bell.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Something new may be due."""
        self._bell.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            self._submit_due()
            self._bell.wait(self._pause())

    def _submit_due(self) -> None:
        """Hand out no more than the workers can take soon: the rest waits in the store."""
        with self._store.transaction() as session:
            chaos = get_setting(session, "chaos")
            due = self._claim(session, 2 * self._settings.webhook_workers)
        if chaos.get("reverse") and due:
            self._stopping.wait(REVERSE_WINDOW)
            with self._store.transaction() as session:
                due += self._claim(session, REVERSE_MOST)
            self._pool.submit(self._attempt_all, list(reversed(due)), chaos)
            return
        for key in due:
            self._pool.submit(self._attempt_all, [key], chaos)

    def _claim(self, session: Session, most: int) -> list[str]:
        with self._guard:
            query = select(Webhook.id).where(
                Webhook.state.in_(OPEN),
                Webhook.next_attempt_at <= self._clock.machine_seconds(),
                Webhook.id.not_in(self._in_flight),
            )
            room = max(0, most - len(self._in_flight))
            keys = list(session.scalars(query.order_by(Webhook.sequence).limit(room)))
            self._in_flight.update(keys)
        return keys

    def _pause(self) -> float:
        """Seconds until the next retry is due; workers that run dry ring the bell themselves."""
        now = self._clock.machine_seconds()
        query = select(func.min(Webhook.next_attempt_at)).where(
            Webhook.state.in_(OPEN), Webhook.next_attempt_at > now
        )
        with self._store.transaction() as session:
            following = session.scalar(query)
        return IDLE if following is None else min(IDLE, following - now)

    def _attempt_all(self, keys: list[str], chaos: dict[str, Any]) -> None:
        for key in keys:
            try:
                self._stopping.wait(float(chaos.get("delay_ms", 0)) / 1000)
                self._attempt(key, copies=2 if chaos.get("duplicate") else 1)
            except Exception as error:
                log.exception("webhook attempt broke off; it counts as failed", unique_key=key)
                self._record(key, {"http_status": None, "error": f"{type(error).__name__}: {error}"})
            finally:
                self._let_go(key)

    def _let_go(self, key: str) -> None:
        with self._guard:
            self._in_flight.discard(key)
            runs_dry = len(self._in_flight) < self._settings.webhook_workers
        if runs_dry:
            self._bell.set()

    def _attempt(self, key: str, *, copies: int) -> None:
        parcel = self._pack(key)
        if parcel is None:
            return
        results = [self._post(parcel) for _ in range(copies)]
        self._record(key, results[0])

    def _pack(self, key: str) -> Parcel | None:
        """Build the body now, store it, and sign it; None when the endpoint was deleted meanwhile."""
        with self._store.transaction() as session:
            webhook = session.scalar(select(Webhook).where(Webhook.id == key))
            if webhook is None:
                return None
            if webhook.payload is None:
                today = self._clock.now(session).date()
                webhook.payload = rails_json(build_payload(session, webhook, self._settings, today))
            algorithm = webhook.endpoint.signature_algo
            headers = {
                "Content-Type": "application/json",
                "X-Lago-Signature": self._signer.sign(algorithm, webhook.payload),
                "X-Lago-Signature-Algorithm": algorithm,
                "X-Lago-Unique-Key": webhook.id,
            }
            return Parcel(webhook.endpoint.webhook_url, webhook.payload.encode(), headers)

    def _post(self, parcel: Parcel) -> dict[str, Any]:
        try:
            answer = self._http.post(
                parcel.url,
                data=parcel.body,
                headers=parcel.headers,
                timeout=self._settings.webhook_timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return {"http_status": None, "error": f"{type(error).__name__}: {error}"}
        return {"http_status": answer.status_code, "error": None}

    @property
    def _http(self) -> requests.Session:
        """One session per worker thread; proxies of the environment are not for loopback."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            self._local.session = session
        return session

    def _record(self, key: str, result: dict[str, Any]) -> None:
        with self._store.transaction() as session:
            webhook = session.scalar(select(Webhook).where(Webhook.id == key))
            if webhook is None:
                return
            webhook.attempts = [*webhook.attempts, {"at": iso_ms(self._clock.now(session)), **result}]
            webhook.next_attempt_at = None
            if result["http_status"] in SUCCESS:
                webhook.apply(DeliveryStep.DELIVER)
            elif len(webhook.attempts) >= self._settings.webhook_attempts:
                webhook.apply(DeliveryStep.GIVE_UP)
            else:
                webhook.apply(DeliveryStep.POSTPONE)
                webhook.next_attempt_at = self._clock.machine_seconds() + self._wait(len(webhook.attempts))

    def _wait(self, attempt: int) -> float:
        return wait_seconds(attempt, self._random.random(), self._settings.webhook_wait_scale)

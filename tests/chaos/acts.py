"""What is done to a tenant while it is hurt: each operation as a customer or operator asks for it, and its wanted end."""

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from press_app.cli.failures import CommandFailed
from tests.bench.stock import count_ready
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant
from tests.factories.processes import wait_until

PARTY = "Survivor"
AWAY = frozenset({"api_unreachable", "internal_error", "database_busy", "busy", "site_state", "not_in_time"})
PATIENCE = 60.0


@dataclass
class Patient:
    """One tenant with data in its ERP, and what must stand of it."""

    tenant: Tenant
    invoice: str = ""
    backup: str = ""
    """The newest backup that was asked for."""
    job: str = ""
    site_id: str = ""
    link: str = ""
    settings: dict[str, int] = field(default_factory=dict)
    """Those that were asked for last."""
    has_party: bool = False
    history: list[str] = field(default_factory=list)
    """What was done so far."""

    @property
    def marks(self) -> list[str]:
        """Texts that name it in what programs write."""
        return [self.tenant.mark, self.site_id] if self.site_id else [self.tenant.mark]

    @property
    def site_path(self) -> str:
        return f"/v1/sites/{self.site_id}"

    def is_seen(self, status: str, answer: int) -> bool:
        """Its one site is in this state, and visitors get this answer."""
        sites = self.tenant.sites
        self.site_id = str(sites[0]["id"]) if sites else self.site_id
        return len(sites) == 1 and sites[0]["status"] == status and self.tenant.look() == answer

    def has_data(self) -> bool:
        """The party stands in the ERP; it is made where none was yet."""
        person = self.tenant.log_in()
        if not self.has_party:
            person.add_party(PARTY)
            self.has_party = True
        return len(person.find_parties(PARTY)) == 1

    def list_backups(self) -> dict[str, dict[str, Any]]:
        backups = self.tenant.platform.api.list_all(f"{self.site_path}/backups")
        return {str(backup["id"]): backup for backup in backups}


def admit(platform: Platform) -> Patient:
    """A customer whom nobody knew, with a connection of his own."""
    own = Platform(platform.paths, platform.urls)
    mark = f"kill-{secrets.token_hex(4)}"
    own.lago.add_customer(mark, name=mark, email=f"owner@{mark}.example")
    return Patient(Tenant(own, mark))


@dataclass(frozen=True)
class Act:
    """One operation: how it is begun, and whether it has come to its wanted end."""

    name: str
    begin: Callable[[Patient], None]
    is_done: Callable[[Patient], bool]
    needs: str
    """State of the site before it: ``none``, ``active``, ``suspended``, ``archived``."""
    leads_to: str

    @property
    def leaves_open(self) -> bool:
        """Whether the data can be asked for after it."""
        return self.leads_to == "active"


def insist(act: Callable[[], Any]) -> Any:
    """Ask until somebody answers: an answer that was lost is no answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except (CommandFailed, requests.RequestException) as failure:
            if time.monotonic() > deadline or (
                isinstance(failure, CommandFailed) and failure.code not in AWAY
            ):
                raise
            time.sleep(0.2)


def _subscribe(patient: Patient) -> None:
    patient.tenant.subscribe()


def _is_open(patient: Patient) -> bool:
    return patient.is_seen("active", 200)


def _fail_payment(patient: Patient) -> None:
    patient.invoice = patient.tenant.fail_payment()


def _is_closed(patient: Patient) -> bool:
    return patient.is_seen("suspended", 402)


def _pay(patient: Patient) -> None:
    patient.tenant.platform.lago.set_payment(patient.invoice, "succeeded")


def _terminate(patient: Patient) -> None:
    patient.tenant.terminate()


def _is_archived(patient: Patient) -> bool:
    release_guard(patient.tenant.platform)
    is_away = patient.is_seen("archived", 404)
    return is_away and any(backup["verified_at"] for backup in patient.list_backups().values())


def _ask_for_link(patient: Patient) -> None:
    key, path = str(uuid.uuid4()), f"{patient.site_path}/login-links"
    patient.link = insist(lambda: patient.tenant.platform.api.post(path, key=key))["id"]


def _is_let_in(patient: Patient) -> bool:
    """The link that was asked for can be used; using it ends it, so that is left to the look at the data."""
    link = patient.tenant.platform.api.get(f"{patient.site_path}/login-links/{patient.link}")
    return bool(link["url"]) and patient.is_seen("active", 200)


def release_guard(platform: Platform) -> None:
    """Many tests end many subscriptions; the guard against that is lifted as an operator would."""
    try:
        if platform.api.get("/v1/termination-guard")["is_tripped"]:
            platform.api.post("/v1/termination-guard/release")
    except CommandFailed as failure:
        if failure.code not in {"guard_not_tripped", *AWAY}:
            raise


def _order_backup(patient: Patient) -> None:
    key, path = str(uuid.uuid4()), f"{patient.site_path}/backups"
    patient.backup = insist(lambda: patient.tenant.platform.api.post(path, key=key))["id"]


def _is_backed_up(patient: Patient) -> bool:
    backup = patient.list_backups().get(patient.backup)
    return bool(backup and backup["verified_at"]) and patient.is_seen("active", 200)


def _order_restore(patient: Patient) -> None:
    key, path = str(uuid.uuid4()), f"{patient.site_path}/restores"
    body = {"backup_id": patient.backup}
    patient.job = insist(lambda: patient.tenant.platform.api.post(path, body, key=key))["job_id"]


def _is_restored(patient: Patient) -> bool:
    job = patient.tenant.platform.api.get(f"/v1/jobs/{patient.job}")
    return job["status"] == "succeeded" and _is_open(patient)


def _order_settings(patient: Patient) -> None:
    key, path = str(uuid.uuid4()), f"{patient.site_path}/config"
    patient.settings = {"session_idle_minutes": secrets.randbelow(40_000) + 1}
    body = {"config": patient.settings}
    patient.job = insist(lambda: patient.tenant.platform.api.put(path, body, key=key))["job_id"]


def _is_set(patient: Patient) -> bool:
    """The host took them, and the site serves as before."""
    found = patient.tenant.platform.api.get(f"{patient.site_path}/config")["config"]
    return found == patient.settings and _is_open(patient)


ACTS = (
    Act("create", _subscribe, _is_open, "none", "active"),
    Act("login", _ask_for_link, _is_let_in, "active", "active"),
    Act("backup", _order_backup, _is_backed_up, "active", "active"),
    Act("restore", _order_restore, _is_restored, "active", "active"),
    Act("settings", _order_settings, _is_set, "active", "active"),
    Act("suspend", _fail_payment, _is_closed, "active", "suspended"),
    Act("resume", _pay, _is_open, "suspended", "active"),
    Act("archive", _terminate, _is_archived, "active", "archived"),
    Act("undo", _subscribe, _is_open, "archived", "active"),
)
"""In an order in which one tenant can play them all."""


def _subscribe_once_a_spare_stands(patient: Patient) -> None:
    platform = patient.tenant.platform
    wait_until(lambda: bool(insist(partial(count_ready, platform))), seconds=PATIENCE, what="a spare")
    patient.tenant.subscribe()


TAKE = Act("take a spare", _subscribe_once_a_spare_stands, _is_open, "none", "active")
"""A create on a platform that keeps spares; on any other there is none to wait for."""

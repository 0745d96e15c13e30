"""Customers of the platform under test: they subscribe, and their sites are looked at from outside."""

import secrets
from dataclasses import dataclass
from typing import Any

from press_app.cli.demo.person import Person, log_in_by_link
from press_app.cli.failures import CommandFailed
from press_app.cli.sites import make_login_link
from tests.e2e.platform import Platform
from tests.factories.processes import wait_until

SECONDS = 60.0
AWAY = frozenset({"api_unreachable", "internal_error", "database_busy"})


@dataclass(frozen=True)
class Tenant:
    """One customer with one subscription."""

    platform: Platform
    mark: str

    @property
    def external_id(self) -> str:
        return f"{self.mark}-erp"

    @property
    def hostname(self) -> str:
        return f"{self.mark}.localhost"

    def subscribe(self) -> None:
        self.platform.lago.subscribe(self.mark, self.external_id, plan="starter", name=self.mark)

    def terminate(self) -> None:
        self.platform.lago.terminate(self.external_id)

    def read(self) -> dict[str, Any] | None:
        """The subscription as the control plane holds it; None while it is not known, or nobody answers."""
        try:
            found: dict[str, Any] = self.platform.api.get(f"/v1/subscriptions/{self.external_id}")
        except CommandFailed as failure:
            if failure.code not in {"subscription_unknown", *AWAY}:
                raise
            return None
        return found

    @property
    def sites(self) -> list[dict[str, Any]]:
        subscription = self.read()
        return subscription["sites"] if subscription else []

    @property
    def status(self) -> str | None:
        return next((str(site["status"]) for site in self.sites), None)

    def wait_for(self, *statuses: str, seconds: float = SECONDS) -> str:
        """Until its site is in one of the states; which one."""
        wait_until(
            lambda: self._is(statuses), seconds=seconds, what=f"{self.hostname} {' or '.join(statuses)}"
        )
        return self.status or ""

    def _is(self, statuses: tuple[str, ...]) -> bool:
        self._let_end(statuses)
        return self.status in statuses

    def _let_end(self, statuses: tuple[str, ...]) -> None:
        """Many tests end many subscriptions; the guard against that is lifted as an operator would."""
        if "archived" in statuses:
            try:
                if self.platform.api.get("/v1/termination-guard")["is_tripped"]:
                    self.platform.api.post("/v1/termination-guard/release")
            except CommandFailed as failure:
                if failure.code not in {"guard_not_tripped", *AWAY}:
                    raise

    def look(self) -> int:
        """What a visitor gets."""
        return self.platform.visitor(self.hostname).look()

    def wait_seen(self, status: int, *, seconds: float = SECONDS) -> None:
        wait_until(lambda: self.look() == status, seconds=seconds, what=f"{status} at {self.hostname}")

    def log_in(self) -> Person:
        link = make_login_link(self.platform.api, self.sites[0]["id"])
        return log_in_by_link(self.platform.visitor(self.hostname), link["url"])

    def fail_payment(self) -> str:
        """Let the newest invoice stay unpaid; its id."""
        wait_until(lambda: self.platform.lago.find_invoice(self.mark), seconds=SECONDS, what="an invoice")
        invoice = self.platform.lago.find_invoice(self.mark)
        assert invoice is not None
        self.platform.lago.set_payment(invoice, "failed")
        return invoice


class Tenants:
    """Makes customers."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def new(self) -> Tenant:
        """A customer whom nobody knew, without subscription."""
        mark = f"e2e-{secrets.token_hex(4)}"
        self._platform.lago.ensure_plan("starter")
        self._platform.lago.add_customer(mark, name=mark, email=f"owner@{mark}.example")
        return Tenant(self._platform, mark)

    def active(self) -> Tenant:
        """A customer whose site runs."""
        tenant = self.new()
        tenant.subscribe()
        tenant.wait_for("active")
        return tenant

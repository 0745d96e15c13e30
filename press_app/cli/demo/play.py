"""One customer's life: starts, does not pay, pays, leaves, comes back. Each promise is seen from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from press_app.cli.api_client import Api
from press_app.cli.demo.journal import Journal
from press_app.cli.demo.lago import Lago
from press_app.cli.demo.person import Person, log_in_by_link
from press_app.cli.demo.visitor import Visitor
from press_app.cli.failures import CommandFailed
from press_app.cli.sites import make_login_link, wait_for_status
from press_app.cli.watching import watch

OK, PAYMENT_REQUIRED, NOT_FOUND = 200, 402, 404
LOOK_SECONDS = 0.05
APPEAR_SECONDS = 0.1


@dataclass
class Tenant:
    """Who is played: one customer with one subscription, under names that nobody had before."""

    mark: str
    plan: str
    site: dict[str, Any] = field(default_factory=dict)

    @property
    def customer(self) -> str:
        return f"demo-{self.mark}"

    @property
    def external_id(self) -> str:
        return f"demo-{self.mark}-erp"

    @property
    def party(self) -> str:
        return f"Demo Party {self.mark}"


@dataclass
class Play:
    """The real programs, and what was promised of them. ``seconds`` bounds each wait."""

    api: Api
    lago: Lago
    journal: Journal
    tenant: Tenant
    edge_url: str | None
    seconds: float
    login_seconds: float | None = None
    """From the moment the subscription is asked for to the proven login."""

    def create(self) -> None:
        """A subscription starts, and its ERP can be used."""
        tenant = self.tenant
        with self.journal.step("customer", "Customer and plan in Lago"):
            self.lago.ensure_plan(tenant.plan)
            self.lago.add_customer(
                tenant.customer, name=f"Demo {tenant.mark}", email=f"owner@{tenant.customer}.example"
            )
        start = time.monotonic()
        with self.journal.step("active", "Subscription started → site active"):
            self.lago.subscribe(tenant.customer, tenant.external_id, plan=tenant.plan, name=tenant.customer)
            tenant.site = self._wait_for_site()
        with self.journal.step("login", "Logged in through the edge with a one-time link") as step:
            person = self._log_in()
            self.login_seconds = round(time.monotonic() - start, 3)
            step.detail = f"{self.login_seconds:.2f} s after the subscription was asked for"
        with self.journal.step("data", "A party is created in the ERP"):
            person.add_party(tenant.party)

    def suspend_and_resume(self) -> None:
        """An unpaid invoice closes the site, its payment opens it, and the data stand."""
        with self.journal.step("unpaid", "Payment failed → 402 at the edge"):
            invoice = self._wait_for_invoice()
            self.lago.set_payment(invoice, "failed")
            self._see(PAYMENT_REQUIRED)
        with self.journal.step("held", "The control plane says suspended, with its reason"):
            self.tenant.site = wait_for_status(self.api, self.tenant.site["id"], "suspended", self.seconds)
            _require(bool(self.tenant.site["holds"]), "The site is suspended, but no hold says why.")
        with self.journal.step("paid", "Paid → 200 again"):
            self.lago.set_payment(invoice, "succeeded")
            self._see(OK)
            self.tenant.site = wait_for_status(self.api, self.tenant.site["id"], "active", self.seconds)
        with self.journal.step("kept", "The party is still there"):
            self._find_party()

    def leave_and_return(self) -> None:
        """The end makes a verified backup and an empty host; a new start brings the data back."""
        tenant = self.tenant
        with self.journal.step("archived", "Terminated → backed up, verified, archived"):
            self.lago.terminate(tenant.external_id)
            tenant.site = self._wait_until_archived()
        with self.journal.step("backup", "The backup was read back") as step:
            step.detail = self._check_backup()
        with self.journal.step("gone", "404 at the edge"):
            self._see(NOT_FOUND)
        with self.journal.step("undone", "Subscribed again → the archive is undone"):
            self.lago.subscribe(tenant.customer, tenant.external_id, plan=tenant.plan, name=tenant.customer)
            tenant.site = wait_for_status(self.api, tenant.site["id"], "active", self.seconds)
            self._see(OK)
        with self.journal.step("back", "The party is back"):
            self._find_party()

    def pay(self) -> None:
        """Pay whatever is billed, so that a tenant who stays is not suspended later."""
        with self.journal.step("settled", "Invoices paid"):
            self._wait_for_invoice()
            for invoice in self.lago.list_invoices(self.tenant.customer):
                self.lago.set_payment(invoice, "succeeded")

    def clean_up(self) -> None:
        """End it for good; its backup stays for as long as an archive can be undone."""
        with self.journal.step("cleaned", "Cleaned up: ended and archived"):
            self.lago.terminate(self.tenant.external_id)
            self._wait_until_archived()

    def describe(self) -> dict[str, Any]:
        """What programs read."""
        site = self.tenant.site
        return {
            "site_id": site.get("id"),
            "name": site.get("name"),
            "hostname": site.get("hostname"),
            "url": site.get("url"),
            "team_id": site.get("team_id"),
            "customer": self.tenant.customer,
            "external_id": self.tenant.external_id,
            "login_seconds": self.login_seconds,
            "steps": self.journal.describe(),
        }

    def make_link(self) -> str:
        """A login link for a person."""
        return str(make_login_link(self.api, self.tenant.site["id"])["url"])

    def _wait_for_site(self) -> dict[str, Any]:
        """The site of the subscription once it is active; it may not even be known yet."""
        found = self._poll(self._find_site, "No site of the subscription appeared")
        return watch(
            self.api,
            lambda: self.api.get(f"/v1/sites/{found['id']}"),
            subject=f"site:{found['id']}",
            until=_is_active,
            seconds=self.seconds,
        )

    def _wait_until_archived(self) -> dict[str, Any]:
        """Raises :class:`CommandFailed`; it says so when too many ends at once wait for an operator."""
        try:
            return wait_for_status(self.api, self.tenant.site["id"], "archived", self.seconds)
        except CommandFailed as failure:
            if not self.api.get("/v1/termination-guard")["is_tripped"]:
                raise
            message = "Too many subscriptions ended within the hour, so nothing is archived: see 'press billing guard'."
            raise CommandFailed(message, code="guard_tripped") from failure

    def _find_site(self) -> dict[str, Any] | None:
        try:
            subscription = self.api.get(f"/v1/subscriptions/{self.tenant.external_id}")
        except CommandFailed as failure:
            if failure.context.get("http_status") == NOT_FOUND:
                return None
            raise
        return next(iter(subscription["sites"]), None)

    def _wait_for_invoice(self) -> str:
        return str(
            self._poll(lambda: self.lago.find_invoice(self.tenant.customer), "Lago made no finalized invoice")
        )

    def _poll(self, find: Callable[[], Any], otherwise: str) -> Any:
        deadline = time.monotonic() + self.seconds
        while (found := find()) is None:
            if time.monotonic() > deadline:
                raise CommandFailed(f"{otherwise} within {self.seconds:.0f} s.", code="not_in_time")
            time.sleep(APPEAR_SECONDS)
        return found

    def _visitor(self) -> Visitor:
        url = str(self.tenant.site["url"])
        return Visitor(url, self.edge_url or url)

    def _see(self, status: int) -> None:
        """Look through the edge until it answers so. Raises :class:`CommandFailed` with what it answered last."""
        visitor = self._visitor()
        deadline = time.monotonic() + self.seconds
        while (seen := visitor.look()) != status:
            if time.monotonic() > deadline:
                message = f"The edge still answers {seen}, not {status}, after {self.seconds:.0f} s."
                raise CommandFailed(message, code="edge_answers_otherwise", seen=seen)
            time.sleep(LOOK_SECONDS)

    def _log_in(self) -> Person:
        return log_in_by_link(self._visitor(), self.make_link())

    def _find_party(self) -> None:
        found = self._log_in().find_parties(self.tenant.party)
        _require(found == [self.tenant.party], f"The party {self.tenant.party} is not there: {found}.")

    def _check_backup(self) -> str:
        backups = self.api.list_all(f"/v1/sites/{self.tenant.site['id']}/backups")
        verified = [backup for backup in backups if backup["verified_at"]]
        _require(bool(verified), "No verified backup stands, though the site is archived.")
        return f"{verified[0]['size_bytes']} bytes, verified at {verified[0]['verified_at']}"


def _is_active(site: dict[str, Any]) -> bool:
    if site["status"] == "broken":
        reason = (site.get("error") or {}).get("message", "no reason was given")
        raise CommandFailed(f"{site['name']} is broken: {reason}", code="site_broken")
    return bool(site["status"] == "active")


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise CommandFailed(otherwise, code="promise_broken")

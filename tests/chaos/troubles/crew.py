"""Customers who keep a platform busy while it is hurt, and what must have become of them."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from press_app.cli.failures import CommandFailed
from scripts.bringup.errors import UpError
from tests.chaos.cells import Cell, Ending
from tests.chaos.truth import list_broken
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants
from tests.factories.processes import wait_until

CONVERGED = 240.0
"""Seconds after the fault is over until it is called lost."""
LOOK_EVERY = 0.25
BEGUN = 5.0
ERRORS = (CommandFailed, AssertionError, OSError, UpError, sqlite3.Error, subprocess.SubprocessError)
NOT_YET = (CommandFailed, requests.RequestException)


@dataclass(frozen=True)
class Act:
    """One operation under way."""

    operation: str
    tenant: Tenant
    moment: str = "while it runs"


@dataclass
class Member:
    """A customer with data of which we know, and the state in which the last round left him."""

    tenant: Tenant
    is_away: bool = False
    """Suspended or archived: he owes money, or has left."""
    lost: set[str] = field(default_factory=set)
    """Data written after the backup that was put back."""
    kept: set[str] = field(default_factory=set)

    def write(self, name: str) -> None:
        self.tenant.log_in().add_party(name)
        self.kept.add(name)

    def list_missing(self) -> list[str]:
        """What is not as it should be in the ERP; nothing is asked of a site that is closed."""
        if self.is_away:
            return []
        person = self.tenant.log_in()
        found = {name: len(person.find_parties(name)) for name in self.kept | self.lost}
        return [
            f"{self.tenant.hostname} has {count} times {name!r}, right is {int(name in self.kept)}."
            for name, count in found.items()
            if count != int(name in self.kept)
        ]


class Crew:
    """Five customers; each round begins a create, an archive or undo, a suspend or resume, a backup or restore.

    Only faults for which ``is_wanted`` are played.
    """

    def __init__(self, platform: Platform, is_wanted: Callable[[str], bool] = lambda _: True) -> None:
        self.platform = platform
        self.is_wanted = is_wanted
        self._tenants = Tenants(platform)
        self._rounds = 0
        self._invoice = ""
        self._backup = ""
        with ThreadPoolExecutor(2) as pool:
            hired = list(pool.map(lambda _: self._hire(), range(5)))
        self.bystander, self.payer, self.leaver, self.keeper, self.newest = hired

    @property
    def members(self) -> list[Member]:
        return [self.bystander, self.payer, self.leaver, self.keeper, self.newest]

    def _hire(self) -> Member:
        member = Member(self._tenants.active())
        patiently(lambda: member.write(f"Data of {member.tenant.mark}"))
        return member

    def act(self) -> list[Act]:
        """Begin five operations at once: a fault meets each of them somewhere."""
        self._rounds += 1
        # The one of the last round leaves now, so that the host does not fill up with sites.
        previous, self.newest = self.newest, Member(self._tenants.new())
        keep = self._back_up if self._rounds % 2 else self._restore
        keep()
        self.newest.tenant.subscribe()
        previous.tenant.terminate()
        return [
            Act(self._pay(), self.payer.tenant),
            Act(self._leave(), self.leaver.tenant),
            Act("backup" if self._rounds % 2 else "restore", self.keeper.tenant),
            Act("create", self.newest.tenant),
            Act("archive", previous.tenant, "while it runs, on a young site"),
        ]

    def _pay(self) -> str:
        self.payer.is_away = not self.payer.is_away
        if self.payer.is_away:
            self._invoice = self.payer.tenant.fail_payment()
            return "suspend"
        self.platform.lago.set_payment(self._invoice, "succeeded")
        return "resume"

    def _leave(self) -> str:
        self.leaver.is_away = not self.leaver.is_away
        if self.leaver.is_away:
            self.leaver.tenant.terminate()
            return "archive"
        self.leaver.tenant.subscribe()
        return "undo"

    def _back_up(self) -> None:
        site = f"/v1/sites/{self.keeper.tenant.sites[0]['id']}"
        self._backup = str(self.platform.api.post(f"{site}/backups")["id"])

    def _restore(self) -> None:
        """Put the backup of the last round back; what is written now goes with that."""
        site = f"/v1/sites/{self.keeper.tenant.sites[0]['id']}"
        found = {each["id"]: each for each in self.platform.api.list_all(f"{site}/backups")}
        if found[self._backup]["verified_at"] is None:
            # The fault of the last round cost that backup, which was told; this one is taken in peace.
            self._back_up()
            patiently(lambda: check_verified(self.platform, site, self._backup))
        name = f"Written in round {self._rounds}"
        self.keeper.write(name)
        self.platform.api.post(f"{site}/restores", {"backup_id": self._backup})
        self.keeper.kept.discard(name)
        self.keeper.lost.add(name)

    def find_member(self, tenant: Tenant) -> Member | None:
        return next((each for each in self.members if each.tenant.mark == tenant.mark), None)


def endure(crew: Crew, fault: str, hurt: Callable[[], None]) -> Iterator[Ending]:
    """A round of operations with ``hurt`` in the middle of it; an ending for each, and one for all at the end."""
    if not crew.is_wanted(fault):
        return
    acts = crew.act()
    wait_begun(acts)
    start = time.monotonic()
    failed = _hurt(hurt)
    ended: list[Ending] = []
    # Data are asked for when all have settled: a login must not lengthen the time of the others.
    for act, seconds, broken in list(settle(crew.platform, acts, start)):
        member = crew.find_member(act.tenant)
        told = broken or (_find_missing(member) if member else [])
        ended.append(_end(Cell(act.operation, act.moment, fault), seconds, [*failed, *told], act.tenant))
        yield ended[-1]
    everybody = [member.tenant for member in crew.members]
    left = wait_unbroken(crew.platform, everybody, CONVERGED if all(each.holds for each in ended) else 0.0)
    seconds = time.monotonic() - start
    missing = [text for member in crew.members for text in _find_missing(member)]
    yield _end(
        Cell("any", "all of them, after it", fault),
        seconds,
        [*failed, *left, *missing],
        crew.bystander.tenant,
    )
    if not crew.newest.kept and not missing:
        patiently(lambda: crew.newest.write(f"Data of {crew.newest.tenant.mark}"))


def endure_at_rest(crew: Crew, fault: str, hurt: Callable[[], None]) -> Iterator[Ending]:
    """The fault while nobody asks for anything: nothing but the platform's own watch can mend what it did."""
    if not crew.is_wanted(fault):
        return
    start = time.monotonic()
    failed = _hurt(hurt)
    left = wait_unbroken(crew.platform, [member.tenant for member in crew.members], CONVERGED)
    seconds = time.monotonic() - start
    yield _end(Cell("any", "at rest", fault), seconds, [*failed, *left], crew.bystander.tenant)


def wait_begun(acts: Sequence[Act]) -> None:
    """Until work has begun on one of them, so that there is something to be hurt."""
    resting = {"active", "suspended", "archived", None}
    deadline = time.monotonic() + BEGUN
    while time.monotonic() < deadline:
        if any(act.tenant.status not in resting for act in acts):
            return
        time.sleep(0.02)


def _hurt(hurt: Callable[[], None]) -> list[str]:
    """What went wrong in hurting and healing itself; that must not be taken for a fault survived."""
    try:
        hurt()
    except ERRORS as error:
        return [f"The fault itself failed: {type(error).__name__}: {error}"]
    return []


def settle(platform: Platform, acts: Sequence[Act], start: float) -> Iterator[tuple[Act, float, list[str]]]:
    """Each act as it comes to its end, with seconds since ``start`` and what is broken when its time is over."""
    left = list(acts)
    deadline = time.monotonic() + CONVERGED
    while left:
        release_guard(platform)
        for act in list(left):
            broken = list_broken(platform, [act.tenant])
            if not broken or time.monotonic() > deadline:
                left.remove(act)
                yield act, time.monotonic() - start, broken
        time.sleep(LOOK_EVERY)


def wait_unbroken(platform: Platform, tenants: Sequence[Tenant], seconds: float) -> list[str]:
    """Until nothing is broken; what is when the time is over."""
    deadline = time.monotonic() + seconds
    while broken := list_broken(platform, tenants):
        if time.monotonic() > deadline:
            return broken
        release_guard(platform)
        time.sleep(LOOK_EVERY)
    return []


def release_guard(platform: Platform) -> None:
    """Many subscriptions end here; the guard against that is lifted as an operator would."""
    try:
        if platform.api.get("/v1/termination-guard")["is_tripped"]:
            platform.api.post("/v1/termination-guard/release")
    except CommandFailed:
        return


def patiently(act: Callable[[], object], *, seconds: float = 90.0) -> None:
    """Do it as soon as everything that it needs answers."""

    def is_done() -> bool:
        try:
            act()
        except NOT_YET:
            return False
        return True

    wait_until(is_done, seconds=seconds, what="an act")


def check_verified(platform: Platform, site: str, backup_id: str) -> None:
    """Raises CommandFailed until the backup was read back."""
    found = {each["id"]: each for each in platform.api.list_all(f"{site}/backups")}
    if found[backup_id]["verified_at"] is None:
        raise CommandFailed(f"backup {backup_id} is {found[backup_id]['status']}", code="not_verified")


def _find_missing(member: Member) -> list[str]:
    missing: list[str] = []

    def look() -> None:
        missing[:] = member.list_missing()

    try:
        patiently(look)
    except AssertionError:
        return [f"Nobody can log in at {member.tenant.hostname}."]
    return missing


def _end(cell: Cell, seconds: float, broken: Sequence[str], tenant: Tenant) -> Ending:
    timeline = read_timeline(tenant) if broken else []
    return Ending(cell, seconds, tuple(dict.fromkeys(broken)), tuple(timeline))


def read_timeline(tenant: Tenant) -> list[str]:
    """What the platform says of the tenant's site, oldest first."""
    try:
        lines = [
            entry
            for site in tenant.sites
            for entry in tenant.platform.api.get(f"/v1/sites/{site['id']}/timeline", limit=60)["items"]
        ]
    except CommandFailed as failure:
        return [f"The timeline of {tenant.hostname} cannot be read: {failure}"]
    ordered = sorted(lines, key=lambda entry: str(entry["at"]))
    return [f"{entry['at']} {entry['kind']}: {entry['message']}" for entry in ordered]

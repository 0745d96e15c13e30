"""Customers do what customers do, at random, while programs die at random; then everything must be true and flat."""

import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from scripts.bringup.supervisor import RUNNING
from tests.chaos.flatness import Sample, Trend, list_trends, measure
from tests.chaos.tables import DATABASES, Growth, Size, read_size
from tests.chaos.troubles.crew import patiently, read_timeline, release_guard, wait_unbroken
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant, Tenants

CUSTOMERS = 12
AT_ONCE = 4
LAGO = "lago-sandbox"
"""Not ours: a customer who cannot reach Lago has asked for nothing."""
KILL_EVERY = 12.0
SPARED = 1 / 3
"""The share of the run, at its end, in which nobody is killed."""
SAMPLE_EVERY = 5.0
LOOK_EVERY = 0.2
LONGEST = 300.0
"""Seconds after which an operation is called lost; a program may die several times within it."""
NEXT: Mapping[str, tuple[str, ...]] = {
    "active": ("suspend", "archive"),
    "suspended": ("resume",),
    "archived": ("undo",),
}
BECOMES = {
    "create": "active",
    "suspend": "suspended",
    "resume": "active",
    "archive": "archived",
    "undo": "active",
}
HOME = {"suspended": "resume", "archived": "undo"}
"""The way of each state to a running site."""


@dataclass
class Customer:
    """One customer, and what he is waiting for."""

    tenant: Tenant
    state: str = "new"
    act: str = ""
    since: float = 0.0
    invoice: str = ""

    @property
    def party(self) -> str:
        return f"Data of {self.tenant.mark}"

    def begin(self, act: str, platform: Platform) -> None:
        """Do it in Lago, whatever else is down."""
        if act == "suspend":
            self.invoice = self.tenant.fail_payment()
        elif act == "resume":
            platform.lago.set_payment(self.invoice, "succeeded")
        elif act == "archive":
            self.tenant.terminate()
        else:
            self.tenant.subscribe()
        self.act, self.since = act, time.monotonic()

    def is_done(self) -> bool:
        return self.tenant.status == BECOMES[self.act]

    def end(self) -> None:
        self.state, self.act = BECOMES[self.act], ""


@dataclass(frozen=True)
class Report:
    """What a soak came to."""

    seconds: float
    acts: Mapping[str, int]
    kills: Mapping[str, int]
    broken: tuple[str, ...]
    timeline: tuple[str, ...]
    trends: tuple[Trend, ...]
    growths: tuple[Growth, ...]

    @property
    def problems(self) -> list[str]:
        """A sentence for each thing that is not as it should be."""
        grown = [
            f"{each.figure} of {each.program} grow by {each.growth:.0f} (± {each.error:.0f}), {each.tolerance:.0f} is tolerated."
            for each in self.trends
            if not each.is_flat
        ]
        swollen = [
            f"{each.database} grew by {each.bytes} bytes, its kept rows explain {each.explained:.0f};"
            f" {each.after.passing} rows that should pass stay."
            for each in self.growths
            if not each.is_flat
        ]
        return [*self.broken, *grown, *swollen]


class Soak:
    """One run over one platform. ``seed`` makes the choices repeatable; what they meet is not."""

    def __init__(self, platform: Platform, *, seed: int, customers: int = CUSTOMERS) -> None:
        self._platform = platform
        # Spreads acts and kills; nothing is guarded by it.
        self._random = random.Random(seed)
        tenants = Tenants(platform)
        self._customers = [Customer(tenants.new()) for _ in range(customers)]
        self._samples: list[Sample] = []
        self._acts: Counter[str] = Counter()
        self._kills: Counter[str] = Counter()
        self._lost: list[str] = []

    def run(self, seconds: float, *, warm_up: float) -> Report:
        """Act, kill and measure for so long, then bring everybody home and look at everything."""
        self._settle_in()
        start = time.monotonic()
        before = self._play(start + warm_up)
        self._play(start + seconds * (1 - SPARED))
        # Nobody dies in the last part, so that each program has a long life to be judged by.
        self._play(start + seconds, kills=False)
        broken = self._bring_home()
        after = self._read_sizes()
        # The last look at what programs use comes when nothing is under way.
        self._sample()
        timeline = [
            line
            for each in self._customers
            if self._is_told(each, broken)
            for line in read_timeline(each.tenant)
        ]
        return Report(
            seconds=time.monotonic() - start,
            acts=dict(self._acts),
            kills=dict(self._kills),
            broken=tuple(broken),
            timeline=tuple(timeline),
            trends=tuple(list_trends(self._samples)),
            growths=tuple(Growth(name, before[name], after[name]) for name in DATABASES),
        )

    def _settle_in(self) -> None:
        """A site with data of which we know for each, in peace."""
        for customer in self._customers:
            customer.begin("create", self._platform)
            customer.tenant.wait_for("active")
            customer.end()
            customer.tenant.log_in().add_party(customer.party)

    def _play(self, until: float, *, kills: bool = True) -> dict[str, Size]:
        """Until that moment; the size of each database at it."""
        chores = [(SAMPLE_EVERY, self._sample), (SAMPLE_EVERY, self._release)]
        chores += [(KILL_EVERY, self._kill)] if kills else []
        due = [time.monotonic() + every for every, _ in chores]
        while time.monotonic() < until and not self._lost:
            self._step()
            for number, (every, chore) in enumerate(chores):
                if time.monotonic() >= due[number]:
                    chore()
                    due[number] = time.monotonic() + every
            time.sleep(LOOK_EVERY)
        return self._read_sizes()

    def _step(self) -> None:
        """Take note of what has ended, and begin something new where there is room."""
        busy = [each for each in self._customers if each.act]
        for customer in busy:
            if customer.is_done():
                self._acts[customer.act] += 1
                customer.end()
            elif time.monotonic() - customer.since > LONGEST:
                self._lost.append(
                    f"{customer.tenant.hostname}: {customer.act} did not end within {LONGEST:.0f} s."
                )
        idle = [each for each in self._customers if not each.act]
        if len(busy) < AT_ONCE and idle:
            customer = self._random.choice(idle)
            customer.begin(self._random.choice(NEXT[customer.state]), self._platform)

    def _kill(self) -> None:
        programs = self._platform.supervisor.list_programs()
        running = [each.name for each in programs if each.state == RUNNING and each.name != LAGO]
        if running:
            victim = self._random.choice(running)
            self._platform.kill(victim)
            self._kills[victim] += 1

    def _sample(self) -> None:
        for program in self._platform.supervisor.list_programs():
            found = measure(program.name, program.pid, program.seconds) if program.state == RUNNING else None
            if found is not None:
                self._samples.append(found)

    def _release(self) -> None:
        release_guard(self._platform)

    def _read_sizes(self) -> dict[str, Size]:
        return {name: read_size(self._platform.paths.state, name) for name in DATABASES}

    def _bring_home(self) -> list[str]:
        """No more kills: everybody gets a running site, and everything must be true."""
        patiently(self._platform.wait_healthy)
        deadline = time.monotonic() + LONGEST
        while any(each.act or each.state in HOME for each in self._customers) and time.monotonic() < deadline:
            self._release()
            for customer in self._customers:
                if not customer.act and customer.state in HOME:
                    customer.begin(HOME[customer.state], self._platform)
                elif customer.act and customer.is_done():
                    customer.end()
            time.sleep(LOOK_EVERY)
        left = wait_unbroken(self._platform, [each.tenant for each in self._customers], LONGEST)
        return [*self._lost, *left, *self._list_missing()]

    def _list_missing(self) -> list[str]:
        """Data that was written at the beginning and is not there once."""
        missing: list[str] = []
        for customer in self._customers:
            found: list[str] = []
            try:
                patiently(partial(read_data, customer, found))
            except AssertionError:
                missing.append(f"Nobody can log in at {customer.tenant.hostname}.")
                continue
            if found != [customer.party]:
                missing.append(f"{customer.tenant.hostname} has {found}, {customer.party!r} once is right.")
        return missing

    @staticmethod
    def _is_told(customer: Customer, broken: list[str]) -> bool:
        return any(customer.tenant.mark in text for text in broken)


def read_data(customer: Customer, found: list[str]) -> None:
    """Put the parties of the customer's name that his ERP has into ``found``."""
    found[:] = customer.tenant.log_in().find_parties(customer.party)

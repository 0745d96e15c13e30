"""Suspend and resume as visitors see them; orders to the agent as its clock tells them."""

import time
from collections.abc import Iterator

from press_app.jobs.service import ROUTINE
from tests.bench.births import to_epoch
from tests.bench.figures import Figure, make_spread
from tests.e2e.platform import Platform
from tests.e2e.tenants import Tenant
from tests.factories.processes import wait_until


def measure_switches(platform: Platform, tenant: Tenant, count: int) -> Iterator[Figure]:
    """From the control plane's answer to the first visitor who sees it."""
    tenant.wait_for("active")
    site = f"/v1/sites/{tenant.sites[0]['id']}"
    suspended, resumed = [], []
    for _ in range(count):
        platform.api.put(f"{site}/holds", {"kind": "operator", "message": "Measured."})
        suspended.append(_time_until(tenant, 402))
        tenant.wait_for("suspended")
        platform.api.delete(f"{site}/holds/operator")
        resumed.append(_time_until(tenant, 200))
        tenant.wait_for("active")
    yield from make_spread("suspend_to_402", suspended)
    yield from make_spread("resume_to_200", resumed)


def _time_until(tenant: Tenant, status: int) -> float:
    visitor = tenant.platform.visitor(tenant.hostname)
    start = time.monotonic()
    wait_until(lambda: visitor.look() == status, seconds=30, what=str(status))
    return time.monotonic() - start


def measure_orders(platform: Platform, tenants: list[Tenant]) -> Iterator[Figure]:
    """Commit to the agent's first step, and the agent's last step to the control plane's row, of what people waited for.

    Measurements wait behind everything else on purpose.
    """
    to_start, to_known = [], []
    for tenant in tenants:
        for job in platform.api.list_all("/v1/jobs", target=f"site:{tenant.sites[0]['id']}"):
            if job["status"] == "succeeded" and job["operation"] not in ROUTINE:
                to_start.append(to_epoch(job["steps"][0]["started_at"]) - to_epoch(job["created_at"]))
                to_known.append(to_epoch(job["ended_at"]) - to_epoch(job["steps"][-1]["finished_at"]))
    yield from make_spread("commit_to_agent_start", to_start)
    yield from make_spread("job_end_to_known", to_known)

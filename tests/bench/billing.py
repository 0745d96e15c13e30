"""The bridge's full reconcile: all of Lago's subscriptions against all of the control plane's."""

import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from billing_bridge.bootstrap import Bridge, bootstrap
from billing_bridge.config import Settings
from billing_bridge.db import sent
from billing_bridge.inbox.doorbell import FakeDoorbell
from billing_bridge.lago.fake import FakeLago
from billing_bridge.migrations.schema import upgrade_database
from billing_bridge.policy import Entitlements, Generation, Invoice
from press_app.billing.model import Subscription, WantedState
from tests.bench.ground import Ground
from tests.bench.measures import LINEAR, Measure

RECONCILE_SECONDS = 60.0
CUSTOMER = "customer"


def measure_billing(ground: Ground, url: str) -> Measure:
    """Lago is the fake in memory; the control plane answers over HTTP, page by page; the ledger knows everybody."""
    lago = make_lago(ground)
    bridge = make_bridge(ground, url, lago)
    tell_ledger(bridge, lago)
    start = time.perf_counter()
    report = bridge.reconciler.run(correlation_id="bench")
    seconds = time.perf_counter() - start
    bridge.engine.dispose()
    assert (report.error, report.compared, report.mismatches) == (None, ground.model.sites, 0), report
    return Measure("reconcile_billing", [seconds], target=RECONCILE_SECONDS, grows=LINEAR)


def make_lago(ground: Ground) -> FakeLago:
    """Subscriptions and unpaid invoices that say what the control plane holds."""
    lago = FakeLago(plans={"starter": Entitlements(sites=1, users=5, apps=("base",), storage_gb=5)})
    with ground.runtime.work.read() as session:
        for row in session.scalars(sa.select(Subscription)):
            lago.subscriptions[row.id] = make_generation(row)
            if row.wanted is WantedState.HOLD:
                lago.invoices[row.id] = make_invoice(row)
    return lago


def make_generation(row: Subscription) -> Generation:
    return Generation(
        lago_id=row.lago_id or row.id,
        external_id=row.external_id,
        status="terminated" if row.wanted is WantedState.END else "active",
        lago_customer_id=CUSTOMER,
        external_customer_id=CUSTOMER,
        plan_code=row.plan_code,
        name=row.name,
        started_at=row.created_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def make_invoice(row: Subscription) -> Invoice:
    return Invoice(
        lago_id=f"inv-{row.external_id}",
        number="INV-7",
        invoice_type="subscription",
        status="finalized",
        payment_status="failed",
        payment_overdue=False,
        lago_customer_id=CUSTOMER,
        external_customer_id=CUSTOMER,
        subscriptions=frozenset({row.external_id}),
    )


def make_bridge(ground: Ground, url: str, lago: FakeLago) -> Bridge:
    folder = Path(ground.folder)
    settings = Settings(
        database_url=f"sqlite:///{folder}/bridge.db",
        press_api_url=url,
        press_api_token=SecretStr(ground.model.bridge),
    )
    upgrade_database(settings.database_url)
    return bootstrap(settings, lago=lago, doorbell=FakeDoorbell())


def tell_ledger(bridge: Bridge, lago: FakeLago) -> None:
    """As after the readings of a day: each subscription was told lately, so only differences are left to be found."""
    plan = lago.plans["starter"]
    rows = [
        {
            "external_id": generation.external_id,
            "plan_code": generation.plan_code,
            "entitlements": plan.as_json() if plan else None,
            "observed_at": datetime.now(UTC),
        }
        for generation in lago.subscriptions.values()
    ]
    with bridge.engine.begin() as connection:
        connection.execute(sa.insert(sent), rows)

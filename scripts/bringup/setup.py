"""The order of an ``up``: configure, prepare, start, set up, play one subscription."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from scripts.bringup import product
from scripts.bringup.files import write_environments
from scripts.bringup.installation import Changes, Installation
from scripts.bringup.state import ROOT


def bring_up(
    installation: Installation,
    *,
    asked: Mapping[str, int],
    demo: bool,
    engine: str | None = None,
    sources: Sequence[str] = (),
) -> dict[str, str]:
    """Everything; the addresses to show at the end."""
    journal = installation.journal
    with journal.step("Configure"):
        installation.choose(engine, sources)
        changes = installation.configure(asked)
    if changes.is_new or not installation.record.done.get("prepared"):
        with journal.step("Prepare the databases, the plans and the accounts"):
            product.prepare(installation.product)
            changes = with_tokens(installation, changes)
        done(installation, "prepared")
    with journal.step("Start the programs"):
        installation.start(changes)
        installation.wait_ready(changes.programs)
    if changes.is_new:
        installation.record.code = changes.code
        installation.remember()
    for step in product.SETUP:
        if not installation.record.done.get(step.key):
            with journal.step(step.title, hint=step.hint):
                step.run(installation.product)
            done(installation, step.key)
    if demo and not installation.record.demo:
        with journal.step("Play one subscription, from the webhook to the login"):
            installation.record.demo = product.play_demo(installation.product)
    installation.record.timings = installation.record.timings or journal.timings
    installation.record.files = {
        "secrets": str(installation.paths.secrets),
        "operator_token": str(installation.paths.secrets / product.OPERATOR_TOKEN),
        "env": str(installation.paths.env),
        "log": str(installation.paths.log),
    }
    installation.remember()
    return list_links(installation)


def with_tokens(installation: Installation, changes: Changes) -> Changes:
    """The bridge's environment once more: its token exists only after the control plane was prepared."""
    changed = write_environments(installation.paths, installation.record.ports, installation.engine)
    return Changes(**{**changes.__dict__, "env_files": changes.env_files | changed})


def done(installation: Installation, key: str) -> None:
    installation.record.done[key] = datetime.now(UTC).isoformat(timespec="seconds")
    installation.remember()


def list_links(installation: Installation) -> dict[str, str]:
    urls = installation.record.urls
    links = {"API and its docs": f"{urls['press-api']}/docs"}
    links["Operator"] = (
        f"{product.OPERATOR_EMAIL}, password in {installation.paths.secrets / product.OPERATOR_PASSWORD}"
    )
    links |= product.list_demo_links(installation.product, installation.record.demo)
    script = ROOT / "scripts" / "press"
    return links | {"Command line": str(script), "State and logs": str(installation.paths.state)}

"""The one RQ task: drain the inbox with the worker that this process was started with."""

from billing_bridge.inbox.worker import InboxWorker

_workers: list[InboxWorker] = []


def bind(worker: InboxWorker) -> None:
    """Name the worker of this process; RQ knows tasks by their address only."""
    _workers[:] = [worker]


def drain() -> int:
    """Handle everything that is due; answers how many events were looked at."""
    return _workers[0].drain() if _workers else 0

"""What a good agent answers."""

from datetime import datetime
from typing import Any

from press_app.agents.port import JobOrder


def make_receipt(backup_id: str, site_id: str, at: datetime, **overrides: Any) -> dict[str, Any]:
    """A backup that was stored and read back."""
    return {
        "id": backup_id,
        "site_id": site_id,
        "engine": "tryton",
        "location": f"folder:{site_id}/{backup_id}.tar.zst",
        "size_bytes": 4096,
        "sha256": "ab" * 32,
        "taken_at": at.isoformat(),
        "verified_at": at.isoformat(),
        **overrides,
    }


def receipt_of(order: JobOrder, at: datetime) -> dict[str, Any]:
    """The receipt of a job that made a backup, encrypted where the order named a key."""
    params = order.params
    sealed = {"key_id": params["key"]["id"], "content_sha256": "cd" * 32} if "key" in params else {}
    return make_receipt(params["backup_id"], params["site_id"], at, **sealed)


def make_result(order: JobOrder, at: datetime) -> dict[str, Any]:
    """The result of an operation that went well."""
    params = order.params
    if order.operation in {"archive_site", "take_backup"}:
        return {"backup": receipt_of(order, at)}
    if order.operation in {"change_apps", "move_site"}:
        backup = receipt_of(order, at)
        apps = {"apps": params["apps"]} if "apps" in params else {}
        return {**apps, "size_bytes": 2_000_000, "closed_seconds": 12.5, "backup": backup}
    results: dict[str, dict[str, Any]] = {
        "deploy_bench": {"url": "http://127.0.0.1:7001", "engine_version": "8.0.1", "templates": []},
        "create_site": {
            "size_bytes": 1_000_000,
            "created_from": "template",
            "modules": [],
            "login_path": "/-/login",
        },
        "restore_site": {"size_bytes": 1_000_000},
        "create_login_link": {"path": "/-/login"},
        "measure_usage": {"users": 3, "storage_bytes": 1_500_000},
    }
    return results.get(order.operation, {})

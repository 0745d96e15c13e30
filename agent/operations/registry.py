"""Every operation by name. What is not listed here cannot be asked for."""

from typing import Any

from agent.operations import (
    archive_site,
    change_apps,
    create_login_link,
    create_site,
    delete_backups,
    deploy_bench,
    drop_site,
    measure_usage,
    move_site,
    prepare_site,
    rename_site,
    restore_site,
    resume_site,
    retire_bench,
    set_admin_password,
    set_config,
    suspend_site,
    take_backup,
)
from agent.operations.base import Operation

_LISTED: tuple[Operation[Any], ...] = (
    deploy_bench.OPERATION,
    retire_bench.OPERATION,
    prepare_site.OPERATION,
    create_site.OPERATION,
    suspend_site.OPERATION,
    resume_site.OPERATION,
    take_backup.OPERATION,
    delete_backups.OPERATION,
    archive_site.OPERATION,
    restore_site.OPERATION,
    drop_site.OPERATION,
    change_apps.OPERATION,
    rename_site.OPERATION,
    set_config.OPERATION,
    move_site.OPERATION,
    set_admin_password.OPERATION,
    create_login_link.OPERATION,
    measure_usage.OPERATION,
)

OPERATIONS: dict[str, Operation[Any]] = {operation.name: operation for operation in _LISTED}

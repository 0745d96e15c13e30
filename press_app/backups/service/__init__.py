"""What can be done with backups: read them, take them, make something from them."""

from press_app.backups.service.reads import find_newest, get_backup, list_backups, list_overdue, unknown
from press_app.backups.service.returns import (
    on_copy_due,
    on_data_replaced,
    on_restore_wanted,
    request_copy,
    request_restore,
)
from press_app.backups.service.takes import on_backup_ended, on_backup_started, on_overdue

__all__ = [
    "find_newest",
    "get_backup",
    "list_backups",
    "list_overdue",
    "on_backup_ended",
    "on_backup_started",
    "on_copy_due",
    "on_data_replaced",
    "on_overdue",
    "on_restore_wanted",
    "request_copy",
    "request_restore",
    "unknown",
]

"""What can be done with backups: read them, take them, make something from them."""

from press_app.backups.service.reads import find_newest, get_backup, list_backups, list_overdue, unknown
from press_app.backups.service.retention import expire, list_kept_sites, on_delete_finished
from press_app.backups.service.returns import (
    on_copy_due,
    on_data_replaced,
    on_restore_wanted,
    request_copy,
    request_restore,
)
from press_app.backups.service.schedule import Turn, is_anything_due, list_due, take_turn
from press_app.backups.service.takes import on_backup_ended, on_backup_started, on_overdue

__all__ = [
    "Turn",
    "expire",
    "find_newest",
    "get_backup",
    "is_anything_due",
    "list_backups",
    "list_due",
    "list_kept_sites",
    "list_overdue",
    "on_backup_ended",
    "on_backup_started",
    "on_copy_due",
    "on_data_replaced",
    "on_delete_finished",
    "on_overdue",
    "on_restore_wanted",
    "request_copy",
    "request_restore",
    "take_turn",
    "unknown",
]

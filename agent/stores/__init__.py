"""Backup stores: where backups are kept off the host."""

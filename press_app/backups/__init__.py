"""Backups: what was saved of a site, and that it was read back."""

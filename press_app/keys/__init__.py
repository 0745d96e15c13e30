"""Keys of teams: what their backups are encrypted with."""

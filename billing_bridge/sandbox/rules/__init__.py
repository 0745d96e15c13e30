"""Rules that need nothing but their arguments."""

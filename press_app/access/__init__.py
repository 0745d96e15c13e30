"""Who asks, and what may he do."""

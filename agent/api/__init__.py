"""The HTTP edge: translates requests, knows no operation by name."""

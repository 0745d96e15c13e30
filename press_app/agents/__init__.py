"""The only way to reach a host."""

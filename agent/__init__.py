"""Host agent: a closed list of typed, idempotent operations on benches and sites of one host."""

__version__ = "0.1.0"

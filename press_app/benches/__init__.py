"""Benches: running deployments of a release on a server; each serves many sites."""

"""The edge: which host name leads where, as Traefik's dynamic configuration."""

"""Outgoing webhooks: bodies, signatures, delivery."""

"""Lago as the bridge sees it: a port, the real client and a fake."""

"""Releases: pinned sets of app versions of an engine."""

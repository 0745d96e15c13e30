"""Serves many Tryton databases, one per hostname, from one process. GPL-3.0-or-later."""

"""Tryton: drives the programs of ``images/bench-tryton`` and never imports them."""

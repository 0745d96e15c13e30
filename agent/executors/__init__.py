"""Executors: how the programs of a bench run on this host."""

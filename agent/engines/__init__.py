"""Engines: one package per ERP stack behind one port."""

"""Customers, plans, features and entitlements."""

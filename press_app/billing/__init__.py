"""Billing: what subscriptions want of sites. Lago alone is the truth about money."""

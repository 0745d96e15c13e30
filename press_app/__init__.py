"""Control plane: the truth about teams, plans, servers, benches, sites, backups, subscriptions and jobs."""

__version__ = "0.1.0"

"""What every bench program has: its sites by hostname, the agent's door, its own pages, one-time links."""

"""Servers: hosts with an agent."""

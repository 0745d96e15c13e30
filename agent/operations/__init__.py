"""The closed list of what an agent does, one file per operation."""

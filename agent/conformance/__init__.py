"""The engine conformance suite: every operation used as a person would use it, and used twice."""

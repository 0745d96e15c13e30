"""The inbox: what was received is stored once, handled once in effect, and never lost."""

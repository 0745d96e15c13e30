"""What engines share whose benches have a door of their own for the agent: one program per bench that serves many sites.

An engine builds on :class:`agent.engines.door.engine.DoorEngine` and adds how its data are made, changed and copied.
"""

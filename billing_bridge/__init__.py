"""The billing bridge: Lago's webhooks in, wanted subscription state out."""

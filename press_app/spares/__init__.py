"""Sites of nobody, made ahead, so that an order finds one ready."""

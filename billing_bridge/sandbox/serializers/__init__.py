"""One function per object: what the API answers and the webhooks carry."""

"""Sites: a tenant's ERP with its data and its host name."""

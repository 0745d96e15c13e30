"""The Lago sandbox: a small server for trials and tests that answers and calls as Lago does. It is not Lago."""

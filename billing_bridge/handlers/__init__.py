"""One file per event type: where to look. One function that looks and tells the control plane."""

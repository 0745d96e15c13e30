"""Compares all of Lago with all of the control plane; the only cure for events that never came."""

"""Promises that are checked all the time: one file each."""

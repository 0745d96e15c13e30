"""One file per revision, one step each."""

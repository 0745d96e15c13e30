"""Jobs: written down before they are promised, run once, reported until acknowledged."""

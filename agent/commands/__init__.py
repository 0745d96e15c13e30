"""Pure builders of argument lists, and the type that hides secrets."""

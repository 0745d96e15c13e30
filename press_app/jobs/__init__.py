"""Jobs: work that an agent does, from the promise to the settled result."""

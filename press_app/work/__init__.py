"""Work that outlives a request: units of work, tasks as rows, leases, the journal, the ticker."""

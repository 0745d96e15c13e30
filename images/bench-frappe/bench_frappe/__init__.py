"""A bench of Frappe sites: web, workers, scheduler, realtime and their Redis under one supervisor, behind one nginx."""

"""Who may ask for what: keys, signed requests, enrolment."""

"""Frappe: drives the programs of ``images/bench-frappe`` and never imports them; sites are databases of one MariaDB."""

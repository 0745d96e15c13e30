"""A small engine that really serves sites, from files: the whole path without an ERP."""

"""Datasource types: one module each, found through entry points."""

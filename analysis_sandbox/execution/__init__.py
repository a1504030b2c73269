"""One version, one run: host functions, nested analyses, outcome. Knows no Dagster, no HTTP."""

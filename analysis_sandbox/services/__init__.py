"""Use cases: one function per operation, shared by every face. Knows neither HTTP nor Dagster."""

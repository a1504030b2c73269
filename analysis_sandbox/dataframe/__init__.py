"""DataFrame steps to Polars plans."""

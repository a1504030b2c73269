"""DataFrames of scripts, computed by the real Polars."""

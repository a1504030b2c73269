"""Which of DuckDB's functions nobody may call in a warehouse."""

# What DuckDB offers under the refused prefixes and is harmless: catalogue facts without paths.
_HARMLESS_FUNCTIONS = frozenset({
    "duckdb_columns", "duckdb_constraints", "duckdb_dependencies", "duckdb_functions",
    "duckdb_indexes", "duckdb_keywords", "duckdb_schemas", "duckdb_sequences", "duckdb_tables",
    "duckdb_types", "duckdb_views",
    "pragma_collations", "pragma_show", "pragma_storage_info", "pragma_table_info",
    "pragma_version",
})  # fmt: skip
_REFUSED_FUNCTIONS = frozenset({
    "checkpoint", "create_external_resource", "current_setting", "deregister_external_resource",
    "destroy_external_resource", "disable_logging", "disable_profiling", "enable_logging",
    "enable_profiling", "force_checkpoint", "from_substrait", "from_substrait_json", "getenv",
    "glob", "json_execute_serialized_sql", "pg_sleep", "python_map_function",
    "register_external_resource", "register_external_resource_type", "sleep_ms", "sniff_csv",
    "truncate_duckdb_logs", "which_secret", "write_log",
})  # fmt: skip
_REFUSED_PREFIXES = ("__internal", "duckdb_", "parquet_", "pragma_", "read_")
# arrow_scan, pandas_scan and their kind take memory addresses.
_REFUSED_SUFFIXES = ("_scan", "_scan_dumb")


def is_refused_function(name: str) -> bool:
    """Tell whether a function reaches files, settings, other processes or raw memory."""
    name = name.lower()
    if name in _HARMLESS_FUNCTIONS:
        return False
    return (
        name in _REFUSED_FUNCTIONS
        or name.startswith(_REFUSED_PREFIXES)
        or name.endswith(_REFUSED_SUFFIXES)
    )

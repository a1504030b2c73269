"""The project's DuckDB: one process owns the file, everybody else is a session on a socket."""

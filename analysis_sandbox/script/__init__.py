"""Script text to definition: syntax, facts, compilation, parameters. Knows no storage."""

"""DataFrame steps to Polars plans: expressions, steps, rows and Arrow in, rows out.

Text from a script is looked up in tables and never becomes an attribute or code.
"""

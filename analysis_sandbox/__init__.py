"""Stored JavaScript analyses as Dagster jobs, each run in a hardened QuickJS sandbox.

Only the version lives here: every process of the product imports this package first, and the
sandbox child must stay as light as a bare interpreter.
"""

__version__ = "0.1.0"

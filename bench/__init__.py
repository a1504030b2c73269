"""Measures what the project promises, side by side in one run."""

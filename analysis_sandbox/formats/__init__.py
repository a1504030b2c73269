"""Bytes and tables to rows and back."""

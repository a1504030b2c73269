"""Operators on column expressions become calls, where the compiler can see them."""

"""npm imports: which are allowed, and their bundling when a script is saved."""

"""Result files: written atomically by date, read back, previewed."""

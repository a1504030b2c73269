"""Large files read piece by piece: unpacked, then as rows, with memory that stays flat."""

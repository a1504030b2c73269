"""Scripts that want to hang, to flood, to lie or to get out, and how each of them ends."""

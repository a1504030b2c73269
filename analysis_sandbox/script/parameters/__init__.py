"""Parameters and their options: what a script declares, and the values of one run."""

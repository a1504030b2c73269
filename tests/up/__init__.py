"""The whole installation, driven from outside as its users do."""

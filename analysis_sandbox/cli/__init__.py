"""The commands: thin, one module per group; each parses, calls one service, shapes the answer."""

"""Where scripts run: fork server, hardened QuickJS child, supervisor. Knows names, not meanings."""

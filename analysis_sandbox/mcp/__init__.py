"""The agents' face: MCP tools over the services."""

"""API Gateway HTTP API on one machine, in a process of its own: routes, JWT authorizer, integrations."""

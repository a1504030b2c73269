"""APIs with an OpenAPI or Swagger document."""

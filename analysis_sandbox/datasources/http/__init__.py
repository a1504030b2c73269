"""The guarded way to HTTP that the types over HTTP share."""  # noqa: A005  # never imported by its last name alone

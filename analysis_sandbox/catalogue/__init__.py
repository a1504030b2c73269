"""Our tables in PostgreSQL: models, migrations, a repository module per aggregate."""

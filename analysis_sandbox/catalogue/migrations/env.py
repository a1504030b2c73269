"""Alembic's entry: runs the migrations on the connection it is given."""

from alembic import context
from sqlalchemy import Connection


def run() -> None:
    """Run what Alembic was asked for inside the caller's transaction."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    context.run_migrations()


run()

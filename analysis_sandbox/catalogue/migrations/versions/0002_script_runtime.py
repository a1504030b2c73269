"""What versions import, what an analysis may import, and what a run shows of itself."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = """
ALTER TABLE analyses ADD COLUMN packages text[] NOT NULL DEFAULT '{}';
ALTER TABLE analysis_versions ADD COLUMN modules jsonb NOT NULL DEFAULT '{}';
ALTER TABLE analysis_runs
    ADD COLUMN progress jsonb,
    ADD COLUMN display jsonb,
    ADD COLUMN limits jsonb;
"""


def upgrade() -> None:
    """Add the columns; what is stored stays as it is."""
    op.get_bind().exec_driver_sql(_STATEMENTS, execution_options={"no_parameters": True})

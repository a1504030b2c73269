"""Datasources that managers add, and a count of their changes."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE TABLE datasources (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    access text NOT NULL DEFAULT 'read_only'
        CONSTRAINT datasources_access_check CHECK (access IN ('read_only', 'read_write')),
    config jsonb NOT NULL DEFAULT '{}',
    secrets bytea,
    secret_names text[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    change_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CONSTRAINT datasources_project_name_key UNIQUE (project, name)
);
CREATE TABLE datasource_revisions (
    project text PRIMARY KEY,
    revision bigint NOT NULL
);
CREATE FUNCTION count_datasource_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO datasource_revisions AS known (project, revision)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.project ELSE NEW.project END, 1)
    ON CONFLICT (project) DO UPDATE SET revision = known.revision + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER datasources_revision
    AFTER INSERT OR DELETE OR UPDATE ON datasources
    FOR EACH ROW EXECUTE FUNCTION count_datasource_revision();
"""


def upgrade() -> None:
    """Make the tables; what is stored stays as it is."""
    op.get_bind().exec_driver_sql(_STATEMENTS, execution_options={"no_parameters": True})

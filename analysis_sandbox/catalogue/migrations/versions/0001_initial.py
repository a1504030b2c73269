"""The tables of the first version."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ANALYSES = """
CREATE TABLE analyses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    name varchar(255) NOT NULL,
    title text NOT NULL,
    script text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1 CHECK (version > 0),
    description text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    owners text[] NOT NULL DEFAULT '{}',
    limits jsonb,
    retry jsonb,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT 'mcp',
    last_run timestamptz,
    CONSTRAINT analyses_project_name_key UNIQUE (project, name),
    CONSTRAINT analyses_name_check CHECK (name ~ '^[a-z][a-z0-9_]*$' AND name !~ '__')
) WITH (fillfactor = 80);
CREATE INDEX idx_analyses_name ON analyses (name) WHERE is_active;
CREATE INDEX idx_analyses_datasources ON analyses
    USING gin ((metadata -> 'dependencies' -> 'datasources'));
CREATE INDEX idx_analyses_analyses ON analyses
    USING gin ((metadata -> 'dependencies' -> 'analyses'));

CREATE TABLE analysis_versions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    analysis_id uuid NOT NULL REFERENCES analyses (id),
    version integer NOT NULL CHECK (version > 0),
    title text NOT NULL,
    script text NOT NULL,
    compiled text NOT NULL,
    language text NOT NULL DEFAULT 'javascript' CHECK (language IN ('javascript', 'typescript')),
    metadata jsonb NOT NULL DEFAULT '{}',
    change_description text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT 'mcp',
    created_at timestamptz NOT NULL DEFAULT now(),
    restored_from integer,
    CONSTRAINT analysis_versions_version_key UNIQUE (analysis_id, version)
);
CREATE INDEX idx_analysis_versions_newest ON analysis_versions (analysis_id, version DESC);
"""

_RUNS = """
CREATE TABLE analysis_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    analysis_id uuid NOT NULL REFERENCES analyses (id),
    analysis_name text NOT NULL,
    analysis_version integer NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'running', 'completed', 'failed', 'cancelled', 'crashed')),
    parameters jsonb NOT NULL DEFAULT '{}',
    trigger_type text NOT NULL DEFAULT 'manual' CHECK (trigger_type IN
        ('manual', 'scheduled', 'api', 'mcp', 'retry', 'backfill', 'analysis', 'resume')),
    result_path text,
    result_size_bytes bigint CHECK (result_size_bytes >= 0),
    result_preview jsonb,
    metadata jsonb,
    usage jsonb,
    skipped boolean NOT NULL DEFAULT false,
    error text,
    error_detail jsonb,
    started_at timestamptz,
    completed_at timestamptz,
    execution_time_ms bigint CHECK (execution_time_ms >= 0),
    executed_by text NOT NULL DEFAULT 'unknown',
    parent_run_id uuid,
    attempt integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    idempotency_key text,
    request_hash bytea,
    finish_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT analysis_runs_version_fkey FOREIGN KEY (analysis_id, analysis_version)
        REFERENCES analysis_versions (analysis_id, version)
) WITH (fillfactor = 70);
CREATE INDEX idx_analysis_runs_started ON analysis_runs (analysis_id, started_at DESC);
CREATE INDEX idx_analysis_runs_created ON analysis_runs (analysis_id, created_at DESC);
CREATE INDEX idx_analysis_runs_project ON analysis_runs (project, created_at DESC);
CREATE INDEX idx_analysis_runs_unfinished ON analysis_runs (status)
    WHERE status IN ('pending', 'running');
CREATE UNIQUE INDEX idx_analysis_runs_idempotency ON analysis_runs (project, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX idx_analysis_runs_parent ON analysis_runs (parent_run_id)
    WHERE parent_run_id IS NOT NULL;

CREATE TABLE analysis_run_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project text NOT NULL,
    run_id uuid NOT NULL REFERENCES analysis_runs (id),
    batch_id uuid NOT NULL,
    level text NOT NULL,
    message text NOT NULL,
    logged_at timestamptz NOT NULL
);
CREATE INDEX idx_analysis_run_logs_run ON analysis_run_logs (run_id, id);

CREATE TABLE analysis_schedules (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    analysis_id uuid NOT NULL UNIQUE REFERENCES analyses (id),
    cron_expression text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    enabled boolean NOT NULL DEFAULT true,
    retry_on_failure boolean NOT NULL DEFAULT false,
    max_retries integer NOT NULL DEFAULT 3 CHECK (max_retries >= 0),
    retry_delay_seconds integer NOT NULL DEFAULT 300 CHECK (retry_delay_seconds >= 0),
    last_run_at timestamptz,
    last_run_id uuid,
    last_status text CHECK (last_status IN ('completed', 'failed', 'cancelled', 'crashed')),
    next_run_at timestamptz,
    consecutive_failures integer NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE analysis_metadata (
    project text NOT NULL,
    analysis_id uuid NOT NULL REFERENCES analyses (id),
    key text NOT NULL,
    value jsonb NOT NULL,
    size_bytes integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, analysis_id, key)
) WITH (fillfactor = 70);
CREATE INDEX idx_analysis_metadata_key ON analysis_metadata (project, key, updated_at DESC);
"""

_INCIDENTS = """
CREATE TABLE analysis_crashes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    analysis_id uuid NOT NULL REFERENCES analyses (id),
    analysis_version integer NOT NULL,
    run_id uuid NOT NULL REFERENCES analysis_runs (id),
    attempt integer NOT NULL,
    reason text NOT NULL,
    stack_trace text NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT analysis_crashes_attempt_key UNIQUE (run_id, attempt)
);
CREATE INDEX idx_analysis_crashes_newest ON analysis_crashes (analysis_id, created_at DESC);
CREATE INDEX idx_analysis_crashes_project ON analysis_crashes (project, created_at DESC);

CREATE TABLE crash_recovery_attempts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    crash_id uuid NOT NULL REFERENCES analysis_crashes (id),
    strategy text NOT NULL CHECK (strategy IN ('retry', 'retry_reduced', 'resume')),
    retry_run_id uuid,
    limits jsonb,
    status text NOT NULL DEFAULT 'started' CHECK (status IN ('started', 'succeeded', 'failed')),
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE INDEX idx_crash_recovery_attempts_crash ON crash_recovery_attempts (crash_id);

CREATE TABLE resource_exhaustion_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    analysis_id uuid NOT NULL REFERENCES analyses (id),
    run_id uuid NOT NULL REFERENCES analysis_runs (id),
    resource text NOT NULL,
    used double precision,
    allowed double precision,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_resource_exhaustion_events_newest
    ON resource_exhaustion_events (analysis_id, created_at DESC);
CREATE INDEX idx_resource_exhaustion_events_project
    ON resource_exhaustion_events (project, created_at DESC);

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'runner', 'manager', 'admin')),
    secret_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX idx_api_tokens_project ON api_tokens (project);

CREATE TABLE audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project text NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    outcome text NOT NULL DEFAULT 'ok',
    request_id text,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_audit_log_newest ON audit_log (project, created_at DESC);
"""

_RULES = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history: its rows are only ever added', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER analysis_versions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON analysis_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER analysis_runs_end_once
    BEFORE UPDATE OF status ON analysis_runs
    FOR EACH ROW WHEN (OLD.status NOT IN ('pending', 'running'))
    EXECUTE FUNCTION refuse_change();

CREATE TABLE catalogue_revisions (
    project text PRIMARY KEY,
    revision bigint NOT NULL
);
CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalogue_revisions AS known (project, revision)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.project ELSE NEW.project END, 1)
    ON CONFLICT (project) DO UPDATE SET revision = known.revision + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER analyses_revision
    AFTER INSERT OR DELETE
    OR UPDATE OF title, metadata, version, description, tags, owners, limits, retry, is_active
    ON analyses FOR EACH ROW EXECUTE FUNCTION count_revision();
CREATE TRIGGER analysis_schedules_revision
    AFTER INSERT OR DELETE
    OR UPDATE OF cron_expression, timezone, enabled, retry_on_failure, max_retries,
        retry_delay_seconds
    ON analysis_schedules FOR EACH ROW EXECUTE FUNCTION count_revision();
"""


def upgrade() -> None:
    """Make the tables, their indexes and the triggers that guard history."""
    for statements in (_ANALYSES, _RUNS, _INCIDENTS, _RULES):
        # Without parameters: a % in the text is a %.
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})

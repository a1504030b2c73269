"""What a run left behind at a server ends with the run."""

from pathlib import Path

import psycopg

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.errors import TimeLimitError
from analysis_sandbox.settings import Settings
from tests.execution.workshop import Workshop, bounded, script, uses

_RUNNING = "select count(*) from pg_stat_activity where query ~ 'pg_sleep[(]61' and pid <> {me}"


def test_a_statement_that_a_run_still_waits_for_is_cancelled_at_the_server(
    shop: Workshop, postgres_home: Path, tmp_path: Path
) -> None:
    url = EmbeddedPostgres(Settings(home=postgres_home)).url("catalogue", driver="libpq")
    with (tmp_path / "datasources.yaml").open("a", encoding="utf-8") as file:
        file.write(f'    server: {{type: postgresql, url: "{url}", query_timeout_seconds: 600}}\n')
    body = "await ctx.datasource.server.query('select pg_sleep(61)'); return {};"
    version = shop.save(script(body, uses("server") + "execution: {timeout_ms: 1500},"))

    error, _ = shop.fail(version)

    assert isinstance(error, TimeLimitError)
    with psycopg.connect(url, autocommit=True) as watching:
        statement = _RUNNING.format(me=watching.info.backend_pid)

        def is_over() -> bool:
            row = watching.execute(statement.encode()).fetchone()
            return row == (0,)

        bounded(is_over, "the statement ends")

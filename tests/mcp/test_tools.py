"""What the tools take and answer."""

import functools
import json
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from analysis_sandbox.errors import ScriptError, UnavailableError
from analysis_sandbox.mcp.answers import INLINE_RESULT_BYTES
from analysis_sandbox.mcp.callers import ROLES
from analysis_sandbox.values import EncodedJSON
from tests.api.twin import SCRIPT, THROWING_SCRIPT, WAITING_SCRIPT, Installation

pytestmark = pytest.mark.anyio


def answer(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def failure(result: CallToolResult) -> dict[str, Any]:
    assert result.is_error
    assert result.structured_content is not None
    return result.structured_content["error"]


def text(result: CallToolResult) -> str:
    (content,) = result.content
    assert content.type == "text"
    return content.text


async def test_every_tool_is_described_with_its_arguments_and_answer(in_memory: Client) -> None:
    async with in_memory as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert set(tools) == set(ROLES)
    for tool in tools.values():
        assert tool.description
        assert tool.output_schema is not None
        assert tool.annotations is not None
        for name, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), f"{tool.name}.{name}"


async def test_the_arguments_have_the_names_that_agents_know(in_memory: Client) -> None:
    expected = {
        "create_analysis": {"script_content", "metadata"},
        "update_analysis": {
            *("analysis_id", "script_content", "change_description"),
            *("packages", "language"),
        },
        "validate_analysis": {"script_content", "packages", "language"},
        "get_analysis": {"analysis_id"},
        "list_analyses": set[str](),
        "delete_analysis": {"analysis_id"},
        "execute_analysis": {"analysis_id", "parameters", "idempotency_key", "wait_seconds"},
        "get_job_status": {"job_id", "include_result"},
        "stop_job": {"job_id"},
        "get_analysis_limits": {"analysis_id"},
        "set_analysis_limits": {"analysis_id", "limits"},
        "reset_analysis_limits": {"analysis_id"},
        "get_system_resource_maximums": set[str](),
        "list_analysis_resource_usage": set[str](),
    }
    async with in_memory as client:
        tools = (await client.list_tools()).tools

    found = {tool.name: set(tool.input_schema.get("properties", {})) for tool in tools}
    assert found == expected


async def test_an_analysis_is_written_checked_stored_changed_and_deleted(
    in_memory: Client,
) -> None:
    async with in_memory as client:
        call = client.call_tool
        checked = answer(await call("validate_analysis", {"script_content": SCRIPT}))
        created = answer(
            await call("create_analysis", {"script_content": SCRIPT, "metadata": {"name": "sales"}})
        )
        updated = answer(
            await call(
                "update_analysis",
                {
                    "analysis_id": "sales",
                    "script_content": SCRIPT + "\n",
                    "change_description": "new line",
                },
            )
        )
        read = answer(await call("get_analysis", {"analysis_id": "sales"}))
        listed = answer(await call("list_analyses", {}))
        deleted = answer(await call("delete_analysis", {"analysis_id": "sales"}))

    assert checked["valid"] is True
    assert (created["analysis_id"], created["version"]) == ("sales", 1)
    assert updated["version"] == 2
    assert read["script"] == SCRIPT + "\n"
    assert [analysis["id"] for analysis in listed["analyses"]] == ["monthly_report", "sales"]
    assert deleted["success"] is True


async def test_metadata_may_be_left_out(in_memory: Client) -> None:
    async with in_memory as client:
        created = await client.call_tool("create_analysis", {"script_content": SCRIPT})

    assert answer(created)["analysis_id"] == "report"


async def test_execute_answers_with_the_result_in_one_call(in_memory: Client) -> None:
    async with in_memory as client:
        run = answer(
            await client.call_tool(
                "execute_analysis",
                {"analysis_id": "monthly_report", "parameters": {"month": None, "n": [1.5]}},
            )
        )

    assert run["status"] == "completed"
    assert run["finished"] is True
    assert run["result"] == {"parameters": {"month": None, "n": [1.5]}}
    assert run["note"] is None


async def test_a_run_that_goes_on_is_answered_with_its_job(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    async with in_memory as client:
        run = answer(
            await client.call_tool(
                "execute_analysis", {"analysis_id": "endless", "wait_seconds": 0}
            )
        )
        assert (run["status"], run["finished"]) == ("running", False)
        assert run["job_id"] in run["note"]

        installation.runs.finish(run["job_id"], {"total": 7})
        status = answer(await client.call_tool("get_job_status", {"job_id": run["job_id"]}))
        without = answer(
            await client.call_tool(
                "get_job_status", {"job_id": run["job_id"], "include_result": False}
            )
        )

    assert status["status"] == "completed"
    assert status["result"] == {"total": 7}
    assert status["trigger_type"] == "mcp"
    assert without["result"] is None


async def test_a_failed_run_says_where_in_the_script(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("broken", THROWING_SCRIPT)
    async with in_memory as client:
        run = answer(await client.call_tool("execute_analysis", {"analysis_id": "broken"}))

    assert (run["status"], run["finished"]) == ("failed", True)
    assert run["error"] == "TypeError: x is not a function"
    assert run["error_detail"]["code"] == "SCRIPT_ERROR"
    assert (run["error_detail"]["line"], run["error_detail"]["column"]) == (3, 7)


async def test_a_large_result_gives_way_to_its_preview_and_a_note(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    async with in_memory as client:
        arguments = {"analysis_id": "endless", "wait_seconds": 0, "idempotency_key": "k"}
        job_id = answer(await client.call_tool("execute_analysis", arguments))["job_id"]
        installation.runs.finish(job_id, {"rows": ["many"]}, size=INLINE_RESULT_BYTES + 1)
        run = answer(await client.call_tool("execute_analysis", arguments))
        whole = answer(await client.call_tool("get_job_status", {"job_id": job_id}))

    assert run["job_id"] == job_id
    assert run["result"] is None
    assert "65,537 bytes" in run["note"]
    assert whole["result"] == {"rows": ["many"]}


async def test_a_result_that_names_a_table_says_where_its_rows_are(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    reference = {"table": "sales", "rowCount": 9, "columns": [], "preview": [{"n": 1}]}
    display = {"tables": [], "charts": [], "references": [{"key": "sales", "table": "sales"}]}
    async with in_memory as client:
        arguments = {"analysis_id": "endless", "wait_seconds": 0, "idempotency_key": "k"}
        job_id = answer(await client.call_tool("execute_analysis", arguments))["job_id"]
        installation.runs.finish(job_id, {"sales": reference})
        job = installation.runs.jobs[job_id]
        installation.runs.jobs[job_id] = job.model_copy(update={"display": display})
        run = answer(await client.call_tool("execute_analysis", arguments))

    assert run["result"]["sales"]["preview"] == [{"n": 1}]
    assert f"GET /api/jobs/{job_id}/rows" in run["note"]


async def test_a_result_that_is_json_text_arrives_as_data(
    in_memory: Client, installation: Installation
) -> None:
    installation.runs.results["monthly_report"] = EncodedJSON('{"rows": [null, 1.5]}')
    async with in_memory as client:
        run = answer(await client.call_tool("execute_analysis", {"analysis_id": "monthly_report"}))
        status = answer(await client.call_tool("get_job_status", {"job_id": run["job_id"]}))

    assert run["result"] == status["result"] == {"rows": [None, 1.5]}


async def test_the_text_of_an_answer_is_its_data_without_padding(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool("get_analysis", {"analysis_id": "monthly_report"})

    assert json.loads(text(result)) == result.structured_content
    assert "\n" not in text(result)


async def test_a_job_is_stopped(in_memory: Client, installation: Installation) -> None:
    installation.store("endless", WAITING_SCRIPT)
    async with in_memory as client:
        arguments = {"analysis_id": "endless", "wait_seconds": 0}
        job_id = answer(await client.call_tool("execute_analysis", arguments))["job_id"]
        stopped = answer(await client.call_tool("stop_job", {"job_id": job_id}))

    assert stopped["success"] is True
    assert stopped["status"] == "cancelled"


async def test_progress_is_reported_while_a_call_waits(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    heard: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        for job_id in installation.runs.jobs:
            installation.runs.finish(job_id, {})

    async with in_memory as client:
        run = await client.call_tool(
            "execute_analysis", {"analysis_id": "endless"}, progress_callback=on_progress
        )

    assert answer(run)["status"] == "completed"
    ((progress, total, message),) = heard
    assert 0 <= progress < 30
    assert total == 30
    assert message == "running: started"


async def test_the_scripts_own_progress_is_told_and_never_goes_back(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    heard: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        for job_id in installation.runs.jobs:
            if len(heard) < 3:
                installation.runs.progress(job_id, (0.5, 0.25)[len(heard) - 1], "reading")
            else:
                installation.runs.finish(job_id, {})

    async with in_memory as client:
        await client.call_tool(
            "execute_analysis", {"analysis_id": "endless"}, progress_callback=on_progress
        )

    told = [progress for progress, _, _ in heard]
    assert told == sorted(set(told))
    assert (heard[1], heard[2][2]) == ((15, 30, "running: 50% reading"), "running: 25% reading")


async def test_limits_are_read_changed_and_taken_back(in_memory: Client) -> None:
    analysis = {"analysis_id": "monthly_report"}
    async with in_memory as client:
        call = client.call_tool
        before = answer(await call("get_analysis_limits", analysis))
        changed = answer(
            await call("set_analysis_limits", analysis | {"limits": {"memory_mb": 512}})
        )
        refused = failure(
            await call("set_analysis_limits", analysis | {"limits": {"memory_mb": 4096}})
        )
        reset = answer(await call("reset_analysis_limits", analysis))
        maximums = answer(await call("get_system_resource_maximums", {}))
        usage = answer(await call("list_analysis_resource_usage", {}))

    memory = {"value": 512, "source": "stored", "maximum": 2048}
    assert before["limits"]["memory_mb"] == {"value": 256, "source": "default", "maximum": 2048}
    assert (changed["limits"]["memory_mb"], changed["stored"]) == (memory, {"memory_mb": 512})
    assert refused["fields"] == {"memory_mb": "is 4096 MB; the maximum is 2048 MB"}
    assert (reset["stored"], maximums["maximums"]["memory_mb"]) == ({}, 2048)
    assert usage["analyses"][0]["memory_mb"]["share"] == 0.25


async def test_a_cancelled_call_ends_its_wait_and_not_the_run(
    in_memory: Client, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    waiting = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        waiting.set()

    async with in_memory as client, anyio.create_task_group() as group:
        group.start_soon(
            functools.partial(
                client.call_tool,
                "execute_analysis",
                {"analysis_id": "endless"},
                progress_callback=on_progress,
            )
        )
        with anyio.fail_after(10):
            await waiting.wait()
        group.cancel_scope.cancel()

    (job,) = installation.runs.jobs.values()
    assert job.status == "running"


async def test_arguments_that_do_not_fit_are_named(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool(
            "execute_analysis", {"parameters": {}, "wait_seconds": "long"}
        )

    error = failure(result)
    assert error["code"] == "VALIDATION_ERROR"
    assert set(error["fields"]) == {"analysis_id", "wait_seconds"}


async def test_parameters_that_do_not_fit_are_named(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool(
            "execute_analysis", {"analysis_id": "monthly_report", "parameters": {"limit": "many"}}
        )

    assert failure(result)["fields"] == {"limit": "must be a number"}
    assert "- limit: must be a number" in text(result)


async def test_a_script_with_errors_is_refused_with_all_of_them(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool("create_analysis", {"script_content": "unknown_db"})

    error = failure(result)
    assert error["code"] == "SCRIPT_INVALID"
    assert error["errors"] == [
        "Missing required 'run' function",
        "Datasource 'unknown_db' not found",
    ]
    assert "Datasource 'unknown_db' not found" in text(result)


async def test_an_error_carries_its_hint(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool("get_analysis", {"analysis_id": "unknown"})

    assert failure(result)["code"] == "NOT_FOUND"
    assert failure(result)["hint"] == "List the analyses."
    assert text(result) == "NOT_FOUND: Analysis 'unknown' not found\nList the analyses."


async def test_a_script_error_carries_its_place(
    in_memory: Client, installation: Installation
) -> None:
    installation.analyses.problem = ScriptError("x is not defined", line=4, column=9)
    async with in_memory as client:
        result = await client.call_tool("list_analyses", {})

    error = failure(result)
    assert (error["line"], error["column"]) == (4, 9)
    assert "At line 4, column 9 of the script." in text(result)


async def test_an_error_that_may_pass_says_so(
    in_memory: Client, installation: Installation
) -> None:
    installation.analyses.problem = UnavailableError("The catalogue cannot be reached")
    async with in_memory as client:
        result = await client.call_tool("list_analyses", {})

    assert failure(result)["transient"] is True


async def test_an_unexpected_error_hides_its_text(
    in_memory: Client, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    installation.analyses.problem = RuntimeError("password is hunter2")
    async with in_memory as client:
        result = await client.call_tool("list_analyses", {})

    assert failure(result)["code"] == "INTERNAL_ERROR"
    assert "hunter2" not in result.model_dump_json()
    assert any(record.exc_info for record in caplog.records)


async def test_an_unknown_tool_is_an_error(in_memory: Client) -> None:
    async with in_memory as client:
        result = await client.call_tool("drop_database", {})

    assert failure(result)["code"] == "NOT_FOUND"


async def test_a_wait_that_breaks_still_names_the_job(
    in_memory: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise UnavailableError("The catalogue cannot be reached")

    monkeypatch.setattr(installation.runs, "wait", breaks)
    async with in_memory as client:
        result = await client.call_tool("execute_analysis", {"analysis_id": "monthly_report"})

    (job_id,) = installation.runs.jobs
    assert failure(result)["details"] == {"job_id": job_id}


async def test_authors_find_the_type_definitions_and_the_way(in_memory: Client) -> None:
    async with in_memory as client:
        (listed,) = (await client.list_resources()).resources
        (content,) = (await client.read_resource("types://analysis.d.ts")).contents
        (prompt,) = (await client.list_prompts()).prompts
        written = await client.get_prompt("write_analysis", {"goal": "sum the sales"})

    assert listed.description
    assert "interface" in str(getattr(content, "text", ""))
    assert prompt.description
    (message,) = written.messages
    assert message.content.type == "text"
    assert "sum the sales" in message.content.text
    assert "validate_analysis" in message.content.text

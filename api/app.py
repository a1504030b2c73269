"""The HTTP application: routes, middleware and MCP on one port; built over given services."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from analysis_sandbox import __version__
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.mcp.streamable import MCPMount
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.settings import Settings, load_settings
from api.errors import answer_failure
from api.logs import configure_logging
from api.middleware import MAX_BODY_BYTES, Authentication, BodyRules, RequestContext
from api.routers import analyses, datasources, health, jobs, limits, parameters, warehouse

_DESCRIPTION = "Stored JavaScript analyses, each run in a sandbox as a Dagster job."


def application() -> FastAPI:
    """Build the application of this installation (`uvicorn --factory api.app:application`)."""
    # Composition knows everything, Dagster included; the application itself needs none of it.
    from analysis_sandbox import composition  # noqa: PLC0415

    settings = load_settings()
    configure_logging(settings.log_level)
    return create_app(composition.build_services(settings), settings)


def create_app(services: Services, settings: Settings) -> FastAPI:
    """Return the application over `services`, which it closes when it ends."""
    mcp = MCPMount(services, settings, max_body_bytes=MAX_BODY_BYTES)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        try:
            # Starlette runs no lifespan but the application's own.
            async with mcp.running():
                yield
        finally:
            await anyio.to_thread.run_sync(services.close)

    app = FastAPI(
        title="Analysis Sandbox",
        description=_DESCRIPTION,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        middleware=[
            Middleware(RequestContext),
            Middleware(Authentication, access=services.access),
            Middleware(BodyRules),
        ],
        exception_handlers={
            AnalysisSandboxError: answer_failure,
            RequestValidationError: answer_failure,
            HTTPException: answer_failure,
        },
    )
    app.state.services = services
    # Jobs first: /api/analysis/jobs/{job_id} is not the script of an analysis named "jobs".
    for router in (
        health.router,
        jobs.router,
        limits.router,
        analyses.router,
        parameters.router,
        datasources.router,
        warehouse.router,
    ):
        app.include_router(router)
    app.router.routes.append(mcp.route)
    return app

"""How Dagster's processes name the code server of `up`: what ties a run to its place in the UI."""

from analysis_sandbox.orchestration.internals import (
    GrpcServerCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from analysis_sandbox.orchestration.names import LOCATION, REPOSITORY
from analysis_sandbox.settings import Settings


def repository_origin(settings: Settings) -> RemoteRepositoryOrigin:
    """Return the origin that Dagster builds from our workspace.yaml, to the letter."""
    location = GrpcServerCodeLocationOrigin(
        host="localhost", socket=str(settings.code_server_socket), location_name=LOCATION
    )
    return RemoteRepositoryOrigin(location, REPOSITORY)

"""Dagster's home inside ours: the files that Dagster's processes start from."""

import json
from importlib.resources import files

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.orchestration.names import LOCATION
from analysis_sandbox.settings import Settings

_WORKSPACE = """\
# Written at every start: the code server of this installation.
load_from:
  - grpc_server:
      host: localhost
      socket: {socket}
      location_name: {location}
"""


def install_dagster_home(settings: Settings) -> None:
    """Write dagster.yaml where none is, and workspace.yaml for the processes of `up`.

    Raises:
        ConfigurationError: the home cannot be written.
    """
    home = settings.dagster_home
    instance = home / "dagster.yaml"
    workspace = _WORKSPACE.format(
        socket=json.dumps(str(settings.code_server_socket)), location=LOCATION
    )
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not instance.exists():
            packaged = files("analysis_sandbox.orchestration") / "dagster.yaml"
            instance.write_text(packaged.read_text(encoding="utf-8"), encoding="utf-8")
        (home / "workspace.yaml").write_text(workspace, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"Dagster's home {home} cannot be written: {error.strerror}",
            hint="Choose another home with --home.",
        ) from error

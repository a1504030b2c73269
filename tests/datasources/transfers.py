"""What the tests share that move rows between a datasource and the warehouse by a script."""

from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import SecretStr

from analysis_sandbox.datasources.base import DatasourceConfig


def configured(file: Path, project: str, **entries: tuple[str, DatasourceConfig]) -> Path:
    """Write a datasources.yaml with an entry for each type and configuration by name."""
    projects = {project: {name: _entry(kind, config) for name, (kind, config) in entries.items()}}
    file.write_text(yaml.safe_dump({"projects": projects}), encoding="utf-8")
    return file


def _entry(kind: str, config: DatasourceConfig) -> dict[str, object]:
    return {
        "type": kind,
        **cast("dict[str, object]", _plain(config.model_dump(exclude_unset=True))),
    }


def _plain(value: Any) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in cast("dict[str, Any]", value).items()}
    return str(value) if isinstance(value, Path) else value

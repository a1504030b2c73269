"""Reading `datasources.yaml`: everything that is wrong with it, with its lines.

Names are repeated in a message, values are not: they may be secrets.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from analysis_sandbox.datasources.base import DatasourceConfig
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.settings import expand_environment

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED_CONTENT = re.compile(r"'(?!<)[^']*'|\"[^\"]*\"")
_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One datasource of the file."""

    name: str
    project: str
    type: str
    config: DatasourceConfig


class FileProblems(Exception):
    """Everything wrong with the file, with the lines."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {text}" for line, text in sorted(problems)))


def stamp(file: Path) -> tuple[int, ...] | None:
    """Return what changes whenever the file does; None without a file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def read_file(file: Path) -> dict[str, dict[str, FileEntry]]:
    """Return the datasources of every project by name; raises `FileProblems`."""
    document = _Document(file)
    projects: dict[str, dict[str, FileEntry]] = {}
    for project, entries in document.sections("projects").items():
        found: dict[str, FileEntry] = {}
        for name, fields in document.entries(project, entries).items():
            configuration = document.configuration(project, name, fields)
            if configuration is not None:
                found[name] = configuration
        projects[project] = found
    document.check()
    return projects


class _Document:
    """One reading of the file: its data, the line of every key, and what is wrong."""

    def __init__(self, file: Path) -> None:
        self._directory = file.parent
        self._lines: dict[_Path, int] = {}
        self._problems: list[tuple[int, str]] = []
        try:
            # utf-8-sig: editors on Windows begin files with a byte order mark.
            loader = yaml.SafeLoader(file.read_text(encoding="utf-8-sig"))
            node = loader.get_single_node()
            self._note_lines(node, ())
            self._data: object = loader.construct_document(node) if node is not None else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            # The text around the mark, and what the message quotes, may be a secret.
            text = _QUOTED_CONTENT.sub("…", error.problem or "not valid YAML")
            raise FileProblems([(mark.line + 1 if mark else 1, text)]) from None
        except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError) as error:
            raise FileProblems([(1, f"cannot be read ({type(error).__name__})")]) from None

    def sections(self, top: str) -> dict[str, object]:
        """Return what stands under the one top-level key."""
        if not isinstance(self._data, dict):
            self._add((), f"must be a mapping with the key {top}")
            return {}
        data = cast("dict[object, object]", self._data)
        for key in data:
            if key != top:
                self._add((str(key),), f"unknown key {str(key)!r}; the only one is {top}")
        return self._named(data.get(top), (top,), "project")

    def entries(self, project: str, entries: object) -> dict[str, object]:
        """Return the datasources of a project."""
        return self._named(entries, ("projects", project), "datasource")

    def configuration(self, project: str, name: str, fields: object) -> FileEntry | None:
        """Return the entry, or note what is wrong with it."""
        place = ("projects", project, name)
        if not isinstance(fields, dict):
            self._add(place, "must be a mapping with the key type")
            return None
        known = len(self._problems)
        values = {
            str(field): self._expanded(value, (*place, str(field)))
            for field, value in cast("dict[object, object]", fields).items()
        }
        type_name = values.pop("type", None)
        if not isinstance(type_name, str):
            self._add(place, "type is missing")
        if len(self._problems) > known or not isinstance(type_name, str):
            return None
        try:
            model = load_type(type_name).config_model
            config = model.model_validate(values, context={"directory": self._directory})
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                self._add_invalid(place, problem)
            return None
        except AnalysisSandboxError as error:
            self._add((*place, "type"), f"{error.message} {error.hint or ''}".rstrip())
            return None
        return FileEntry(name=name, project=project, type=type_name, config=config)

    def check(self) -> None:
        """Raise what was noted."""
        if self._problems:
            raise FileProblems(self._problems)

    def _named(self, value: object, place: _Path, what: str) -> dict[str, object]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._add(place, f"must be a mapping of {what} names")
            return {}
        named: dict[str, object] = {}
        for key, item in cast("dict[object, object]", value).items():
            if isinstance(key, str) and NAME.fullmatch(key):
                named[key] = item
            else:
                self._add(
                    (*place, str(key)),
                    f"{str(key)!r} is not a {what} name: letters, digits and _ only, "
                    "not beginning with a digit",
                )
        return named

    def _expanded(self, value: object, place: _Path) -> object:
        """Replace `${NAME}` in every text within the value."""
        if isinstance(value, dict):
            items = cast("dict[object, object]", value).items()
            return {key: self._expanded(item, (*place, str(key))) for key, item in items}
        if isinstance(value, list):
            return [self._expanded(item, place) for item in cast("list[object]", value)]
        if not isinstance(value, str):
            return value
        try:
            return expand_environment(value)
        except AnalysisSandboxError as error:
            self._add(place, error.message)
            return value

    def _note_lines(self, node: yaml.Node | None, place: _Path) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        seen: set[str] = set()
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            name = str(key.value)
            self._lines[(*place, name)] = key.start_mark.line + 1
            if name in seen:
                self._add((*place, name), f"{name!r} stands there twice")
            seen.add(name)
            self._note_lines(value, (*place, name))

    def _add_invalid(self, place: _Path, problem: ErrorDetails) -> None:
        location = tuple(str(part) for part in problem["loc"])
        self._add((*place, *location), problem["msg"])

    def _add(self, place: _Path, text: str) -> None:
        known = place
        while known and known not in self._lines:
            known = known[:-1]
        shown = ".".join(place[1:])
        self._problems.append((self._lines.get(known, 1), f"{shown}: {text}" if shown else text))

"""Which npm packages a script imports, which of them it may, and what a bundler makes of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tree_sitter import Node

from analysis_sandbox.errors import MissingDependencyError
from analysis_sandbox.script.forbidden import find_imports
from analysis_sandbox.script.packages.specifiers import parse_specifier, refusal
from analysis_sandbox.script.tree import ScriptTree, line, operands
from analysis_sandbox.script.wording import shown
from analysis_sandbox.values import JSONObject

EVERYTHING = "*"
EXTRA_HINT = "pip install 'analysis-sandbox[npm]'"
_USES = ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern")
# A version, a range around one, or a tag such as `latest`: what an npm specifier can hold.
_RANGE = re.compile(r"\*|[a-z][a-z0-9-]*|[~^]?v?\d+(?:\.(?:\d+|x|\*)){0,2}(?:-[\w.-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageImport:
    """One specifier that a script imports, with all that it imports from there.

    `names` are export names, `*` for all of them; without names only the side effects are wanted.
    `version_range` comes from the list of allowed packages; empty stands for the latest version.
    `line` is where the script imports it first.
    """

    specifier: str
    package: str
    subpath: str
    version_range: str
    names: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What is to be bundled, and a line and a message for each import that is refused."""

    imports: tuple[PackageImport, ...]
    errors: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPackage:
    """A package in a bundle. Dependencies of packages have no specifiers and no bundle hash."""

    name: str
    version: str
    integrity: str
    specifiers: tuple[str, ...] = ()
    bundle_sha256: str = ""

    def to_metadata(self) -> JSONObject:
        """Return the form that is stored with the version."""
        return {
            "name": self.name,
            "version": self.version,
            "integrity": self.integrity,
            "specifiers": list(self.specifiers),
            "bundle_sha256": self.bundle_sha256,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """ES module texts for a script's imports, and what they were made of.

    `modules` has a text for every specifier, and for parts that these share, under names that only
    they use. `lock` makes the next bundle of the same imports the same.
    """

    modules: Mapping[str, str]
    packages: tuple[PinnedPackage, ...]
    lock: JSONObject
    warnings: tuple[str, ...] = ()


class PackageBundler(Protocol):
    """Makes self-contained modules of npm packages, once, when a script is saved."""

    def bundle(self, imports: Sequence[PackageImport], *, lock: JSONObject | None = None) -> Bundle:
        """Return modules that need nothing but the sandbox; versions stay as in `lock`.

        Raises:
            ScriptInvalidError: a package does not exist, lacks a name, or needs what scripts lack.
            MissingDependencyError: the bundler is not installed.
            UnavailableError: the registry cannot be reached, or does not answer in time.
        """
        ...


def plan_imports(tree: ScriptTree, allowed: Sequence[str]) -> ImportPlan:
    """Sort the imports of a script into packages to bundle and errors.

    `allowed` has entries such as `csv-parse` or `csv-parse@^5.6.0`; of several for one package the
    last one with a version counts.
    """
    ranges = _allowed_ranges(allowed)
    planned: dict[str, PackageImport] = {}
    errors: list[tuple[int, str]] = []
    for node in find_imports(tree):
        text = tree.literal(node.child_by_field_name("source")) or ""
        if problem := _problem(text, node, ranges):
            errors.append((line(node), refused(line(node), text, problem)))
            continue
        specifier = parse_specifier(text)
        assert specifier is not None
        found = PackageImport(
            specifier=text,
            package=specifier.package,
            subpath=specifier.subpath,
            version_range=ranges[specifier.package],
            names=tuple(_imported_names(tree, node)),
            line=line(node),
        )
        known = planned.get(text)
        planned[text] = _united(known, found) if known else found
    return ImportPlan(imports=tuple(planned.values()), errors=tuple(errors))


def check_allowed_packages(entries: Sequence[str]) -> list[str]:
    """Return what is wrong with a list of allowed packages."""
    problems: list[str] = []
    for entry in entries:
        name, version_range = _split(entry)
        specifier = parse_specifier(name)
        if specifier is None or specifier.subpath:
            problems.append(
                f"{shown(entry)} is not a package: write its name, or its name and version as in "
                '"csv-parse@^5.6.0"'
            )
        elif not _is_range(version_range):
            problems.append(
                f"{shown(entry)}: {shown(version_range)} is not a version that can be looked for: "
                'write one as in "1.2.3", "^1.2.0", "~1.2.0", "1.x" or "latest"'
            )
        elif reason := refusal(name):
            problems.append(f"{shown(entry)} cannot be allowed: {reason}")
    return problems


def refused(at: int, specifier: str, reason: str) -> str:
    """Return the error for one import."""
    return f"Line {at}: import of {shown(specifier)} is not possible: {reason}"


def without_bundler(imports: Iterable[PackageImport]) -> MissingDependencyError:
    """Return the error for imports that nothing here can bundle."""
    places = ", ".join(f"line {item.line}: {shown(item.specifier)}" for item in imports)
    return MissingDependencyError(
        f"Importing packages needs the npm extra, which is not installed ({places})",
        hint=EXTRA_HINT,
    )


def _problem(text: str, node: Node, ranges: Mapping[str, str]) -> str | None:
    if reason := refusal(text):
        return reason
    specifier = parse_specifier(text)
    assert specifier is not None
    if specifier.package not in ranges:
        name = specifier.package
        return (
            f'"{name}" is not among the allowed packages; add "{name}" to metadata.packages, or '
            "ask an administrator to add it to the project's packages"
        )
    if not _is_range(ranges[specifier.package]):
        return f"its allowed version {shown(ranges[specifier.package])} cannot be looked for"
    if any(child.type == "import_attribute" for child in node.children):
        return "import attributes are not supported; leave out `with { … }`"
    return None


def _split(entry: str) -> tuple[str, str]:
    name, _, version_range = entry.strip().partition("@")
    if not name:
        # A scope begins with the same sign.
        name, _, version_range = entry.strip()[1:].partition("@")
        name = f"@{name}"
    return name, version_range.strip()


def _is_range(version_range: str) -> bool:
    return not version_range or _RANGE.fullmatch(version_range) is not None


def _allowed_ranges(allowed: Sequence[str]) -> dict[str, str]:
    ranges: dict[str, str] = {}
    for entry in allowed:
        name, version_range = _split(entry)
        ranges[name] = version_range or ranges.get(name, "")
    return ranges


def _united(known: PackageImport, more: PackageImport) -> PackageImport:
    return replace(known, names=tuple(dict.fromkeys([*known.names, *more.names])))


def _imported_names(tree: ScriptTree, statement: Node) -> list[str]:
    """Return the export names that a statement asks for."""
    if statement.type == "export_statement":
        clause = next((node for node in operands(statement) if node.type == "export_clause"), None)
        return _listed_names(tree, clause) if clause is not None else [EVERYTHING]
    names: list[str] = []
    for clause in operands(statement):
        for node in operands(clause) if clause.type == "import_clause" else ():
            if node.type == "identifier":
                names.append("default")
            elif node.type == "named_imports":
                names += _listed_names(tree, node)
            elif node.type == "namespace_import":
                names += _members(tree, operands(node)[0])
    return names


def _listed_names(tree: ScriptTree, clause: Node) -> list[str]:
    found = [item.child_by_field_name("name") for item in operands(clause)]
    return [tree.literal(node) or tree.text(node) for node in found if node is not None]


def _members(tree: ScriptTree, binding: Node) -> list[str]:
    """Return the members of `import * as name` that the script reads, or `*` when that is open.

    The fewer names are asked for, the smaller the bundle; and the names of a CommonJS package are
    only known to those who use them.
    """
    namespace = tree.text(binding)
    uses = [node for node in tree.nodes(*_USES) if tree.text(node) == namespace]
    names: list[str] = []
    for node in tree.nodes("member_expression", "subscript_expression"):
        owner = node.child_by_field_name("object")
        if owner is not None and owner.type == "identifier" and tree.text(owner) == namespace:
            names.append(tree.key(node) or EVERYTHING)
    # The binding itself is one use; any other that is not a member may be of all.
    is_open = EVERYTHING in names or len(uses) != len(names) + 1
    return [EVERYTHING] if is_open else list(dict.fromkeys(names))

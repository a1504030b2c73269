"""What a script uses, read from its text: datasources, analyses, and what is not allowed.

Facts are advice for people and for checks before a run. Whether a call is allowed is decided by the
host when the script makes it.
"""

from dataclasses import dataclass

from tree_sitter import Node

from analysis_sandbox.script.bindings import Bindings, Path
from analysis_sandbox.script.forbidden import find_forbidden
from analysis_sandbox.script.parameters.option_reads import OptionReads, read_options
from analysis_sandbox.script.sections import UNSTORABLE
from analysis_sandbox.script.tree import ScriptTree, line, operands

# Which argument of a function of `ctx` names a datasource.
_DATASOURCE_ARGUMENTS: dict[Path, int] = {
    ("duckdb", "load"): 0,
    ("duckdb", "export"): 1,
    ("queryDatasource",): 0,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """`datasources` and `analyses` map each name to the line that mentions it first.

    `computed_*` are the lines where a name cannot be read from the text; `options` has an entry for
    each parameter whose options are a function. `remarks` are warnings: path and text.
    """

    datasources: dict[str, int]
    analyses: dict[str, int]
    computed_datasources: list[int]
    computed_analyses: list[int]
    forbidden: list[tuple[int, str]]
    options: dict[str, OptionReads]
    remarks: list[tuple[str, str]]


class _Uses:
    """Names with their first line, and the lines where a name is computed."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.computed: dict[int, None] = {}

    def add(self, names: list[str], node: Node) -> None:
        if not names or any(UNSTORABLE.search(name) for name in names):
            self.computed[line(node)] = None
            return
        for name in names:
            self.names[name] = min(line(node), self.names.get(name, line(node)))


def read_facts(tree: ScriptTree) -> Facts:
    """Read everything that a script's text tells about its needs."""
    bindings = Bindings(tree)
    datasources, analyses = _Uses(), _Uses()
    for node in tree.nodes("member_expression", "subscript_expression"):
        path = bindings.path(node)
        if path is not None and len(path) == 2 and path[0] == "datasource":
            name = path[1]
            datasources.add(
                bindings.texts(node.child_by_field_name("index")) if name is None else [name], node
            )
    for name, node in bindings.destructured.values():
        datasources.add([name], node)
    for call in bindings.calls:
        path = bindings.path(call.child_by_field_name("function"))
        if path is None:
            continue
        arguments = operands(call.child_by_field_name("arguments"))
        if path == ("runAnalysis",) and arguments:
            analyses.add(bindings.texts(arguments[0]), call)
        position = _DATASOURCE_ARGUMENTS.get(path)
        if position is not None and position < len(arguments):
            datasources.add(bindings.texts(arguments[position]), call)
    options, remarks = read_options(tree, bindings)
    return Facts(
        datasources=datasources.names,
        analyses=analyses.names,
        computed_datasources=list(datasources.computed),
        computed_analyses=list(analyses.computed),
        forbidden=find_forbidden(tree, bindings),
        options=options,
        remarks=remarks,
    )

"""What a script must not contain: code made from text, code loaded later, files and networks.

These checks are friendly errors, found before anything runs. What keeps a script in is the sandbox.
"""

from tree_sitter import Node

from analysis_sandbox.script.bindings import Bindings
from analysis_sandbox.script.packages.specifiers import refusal
from analysis_sandbox.script.tree import ScriptTree, bare, line, operands
from analysis_sandbox.script.wording import shown

_GLOBALS = frozenset({"globalThis", "window", "self", "global"})
_CONSTRUCTORS = frozenset({"Function", "AsyncFunction", "GeneratorFunction"})
_FUNCTION_EXPRESSIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
_NETWORK = frozenset({"fetch", "XMLHttpRequest", "WebSocket", "EventSource", "importScripts"})
_HOSTS = frozenset({"process", "Deno", "Bun"})
_NO_REQUIRE = "nothing is loaded while a script runs; write `import … from` at its top"
_FROM_TEXT = "a stored script runs as it was written, without code made from text"


def find_imports(tree: ScriptTree) -> list[Node]:
    """Return the import statements, and the exports that import."""
    found = tree.nodes("import_statement", "export_statement")
    return [node for node in found if node.child_by_field_name("source") is not None]


def find_forbidden(tree: ScriptTree, bindings: Bindings) -> list[tuple[int, str]]:
    """Return a line and a message for each thing that is not allowed, in the script's order."""
    found: dict[int, tuple[int, str]] = {}

    def report(node: Node, message: str) -> None:
        found.setdefault(node.start_byte, (line(node), f"Line {line(node)}: {message}"))

    for node in tree.nodes("identifier"):
        if tree.text(node) == "eval":
            report(node, f"eval() is not allowed: {_FROM_TEXT}")
    for node in tree.nodes("call_expression", "new_expression"):
        if message := _call_problem(tree, bindings, node):
            report(node, message)
    tested = {
        tree.text(child) for node in tree.nodes("unary_expression") for child in operands(node)
    }
    for node in tree.nodes("member_expression", "subscript_expression"):
        if message := _member_problem(tree, bindings, node, tested=tested):
            report(node, message)
    return [found[start] for start in sorted(found)]


def _call_problem(tree: ScriptTree, bindings: Bindings, node: Node) -> str | None:
    is_new = node.type == "new_expression"
    callee = node.child_by_field_name("constructor" if is_new else "function")
    callee = bare(callee) if callee is not None else node
    if callee.type == "import":
        return f"import() is not allowed: {_NO_REQUIRE}"
    if callee.type in {"member_expression", "subscript_expression"}:
        return _method_problem(tree, callee, is_new=is_new)
    name = tree.text(callee) if callee.type == "identifier" else ""
    if not name or bindings.declared[name]:
        return None
    return _global_problem(tree, name, operands(node.child_by_field_name("arguments")))


def _global_problem(tree: ScriptTree, name: str, arguments: list[Node]) -> str | None:
    if name in _CONSTRUCTORS:
        return f"the {name} constructor is not allowed: {_FROM_TEXT}"
    if name == "require":
        source = (tree.literal(arguments[0]) if arguments else None) or ""
        reason = (refusal(source) if source else None) or _NO_REQUIRE
        return f"require({shown(source)}) is not possible: {reason}"
    if name in _NETWORK:
        return f"{name} is not available: scripts reach data only through ctx.datasource"
    return None


def _method_problem(tree: ScriptTree, callee: Node, *, is_new: bool) -> str | None:
    if tree.key(callee) != "constructor":
        return None
    owner = callee.child_by_field_name("object")
    owner = bare(owner) if owner is not None else callee
    # `new this.constructor(…)` is how a class makes another of its own kind.
    if is_new and owner.type not in _FUNCTION_EXPRESSIONS:
        return None
    return f".constructor() is not allowed: it is the Function constructor; {_FROM_TEXT}"


def _member_problem(
    tree: ScriptTree, bindings: Bindings, node: Node, *, tested: set[str]
) -> str | None:
    owner = node.child_by_field_name("object")
    if owner is None:
        return None
    owner, key = bare(owner), tree.key(node)
    is_chained = owner.type in {"member_expression", "subscript_expression"}
    if key == "constructor" and is_chained and tree.key(owner) == "constructor":
        return f".constructor.constructor is not allowed: {_FROM_TEXT}"
    if owner.type != "identifier" or bindings.declared[name := tree.text(owner)]:
        return None
    if name in _GLOBALS and key in {"eval", *_CONSTRUCTORS}:
        return f"{name}.{key} is not allowed: {_FROM_TEXT}"
    if name in _HOSTS and name not in tested:
        return f"{name} is not available: a script has no files, environment or processes"
    return None

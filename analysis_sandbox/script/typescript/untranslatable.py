"""TypeScript that is more than types and has no translation here: found with line and remedy."""

from collections.abc import Iterator

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree, line, operands
from analysis_sandbox.script.typescript.edits import Edits

_ERASED = frozenset({"interface_declaration", "type_alias_declaration", "ambient_declaration"})
_NAMESPACE = (
    "namespaces are not supported; put their contents at the top level of the script, "
    "or into an object"
)
_ALIAS = "import … = is not supported; write const name = … instead, or import … from"
_ASSIGNMENT = "export = is not supported; write export default instead"
_GLOBAL_NAME = "export as namespace is not supported; remove it"
_DECORATOR = "decorators are not supported; call the function on the class or its method instead"
_ACCESSOR = "accessor fields are not supported; write a get and a set method"


def find_untranslatable(tree: ScriptTree, edits: Edits) -> list[tuple[int, str]]:
    """Return a line and a message for each thing that no blanks can turn into JavaScript.

    What is blanked in `edits` is none of them.
    """
    found = [item for item in _found(tree) if not edits.is_blank(item[0].start_byte)]
    found.sort(key=lambda item: item[0].start_byte)
    return [(line(node), f"Line {line(node)}: {message}") for node, message in found]


def is_only_types(namespace: Node) -> bool:
    """Tell whether nothing of a namespace is there at run time."""
    body = namespace.child_by_field_name("body")
    return all(_is_erased(statement) for statement in operands(body))


def _found(tree: ScriptTree) -> Iterator[tuple[Node, str]]:
    for node in tree.nodes("internal_module", "module"):
        # The keyword has the same type as the declaration.
        if node.is_named and not is_only_types(node):
            yield node, _NAMESPACE
    for node in tree.nodes("import_alias", "import_require_clause"):
        yield node, _ALIAS
    for node in tree.nodes("export_statement"):
        second = node.children[1].type if node.child_count > 1 else ""
        if second in {"=", "as"}:
            yield node, _ASSIGNMENT if second == "=" else _GLOBAL_NAME
    for node in tree.nodes("decorator"):
        yield node, _DECORATOR
    for node in tree.nodes("public_field_definition"):
        if _is_accessor(tree, node):
            yield node, _ACCESSOR


def _is_accessor(tree: ScriptTree, field: Node) -> bool:
    """Tell whether a field begins with the word, which the grammar only knows without `static`."""
    if any(child.type == "accessor" for child in field.children):
        return True
    name = field.child_by_field_name("name")
    return (
        name is not None
        and tree.text(name) == "accessor"
        and any(child.type == "ERROR" for child in field.children)
    )


def _is_erased(statement: Node) -> bool:
    if statement.type in {"export_statement", "expression_statement"}:
        inner = operands(statement)
        return len(inner) == 1 and _is_erased(inner[0])
    if statement.type == "internal_module":
        return is_only_types(statement)
    return statement.type in _ERASED

"""Parameters of a constructor that are properties at once, such as `constructor(private x)`."""

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree, is_function, line, operands
from analysis_sandbox.script.typescript.edits import Edits

_MODIFIERS = frozenset({"accessibility_modifier", "override_modifier", "readonly"})
_CLASSES = frozenset({"class_declaration", "class", "abstract_class_declaration"})


def write_parameter_properties(tree: ScriptTree, edits: Edits) -> list[tuple[int, str]]:
    """Declare and set the properties; return a line and a message where that cannot be done.

    The modifiers themselves are blanked as all of them are.
    """
    refused: list[tuple[int, str]] = []
    for method in tree.nodes("method_definition"):
        if edits.is_blank(method.start_byte) and edits.is_blank(method.end_byte - 1):
            continue
        name = method.child_by_field_name("name")
        if name is not None and tree.text(name) == "constructor":
            refused += _write(tree, edits, method)
    return refused


def _write(tree: ScriptTree, edits: Edits, constructor: Node) -> list[tuple[int, str]]:
    declared = [
        parameter
        for parameter in operands(constructor.child_by_field_name("parameters"))
        if any(child.type in _MODIFIERS for child in parameter.children)
    ]
    members, body = tree.parent(constructor), constructor.child_by_field_name("body")
    if not declared or members is None or members.type != "class_body" or body is None:
        return []
    patterns = [parameter.child_by_field_name("pattern") for parameter in declared]
    names = [tree.text(pattern) for pattern in patterns if pattern is not None]
    if any(pattern is None or pattern.type != "identifier" for pattern in patterns):
        return [_refused(declared[0], "a parameter that is a property must be a plain name")]
    settings = "".join(f" this.{name} = {name};" for name in names)
    if _is_derived(tree, members):
        call = _super_call(body)
        if call is None:
            return [
                _refused(
                    constructor,
                    "a constructor whose parameters are properties must call super() "
                    "in a statement of its own; write one, or set the properties yourself",
                )
            ]
        is_ended = tree.text(call).endswith(";")
        edits.insert(call.end_byte, settings if is_ended else f";{settings}")
    else:
        edits.insert(body.start_byte + 1, settings)
    edits.insert(members.start_byte + 1, "".join(f" {name};" for name in names))
    return _read_too_early(tree, members, set(names))


def _is_derived(tree: ScriptTree, members: Node) -> bool:
    parent = tree.parent(members)
    heritage = [child for child in operands(parent) if child.type == "class_heritage"]
    return any(clause.type == "extends_clause" for node in heritage for clause in operands(node))


def _super_call(body: Node) -> Node | None:
    for statement in operands(body):
        call = operands(statement)[0] if statement.type == "expression_statement" else None
        if call is not None and call.type == "call_expression":
            function = call.child_by_field_name("function")
            if function is not None and function.type == "super":
                return statement
    return None


def _read_too_early(tree: ScriptTree, members: Node, names: set[str]) -> list[tuple[int, str]]:
    """Refuse fields that read such a property: they are set before the constructor's body runs."""
    refused: list[tuple[int, str]] = []
    for field in operands(members):
        value = field.child_by_field_name("value")
        if field.type != "public_field_definition" or value is None:
            continue
        if any(child.type == "static" for child in field.children):
            continue
        for access in tree.nodes("member_expression", within=value):
            owner, key = access.child_by_field_name("object"), tree.key(access)
            is_own = owner is not None and owner.type == "this" and key in names
            if is_own and not _runs_later(tree, access, value):
                advice = (
                    f"this.{key} is not set yet when the fields are: "
                    "give this field its value in the constructor"
                )
                refused.append(_refused(access, advice))
    return refused


def _runs_later(tree: ScriptTree, node: Node, value: Node) -> bool:
    """Tell whether a node is in a function or class inside of a field's value."""
    inner: Node | None = node
    while inner is not None and inner.id != value.id:
        if is_function(inner) or inner.type in _CLASSES:
            return True
        inner = tree.parent(inner)
    return is_function(value) or value.type in _CLASSES


def _refused(node: Node, message: str) -> tuple[int, str]:
    return line(node), f"Line {line(node)}: {message}"

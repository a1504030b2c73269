"""Imports and exports that TypeScript drops because nothing but types uses their names."""

from collections.abc import Callable

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree, operands
from analysis_sandbox.script.typescript.edits import Edits

_NAMES = ("identifier", "shorthand_property_identifier", "type_identifier")
_MODULE_STATEMENTS = ("import_statement", "export_clause")


def drop_unused_imports(
    tree: ScriptTree,
    edits: Edits,
    *,
    blank_statement: Callable[[Node], None],
    blank_entry: Callable[[Node], None],
) -> None:
    """Blank imports whose names are used by types only, and exports of names that are types.

    A module need not have at run time what is only a type of it: importing it would fail.
    """
    imports = [
        clause
        for clause in tree.nodes("import_clause")
        if not edits.is_blank(clause.start_byte) and not edits.is_blank(clause.end_byte - 1)
    ]
    exports = [
        node
        for node in tree.nodes("export_specifier")
        if not edits.is_blank(node.start_byte) and not _is_from_elsewhere(tree, node)
    ]
    if not imports and not exports:
        return
    mentioned = _mentioned(tree, edits)
    imported = {tree.text(name) for clause in imports for _node, name in _bound(clause)}
    exported: set[str] = set()
    for specifier in exports:
        name = tree.text(specifier.child_by_field_name("name") or specifier)
        if name in mentioned or name in imported:
            exported.add(name)
        else:
            blank_entry(specifier)
    for clause in imports:
        unused = [
            node
            for node, name in _bound(clause)
            if not edits.is_blank(node.start_byte)
            and tree.text(name) not in mentioned
            and tree.text(name) not in exported
        ]
        kept = [node for node, _name in _bound(clause) if not edits.is_blank(node.start_byte)]
        statement = tree.parent(clause)
        if len(unused) == len(kept) and statement is not None:
            blank_statement(statement)
        else:
            for node in unused:
                blank_entry(node)


def _is_from_elsewhere(tree: ScriptTree, specifier: Node) -> bool:
    clause = tree.parent(specifier)
    statement = tree.parent(clause) if clause is not None else None
    return statement is None or statement.child_by_field_name("source") is not None


def _bound(clause: Node) -> list[tuple[Node, Node]]:
    """Return the entries of an import clause, each with the name that it binds."""
    bound: list[tuple[Node, Node]] = []
    for part in operands(clause):
        if part.type == "identifier":
            bound.append((part, part))
        elif part.type == "namespace_import":
            bound.append((part, operands(part)[0]))
        else:
            for specifier in operands(part):
                alias = specifier.child_by_field_name("alias")
                name = alias or specifier.child_by_field_name("name") or specifier
                bound.append((specifier, name))
    return bound


def _mentioned(tree: ScriptTree, edits: Edits) -> set[str]:
    """Return the names that the code itself mentions, outside of its imports and exports."""
    outside = sorted((node.start_byte, node.end_byte) for node in tree.nodes(*_MODULE_STATEMENTS))
    names: set[str] = set()
    position = 0
    for node in tree.nodes(*_NAMES):
        while position < len(outside) and outside[position][1] <= node.start_byte:
            position += 1
        is_outside = position < len(outside) and outside[position][0] <= node.start_byte
        if not is_outside and not edits.is_blank(node.start_byte):
            names.add(tree.text(node))
    return names

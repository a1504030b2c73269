"""Reads XML that strangers wrote: no DTD, no entities, nothing fetched, of a bounded depth."""

from typing import Any, TypeAlias, cast
from xml.parsers import expat

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

# lxml has no type information.
Node: TypeAlias = Any
xml: Any = cast("Any", etree)

XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSI_TYPE = f"{{{XSI}}}type"
XSI_NIL = f"{{{XSI}}}nil"


class XMLProblem(ValueError):
    """Text that is not XML, or of a kind that is not read; the message does not repeat it."""


class _RootReached(Exception):  # no error: it ends the look at the prolog
    pass


def check_prolog(data: bytes) -> None:
    """Refuse XML with a DTD before anything in it is expanded.

    Raises:
        XMLProblem: it has one, or what stands before its first element is no XML.
    """
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise XMLProblem("has a DTD, which is not read: it can hold entities that grow without end")

    def end(*_: object) -> None:
        raise _RootReached

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = end
    try:
        parser.Parse(data, True)  # noqa: FBT003  # expat takes no keyword
    except _RootReached:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, XMLProblem):
            raise
        raise XMLProblem(f"is not XML ({_reason(error)})") from None
    raise XMLProblem("is not XML (it has no element)")


def parsed(data: bytes) -> Node:
    """Return the root of an XML document, without comments and processing instructions.

    Raises:
        XMLProblem: it is none, has a DTD, or is nested deeper than libxml2 reads (256 levels).
    """
    check_prolog(data)
    parser = xml.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = xml.fromstring(data, parser=parser)
    except (xml.XMLSyntaxError, ValueError) as error:
        raise XMLProblem(f"is not XML ({_reason(error)})") from None
    # The other reader may see what expat did not.
    if root.getroottree().docinfo.doctype:
        raise XMLProblem("has a DTD, which is not read")
    return root


def local_name(node: Node) -> str:
    """Return a node's name without its namespace."""
    return cast("str", node.tag).rpartition("}")[2]


def child(node: Node, name: str) -> Node | None:
    """Return the first child of a name, in any namespace."""
    return next((found for found in node if local_name(found) == name), None)


def inner_text(node: Node | None) -> str:
    """Return the whole text of a node; empty without one."""
    return "" if node is None else "".join(node.itertext()).strip()


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]

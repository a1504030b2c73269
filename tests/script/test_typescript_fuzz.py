"""Generated TypeScript: its JavaScript means what esbuild makes of it, in its own columns."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.script.typescript.blanking import erase_types
from tests.script.test_typescript import assert_in_place, assert_same_meaning
from tests.tooling.esbuild import Esbuild, RejectedError

NAMES = st.sampled_from(["a", "b", "rows", "type", "of", "is", "ü", "$x", "get"])
KEYS = st.sampled_from(["a", "b", "get", "static", "type", "'c d'", "[k]", "7", "#p"])
BLANK = st.sampled_from([" ", " ", " ", "\n", " /* c */ ", " // c\n", "\t"])
OPTIONAL = st.sampled_from(["", "", "", " ", "\n"])


def joined(*parts: object) -> st.SearchStrategy[str]:
    """The texts of some strategies, one behind the other; texts stand for themselves."""
    made = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*made).map("".join)  # pyright: ignore[reportArgumentType, reportUnknownMemberType, reportUnknownVariableType]


def some(
    items: st.SearchStrategy[str], separator: str = ", ", *, least: int = 0
) -> st.SearchStrategy[str]:
    """A few of them."""
    return st.lists(items, min_size=least, max_size=3).map(separator.join)


def _larger_types(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        joined(inner, "[]"),
        joined("(readonly (", inner, ")[])"),
        joined("(", inner, BLANK, "|", BLANK, inner, ")"),
        joined("Map<", inner, ",", BLANK, inner, ">"),
        joined("{", BLANK, "a: ", inner, "; b?(x: ", inner, "): ", inner, BLANK, "}"),
        joined("((a: ", inner, ", ...r: ", inner, "[]) => ", inner, ")"),
        joined("[", some(inner), "]"),
        joined("{ [K in keyof ", inner, "]?: ", inner, " }"),
        joined("(", inner, " extends ", inner, " ? ", inner, " : ", inner, ")"),
        joined(inner, " | typeof a.b | `x${string}`"),
    )


TYPES = st.recursive(
    st.sampled_from(
        ["string", "number", "T", "A.B", "a.b.C", "any", "null", "'x'", "Ü", "unknown", "void"]
    ),
    _larger_types,
    max_leaves=4,
)
ANNOTATION = st.one_of(st.just(""), joined(OPTIONAL, ":", BLANK, TYPES))
GENERICS = st.one_of(
    st.just(""), st.just("<T>"), st.just("<T extends A = B, const U>"), st.just("<\nT,\n>")
)
TYPE_ARGUMENTS = st.one_of(st.just(""), joined("<", TYPES, ">"))
PARAMETERS = some(
    st.one_of(
        joined(NAMES, st.sampled_from(["", "?"]), ":", TYPES),
        joined(NAMES, ANNOTATION, " = 1"),
        joined("{ a, b: [c] }", ANNOTATION),
    )
)


def _larger_expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    atom = joined("(", inner, ")")
    return st.one_of(
        atom,
        joined(atom, BLANK.filter(lambda text: "\n" not in text), "as ", TYPES),
        joined("(", inner, " satisfies ", TYPES, ")"),
        joined(atom, "!"),
        joined(atom, st.sampled_from(["!.a", "?.b!.c", "![0]", "!()"])),
        joined("<", TYPES, ">", OPTIONAL, atom),
        joined("<", TYPES, ">{ a: ", inner, " }"),
        joined(NAMES, TYPE_ARGUMENTS, "(", some(inner), ")"),
        joined("new Map", TYPE_ARGUMENTS, "(", some(inner), ")"),
        # Tags with larger types are refused: the grammar does not know them.
        joined(NAMES, st.sampled_from(["", "<T>", "<A.B>"]), "`a ${", inner, "}`"),
        joined(atom, st.sampled_from([" + ", " < ", " > ", " && ", " ?? ", " / "]), atom),
        joined("(a < b", st.sampled_from(["", ".c", "[d]"]), " && c > ", atom, ")"),
        joined("(a < (b) || ", NAMES, " > ", atom, " || ", inner, " < d)"),
        joined("(", inner, " ? ", inner, " : ", inner, ")"),
        joined("[", some(inner), "]"),
        joined("({ a: ", inner, ", m", GENERICS, "(", PARAMETERS, ")", ANNOTATION, " {} })"),
        joined("(", GENERICS, "(", PARAMETERS, ")", ANNOTATION, " => ", atom, ")"),
        joined("(async ", GENERICS, "(", PARAMETERS, ")", ANNOTATION, " => ", atom, ")"),
        joined("(function ", GENERICS, "(this: T) {})"),
        joined("((): ", TYPES, " => <", TYPES, ">{ ...", atom, " })"),
    )


EXPRESSIONS = st.recursive(
    st.one_of(NAMES, st.sampled_from(["1", "'s'", "`t`", "null", "/r<x>/g", "this"])),
    _larger_expressions,
    max_leaves=5,
)
MODIFIERS = st.sampled_from(["", "private ", "public ", "protected readonly ", "readonly "])
ENDS = st.sampled_from([";", "\n", ";\n"])
MEMBERS = st.one_of(
    joined(MODIFIERS, KEYS, st.sampled_from(["", "?", "!"]), ": ", TYPES, ENDS),
    joined(MODIFIERS, KEYS, ANNOTATION, " = ", EXPRESSIONS, ENDS),
    joined("declare ", NAMES, ": ", TYPES, ENDS),
    joined(st.sampled_from(["", "private ", "override "]), "static ", NAMES, ": ", TYPES, ENDS),
    joined(
        st.sampled_from(["", "private ", "public async ", "protected *", "private async *"]),
        KEYS,
        GENERICS,
        "(",
        PARAMETERS,
        ")",
        ANNOTATION,
        " {}\n",
    ),
    joined("[key: string]: ", TYPES, ";\n"),
    joined("abstract ", NAMES, "(): ", TYPES, ";\n"),
)
CLASSES = joined(
    st.sampled_from(["class", "abstract class"]),
    " C",
    GENERICS,
    st.sampled_from(["", " extends (B as any)<T>", " extends B<T>", " implements I, J<K>"]),
    " {\n",
    some(MEMBERS, ""),
    "}",
)
STATEMENTS = st.one_of(
    joined("let ", NAMES, ANNOTATION, " = ", EXPRESSIONS),
    joined("var ", NAMES, st.sampled_from(["", "!"]), ":", TYPES),
    EXPRESSIONS.map(lambda text: f"({text})"),
    # Without a semicolon the grammar reads a list behind a type as its index, and fails aloud.
    joined("[", NAMES, ", 1].x"),
    joined(";[", EXPRESSIONS, "].x"),
    joined(NAMES, " = ", EXPRESSIONS),
    joined("f(", EXPRESSIONS, ")"),
    joined("type ", NAMES, " = ", TYPES),
    joined("interface I", GENERICS, " { a: ", TYPES, " }"),
    joined("declare const c: ", TYPES),
    joined(
        "function f", GENERICS, "(", PARAMETERS, ")", ANNOTATION, " { return ", EXPRESSIONS, " }"
    ),
    joined("function f(", PARAMETERS, "): ", TYPES, ";\nfunction f(", PARAMETERS, ") {}"),
    joined("if (", EXPRESSIONS, ") { throw ", EXPRESSIONS, " }"),
    joined("for (const x of (", EXPRESSIONS, ")) {}"),
    CLASSES,
)
SCRIPTS = st.lists(
    joined(STATEMENTS, st.sampled_from(["\n", ";\n", "\n\n", " // e\n"])), min_size=1, max_size=5
).map("".join)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(source=SCRIPTS)
def test_generated_typescript_means_the_same_without_its_types(
    esbuild: Esbuild, source: str
) -> None:
    try:
        esbuild.reprint(source, "ts")
    except RejectedError:
        # Names that clash, or a comment where none may stand.
        return
    erased = erase_types(source)
    assert (erased.refused, erased.torn) == ([], [])
    assert_same_meaning(esbuild, source, erased.code)
    assert erased.code.count("\n") == source.count("\n")
    if not any(erased.edited.is_moved(line) for line in range(1, source.count("\n") + 2)):
        assert_in_place(source, erased.code)

"""What scripts see, what analysis.d.ts says they see and what the host offers are one and the same.

The names in JavaScript come from a script that walks through everything it can reach.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from analysis_sandbox import errors
from analysis_sandbox.dataframe.data_steps import DATA_STEPS
from analysis_sandbox.dataframe.expressions import METHODS
from analysis_sandbox.dataframe.steps import STEPS
from analysis_sandbox.datasources.rest.pagination import PaginationOptions
from analysis_sandbox.execution.display import ChartHint, ColumnHint, TableHint
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.host import RunParts, full_host, pure_host, read_only_host
from analysis_sandbox.execution.streams import Streams
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.formats.compression import FORMATS
from analysis_sandbox.formats.delimited import DelimitedOptions
from analysis_sandbox.formats.streams.options import StreamOptions
from analysis_sandbox.limits import LimitOverrides, Limits
from analysis_sandbox.sandbox import runtime
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox
from analysis_sandbox.script.definition import (
    Definition,
    OptionGroup,
    ParameterSpec,
    ParameterType,
    ScheduleSpec,
    SelectOption,
)
from analysis_sandbox.warehouse.model import ColumnInfo, TableInfo
from tests.runtime.ctx_document import DOCUMENT, ctx_document
from tests.runtime.declarations import Declaration, declarations, strings_of
from tests.runtime.surface_script import WALK
from tests.sandbox.scripts import call

SCHEDULE = {
    "cron": "0 9 * * 1",
    "timezone": "UTC",
    "enabled": True,
    "next_run": None,
    "scheduled_time": None,
}
DATASOURCES = {
    "shop": {
        "type": "sqlite",
        "operations": ["query", "execute", "insert", "frame"],
        "streams": ["stream"],
    }
}
# Names that the engine brings beyond those of ES2023's library, and what rewritten operators call.
BESIDE_THE_LIBRARY = {
    "InternalError",
    "SuppressedError",
    "DisposableStack",
    "AsyncDisposableStack",
    "Float16Array",
    "Iterator",
    *(f"$column{number}" for number in ["", *range(1, 10)]),
}
LIBRARY = {
    "Object",
    "Function",
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "Array",
    "parseInt",
    "parseFloat",
    "isNaN",
    "isFinite",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "unescape",
    "Infinity",
    "NaN",
    "undefined",
    "eval",
    "Number",
    "Boolean",
    "String",
    "Math",
    "Reflect",
    "Symbol",
    "globalThis",
    "BigInt",
    "Date",
    "RegExp",
    "JSON",
    "Proxy",
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "ArrayBuffer",
    "SharedArrayBuffer",
    "Uint8ClampedArray",
    "Int8Array",
    "Uint8Array",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "BigInt64Array",
    "BigUint64Array",
    "Float32Array",
    "Float64Array",
    "DataView",
    "Atomics",
    "Promise",
    "WeakRef",
    "FinalizationRegistry",
    "Intl",
}
# Made for the language itself, not for authors.
HIDDEN = {"toString", "toJSON"}
INTERFACES = [
    "Context",
    "Warehouse",
    "Metadata",
    "Utils",
    "ScheduleFacts",
    "DataFrame",
    "DataFrameConstructor",
    "GroupedDataFrame",
    "ColumnMethods",
    "ColumnWhen",
    "TextMethods",
    "DateMethods",
    "ListMethods",
    "pl",
    "console",
    "crypto",
    "URL",
    "URLSearchParams",
]
# What authors know these by.
WELL_KNOWN = {
    "Analysis",
    "Parameter",
    "SelectOption",
    "Context",
    "SQLDataSource",
    "S3DataSource",
    "RESTDataSource",
    "OpenAPIDataSource",
    "SOAPDataSource",
    "GraphQLDataSource",
    "S3Object",
    "S3StreamOptions",
    "S3ListOptions",
    "PaginateOptions",
    "SaveOptions",
    "TableInfo",
    "ColumnInfo",
    "CSVOptions",
    "OpenAPICallOptions",
    "GraphQLQueryOptions",
    "GraphQLMutationOptions",
    "DataStream",
    "SQLStreamOptions",
    "DataFrame",
    "GroupedDataFrame",
    "col",
    "lit",
    "ColumnExpr",
    "LiteralExpr",
    "AggregateExpr",
    "DataSource",
}

ALL = declarations(runtime.read(runtime.TYPE_DEFINITIONS))
# Of an interface and the constant of its name, the one with members.
DECLARED: dict[str, Declaration] = {
    declaration.name: declaration
    for declaration in sorted(ALL, key=lambda found: bool(found.members))
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """The names that a script finds."""
    limits = Limits()
    pure = pure_host(limits, log=lambda _level, _message: None)
    frames = Frames(limits)
    host = HostFunctions(
        asynchronous={}, synchronous={**pure.synchronous, **frames.synchronous()}, log=pure.log
    )
    walk = call(WALK, facts={"datasources": DATASOURCES, "schedule": SCHEDULE})
    with Sandbox() as sandbox:
        outcome = sandbox.run(walk, host)
    frames.close()
    assert outcome.error is None
    return json.loads(outcome.value or "")


@pytest.fixture(scope="module")
def host() -> HostFunctions:
    """The host of a run; nothing of it is called."""
    parts = RunParts(
        datasources=cast("Any", _Anything()),
        streams=Streams(cast("Any", _Anything())),
        warehouse=WarehouseAccess(
            cast("Any", _Anything()), cast("Any", _Anything()), limits=Limits()
        ),
        scratch=cast("Any", _Anything()),
        frames=Frames(Limits()),
        metadata=cast("Any", _Anything()),
        displays=cast("Any", _Anything()),
        progress=cast("Any", _Anything()),
        limits=Limits(),
    )
    return full_host(parts, run_analysis=lambda _name, _given: None, log=lambda _l, _m: None)


class _Anything:
    """A part whose functions are only named."""

    def __getattr__(self, name: str) -> object:
        return self


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_definitions_name_exactly_what_a_script_finds(
    interface: str, seen: dict[str, Any]
) -> None:
    assert set(DECLARED[interface].names()) - HIDDEN == set(seen[interface]) - HIDDEN


def test_functions_are_declared_as_functions(seen: dict[str, Any]) -> None:
    context = DECLARED["Context"]
    called = re.compile(r"\w+(<.+>)?\(")
    declared = {name for name in context.names() if called.match(context.member(name).text)}

    functions = {name for name, kind in seen["kinds"].items() if kind == "function"}
    assert declared == functions - {"DataFrame"}


def test_a_sql_datasource_is_declared_with_what_it_offers(seen: dict[str, Any]) -> None:
    assert set(seen["datasource"]) <= set(DECLARED["SQLDataSource"].names())
    assert set(seen["datasource"]) <= set(DECLARED["AnyDataSource"].names())


def test_a_buffer_is_declared_with_what_it_offers(seen: dict[str, Any]) -> None:
    numbers = re.compile(r"(read|write)[A-Z]")
    methods = {name for name in seen["Buffer"] if not numbers.match(name)} - {"toLocaleString"}
    functions = set(seen["BufferConstructor"]) - {"length", "name", "prototype", "poolSize"}

    assert set(DECLARED["Buffer"].names()) - {"subarray"} == methods
    assert set(DECLARED["BufferConstructor"].names()) == functions


def test_every_global_is_of_the_language_or_declared(seen: dict[str, Any]) -> None:
    beside = set(seen["globals"]) - LIBRARY - BESIDE_THE_LIBRARY
    kinds = {"function_signature", "lexical_declaration", "class_declaration"}
    declared = {name for name, found in DECLARED.items() if found.kind in kinds}
    # An interface and the constant of its constructor share a name.
    declared |= {
        name.removesuffix("Constructor") for name in DECLARED if name == "BufferConstructor"
    }

    assert beside == declared


def test_every_name_that_authors_know_is_declared() -> None:
    assert set(DECLARED) >= WELL_KNOWN


def test_the_runtime_calls_exactly_the_functions_of_the_host(host: HostFunctions) -> None:
    source = "".join(text for _, text in runtime.scripts())
    spaces = {name.partition(".")[0] for name in host.synchronous if "." in name}
    named = set(re.findall(rf"\"((?:{'|'.join(spaces)})\.\w+|progress)\"", source))
    called = set(re.findall(r"\bcall\(\s*\"([\w.]+)\"", source))

    assert named - called == set(host.synchronous)
    assert called == set(host.asynchronous)


def test_a_context_that_only_reads_has_no_function_that_writes(host: HostFunctions) -> None:
    read_only = read_only_host(
        datasources=cast("Any", _Anything()),
        streams=Streams(cast("Any", _Anything())),
        frames=Frames(Limits()),
        limits=Limits(),
        log=lambda _level, _message: None,
    )

    assert set(host.synchronous) - set(read_only.synchronous) == {
        "metadata.get",
        "metadata.set",
        "metadata.has",
        "metadata.delete",
        "metadata.list",
        "display.table",
        "display.chart",
        "progress",
    }
    assert set(read_only.asynchronous) == {
        "datasource.call",
        "datasource.frame",
        "stream.open",
        "stream.next",
        "stream.close",
    }


def test_every_method_of_a_column_is_known_to_the_host() -> None:
    spaces = {"str": "TextMethods", "dt": "DateMethods", "list": "ListMethods"}
    methods = set(DECLARED["ColumnMethods"].names()) - {*spaces, *HIDDEN}
    for space, interface in spaces.items():
        methods |= {f"{space}.{name}" for name in DECLARED[interface].names()}

    assert methods | set(DECLARED["pl"].names()) == set(METHODS)


def test_every_step_of_a_frame_is_known_to_the_host() -> None:
    inside = {"groupBy", "collect", "map", "forEach", "height", "columns", "schema", *HIDDEN}
    steps = set(DECLARED["DataFrame"].names()) - inside

    assert steps | {"aggregate", "count"} == set(STEPS) | set(DATA_STEPS)


@pytest.mark.parametrize(
    ("declaration", "names"),
    [
        ("Analysis", {*Definition.model_fields, "run"}),
        ("Schedule", {*ScheduleSpec.model_fields, "shouldRun"} - {"has_should_run"}),
        ("Parameter", {*ParameterSpec.model_fields} - {"has_dynamic_options"}),
        ("SelectOption", {*SelectOption.model_fields}),
        ("SelectOptionGroup", {*OptionGroup.model_fields}),
        ("Execution", {*LimitOverrides.model_fields, "memory_limit_mb"}),
        (
            "CSVOptions",
            {field.alias or name for name, field in DelimitedOptions.model_fields.items()},
        ),
        (
            "S3StreamOptions",
            {"onChunk"}
            | {field.alias or name for name, field in StreamOptions.model_fields.items()},
        ),
        (
            "PaginateOptions",
            {field.alias or name for name, field in PaginationOptions.model_fields.items()},
        ),
        ("TableOptions", {*TableHint.model_fields} - {"key"}),
        ("ColumnHint", {*ColumnHint.model_fields}),
        ("ChartSpec", {*ChartHint.model_fields}),
        ("ScheduleFacts", set(SCHEDULE)),
        ("TableInfo", set(TableInfo("t", (), 0, 0).for_script())),
        ("ColumnInfo", set(ColumnInfo.__slots__)),
    ],
)
def test_objects_are_declared_with_the_members_of_their_models(
    declaration: str, names: set[str]
) -> None:
    assert set(DECLARED[declaration].names()) == names


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (DECLARED["Parameter"].member("type").text, set(get_args(ParameterType))),
        (DECLARED["Compression"].text, set(FORMATS)),
        (
            DECLARED["ChartSpec"].member("type").text,
            set(get_args(ChartHint.model_fields["type"].annotation)),
        ),
        (
            DECLARED["ColumnHint"].member("format").text,
            set(get_args(get_args(ColumnHint.model_fields["format"].annotation)[0])),
        ),
        (DECLARED["Utils"].member("hash").text, {"sha256", "sha512", "sha1", "md5"}),
    ],
)
def test_choices_are_declared_as_the_host_knows_them(text: str, values: set[str]) -> None:
    assert strings_of(text) == values


def test_the_codes_that_are_named_exist() -> None:
    classes = [found for found in vars(errors).values() if isinstance(found, type)]
    codes = {found.code for found in classes if issubclass(found, errors.AnalysisSandboxError)}
    said = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b|CANCELLED|UNAVAILABLE", DECLARED["HostError"].text))

    assert said
    assert said <= codes


def test_everything_is_explained() -> None:
    types = {"BufferEncoding", "JoinKind", "SortOrder", "JoinOptions", "ColumnType"}
    silent = [
        name for name, found in DECLARED.items() if not (found.doc.text or found.doc.examples)
    ]

    assert set(silent) <= types


@pytest.mark.parametrize("interface", ["Context", "Warehouse", "Metadata", "Utils"])
def test_every_call_is_shown_in_an_example(interface: str) -> None:
    shown = {
        member.name
        for member in DECLARED[interface].members
        if member.doc.text and member.doc.examples
    }

    assert set(DECLARED[interface].names()) - shown <= {"files", "export"}


def test_examples_are_valid() -> None:
    from tree_sitter import Language, Parser
    from tree_sitter_typescript import language_typescript

    parser = Parser(Language(language_typescript()))
    docs = [d.doc for d in DECLARED.values()] + [
        m.doc for d in DECLARED.values() for m in d.members
    ]
    for example in [example for doc in docs for example in doc.examples]:
        readings = (
            f"async function f() {{\n{example}\n}}",
            f"({example})",
            f"({{{example}}})",
            example,
        )
        assert any(not parser.parse(text.encode()).root_node.has_error for text in readings), (
            example
        )


def test_the_document_about_ctx_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == ctx_document()


def test_typescript_takes_the_definitions_and_a_script_of_them(tmp_path: Path) -> None:
    deno = shutil.which("deno", path=str(Path(sys.executable).parent))
    if deno is None:
        pytest.skip("the extra `typescript` is not installed")
    (tmp_path / "analysis.d.ts").write_text(
        runtime.read(runtime.TYPE_DEFINITIONS), encoding="utf-8"
    )
    (tmp_path / "script.ts").write_text(_SCRIPT, encoding="utf-8")
    options = {"compilerOptions": {"strict": True, "lib": ["es2023"]}}
    (tmp_path / "deno.json").write_text(json.dumps(options), encoding="utf-8")

    checked = subprocess.run(  # noqa: PLW1510 - its output says more than its status
        [deno, "check", "--no-remote", "analysis.d.ts", "script.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"DENO_DIR": str(tmp_path / "deno"), "NO_COLOR": "1"},
    )

    assert checked.returncode == 0, checked.stderr


_SCRIPT = """/// <reference path="./analysis.d.ts" />
const options = async (ctx: Context, params: any) => {
  const rows = await ctx.datasource.shop.query("SELECT id, name FROM c WHERE n = $1", [params.n]);
  return rows.map((row) => ({ value: row.id, label: row.name }));
};

export default {
  title: "Types",
  execution: { timeout_ms: 60_000 },
  parameters: { city: { type: "select", options }, day: { type: "date", default: "today" } },
  async run(ctx, params) {
    const shop: SQLDataSource = ctx.datasource.shop;
    const api: RESTDataSource = ctx.datasource.api;
    const found = (await api.get("/orders", { page: 1 })).items;
    const orders = await shop.frame("SELECT * FROM orders WHERE day = $1", [params.day]);
    const scored = orders
      .filter(col("amount").gt(100))
      .withColumn("score", col("amount") * 0.4 + col("visits") * 0.6)
      .groupBy("city")
      .agg({ total: col("amount").sum(), count: "count" })
      .sort("total", false);
    const top: string[] = scored.map((row) => `${row.city}: ${row.get("total")}`);
    const bytes: Buffer = ctx.utils.compress({ top }, "zstd");
    const text: string = ctx.utils.decompress(bytes, "zstd", "text");
    const cells: any[][] = ctx.utils.parseExcel(bytes, "Sales");
    const lines: any[][] = ctx.utils.parseCSV(text, { headers: false });
    const stats = await ctx.query("SELECT count(*) FROM project.orders");
    const count: number = stats.rows[0].count + stats.rowCount;
    await ctx.query("shop", "SELECT 1");
    await ctx.loadData("scored", scored);
    await ctx.duckdb.saveDataFrame(scored, "scores", { mode: "append", partition: ["city"] });
    ctx.table("rows", { columns: [{ name: "total", format: "currency", currency: "EUR" }] });
    ctx.chart({ type: "bar", data: "rows", x: "city", y: ["total"] });
    ctx.progress(0.5, "half");
    ctx.log(ctx.schedule?.next_run, new Intl.NumberFormat("de").format(count));
    const child = await ctx.runAnalysis("rates", { day: params.day });
    if (!child.success) throw new Error(child.error);
    return { rows: scored, found, cells, lines, id: crypto.randomUUID() };
  },
} satisfies Analysis;
"""

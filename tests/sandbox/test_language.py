"""The JavaScript that authors expect, and the doors that are shut."""

import pytest

from tests.sandbox.conftest import Failure, Value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[1, 2, 3].at(-1)", 3),
        ("[3, 1].toSorted()", [1, 3]),
        ("Object.groupBy([1, 2], (n) => (n % 2 ? 'odd' : 'even'))", {"odd": [1], "even": [2]}),
        ("[1, 2, 3].findLast((n) => n < 3)", 2),
        ("'a-b-c'.replaceAll('-', '+')", "a+b+c"),
        ("Object.hasOwn({ a: 1 }, 'a')", True),
        ("new Error('x', { cause: 1 }).cause", 1),
        ("[...new Set([1]).union(new Set([2]))]", [1, 2]),
        ("params?.a?.b ?? 'none'", "none"),
        ("'2024-01-02'.match(/(?<y>\\d+)-(?<m>\\d+)/).groups.m", "01"),
        ("new Date(Date.UTC(2024, 0, 2)) - new Date(Date.UTC(2024, 0, 1))", 86_400_000),
        ("new Date(2024, 5, 1).toISOString()", "2024-06-01T00:00:00.000Z"),
        ("new Date(0).getTimezoneOffset()", 0),
        ("await (async () => { let n = 0; for await (const x of [1, 2]) n += x; return n; })()", 3),
        ("(function* () { yield* [1, 2]; })().toArray()", [1, 2]),
        ("(class { static #n = 1; static n() { return this.#n; } }).n()", 1),
        ("Array.from({ length: 2 }, (_, i) => i)", [0, 1]),
        ("btoa('hé') + atob('aGk=')", "aOk=hi"),
        ("2n ** 64n === 18446744073709551616n", True),
    ],
)
def test_the_language_is_modern(expression: str, expected: object, value: Value) -> None:
    assert value(f"return {{ got: {expression} }};") == {"got": expected}


def test_timers_fire_in_order_and_can_be_cleared(value: Value) -> None:
    got = value(
        """const seen = [];
        setTimeout(() => seen.push("late"), 40);
        setTimeout((...args) => seen.push(...args), 1, "soon", 1);
        setTimeout(() => seen.push("never"), 60e3);
        const cleared = setTimeout(() => seen.push("cleared"), 1);
        clearTimeout(cleared);
        queueMicrotask(() => seen.push("micro"));
        seen.push("now");
        let ticks = 0;
        await new Promise((resolve) => {
          const interval = setInterval(() => {
            if (++ticks === 3) { clearInterval(interval); resolve(); }
          }, 5);
        });
        await new Promise((resolve) => setTimeout(resolve, 60));
        clearTimeout(999); clearInterval(undefined);
        return { seen, ticks };"""
    )

    assert got == {"seen": ["now", "micro", "soon", 1, "late"], "ticks": 3}


@pytest.mark.parametrize("call", ["setTimeout('x()', 1)", "setInterval(1)", "queueMicrotask({})"])
def test_timers_take_functions_only(call: str, failure: Failure) -> None:
    assert "needs a function" in str(failure(call))


def test_timers_do_not_keep_a_finished_run_alive(value: Value) -> None:
    assert value("setInterval(() => ctx.log('tick'), 1); return { done: 1 };") == {"done": 1}


def test_structured_clone_copies_deeply(value: Value) -> None:
    got = value(
        r"""const source = { d: new Date(5), r: /x/g, m: new Map([["k", { n: 1 }]]),
          s: new Set([1]), b: new Uint8Array([1, 2]), a: [1, , 3], e: new RangeError("bad"),
          n: null, big: 3n };
        source.self = source;
        const copy = structuredClone(source);
        const messages = [];
        for (const bad of [() => 1, Symbol("s"), { f() {} }, Promise.resolve()]) {
          try { structuredClone(bad); } catch (e) { messages.push(e.name); }
        }
        return { self: copy.self === copy, other: copy !== source && copy.m !== source.m,
          d: copy.d.getTime(), r: String(copy.r), m: copy.m.get("k").n, s: [...copy.s],
          b: [...copy.b], a: copy.a.length, e: [copy.e instanceof RangeError, copy.e.message],
          big: copy.big === 3n, messages };"""
    )

    assert got == {
        "self": True,
        "other": True,
        "d": 5,
        "r": "/x/g",
        "m": 1,
        "s": [1],
        "b": [1, 2],
        "a": 3,
        "e": [True, "bad"],
        "big": True,
        "messages": ["DataCloneError"] * 4,
    }


def test_text_encodes_and_decodes(value: Value) -> None:
    got = value(
        r"""const text = "aé€😀\u0000z";
        const bytes = new TextEncoder().encode(text);
        const fatal = (b) => { try { return new TextDecoder("utf-8", { fatal: true }).decode(b); }
                               catch (e) { return e.name; } };
        const mark = new Uint8Array([239, 187, 191, 97]);
        const keeping = new TextDecoder("utf8", { ignoreBOM: true });
        return { n: bytes.length, back: new TextDecoder().decode(bytes) === text,
          lone: [...new TextEncoder().encode("\ud800")],
          bad: new TextDecoder().decode(new Uint8Array([97, 255, 98])),
          fatal: fatal(new Uint8Array([255])), part: new TextDecoder().decode(bytes.subarray(1, 3)),
          mark: [new TextDecoder().decode(mark), keeping.decode(mark).length],
          empty: [new TextDecoder().decode(), new TextEncoder().encode().length] };"""
    )

    assert got == {
        "n": 12,
        "back": True,
        "lone": [239, 191, 189],
        "bad": "a\ufffdb",
        "fatal": "TypeError",
        "part": "é",
        "mark": ["a", 2],
        "empty": ["", 0],
    }


def test_random_numbers_differ_from_run_to_run(value: Value) -> None:
    draws = {value("return { n: Math.random() };")["n"] for _ in range(20)}

    assert len(draws) == 20
    assert all(0 <= n < 1 for n in draws)


def test_the_clock_of_performance_begins_with_the_run(value: Value) -> None:
    got = value("return { now: performance.now(), type: typeof Date.now() };")

    assert 0 <= got["now"] < 20_000


@pytest.mark.parametrize(
    "expression",
    [
        "eval('1')",
        "(0, eval)('1')",
        "globalThis['ev' + 'al']('1')",
        "Function('return 1')()",
        "new Function('return 1')()",
        "(() => {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()",
        "(function* () {}).constructor('yield 1')()",
        "(async function* () {}).constructor('yield 1')()",
        "Object.getPrototypeOf(async () => {}).constructor('1')",
        "Reflect.construct(Function, ['return 1'])",
        "Reflect.apply(Function, null, ['return 1'])",
        "class X extends Function {}; new X('return 1')",
        "(class {}).constructor('return 1')",
        "ctx.log.constructor('return 1')()",
        "Function.prototype.constructor('1')",
    ],
)
def test_code_cannot_be_made_of_text(expression: str, failure: Failure) -> None:
    error = failure(f"{expression};")

    assert "is not available in an analysis" in str(error) or "not a function" in str(error)


def test_functions_are_still_functions(value: Value) -> None:
    got = value(
        """return { f: (() => 1) instanceof Function, a: (async () => 1) instanceof Function,
          bind: Function.prototype.call.bind([].slice)([1, 2], 1) };"""
    )

    assert got == {"f": True, "a": True, "bind": [2]}


def test_nothing_of_the_runtime_is_left_among_the_globals(value: Value) -> None:
    names = value("return { names: Object.getOwnPropertyNames(globalThis) };")["names"]

    assert not [name for name in names if "port" in name or "runtime" in name]
    assert {"std", "os", "process", "require", "fetch", "scriptArgs"}.isdisjoint(names)

"""QuickJS, complete: one context with an interrupt hook, modules under their own name, and ports.

The only importer of the engine. The Python package offers evaluation, calls and callables; what it
lacks is reached through the C functions that its extension exports: an interrupt handler that works
beside callables, compilation under a file name, unhandled rejections, and the seed of Math.random.
"""

import ctypes
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Not `quickjs`: that package starts a thread when it is imported, and this process forks.
import _quickjs  # pyright: ignore[reportMissingImports]

from analysis_sandbox.sandbox.protocol import EXIT_BROKEN, EXIT_NO_MEMORY
from analysis_sandbox.sandbox.runtime import PREFIX

_extension: Any = _quickjs

STACK_BYTES = 1 << 20
Port = Callable[..., Any]

_GLOBAL, _MODULE, _COMPILE_ONLY = 0, 1, 1 << 5
_TAG_UNDEFINED, _TAG_EXCEPTION = 3, 6
_WRITABLE_ENUMERABLE_CONFIGURABLE = 7
# Where the extension's Context keeps its two pointers, checked by JS_GetRuntime.
_RUNTIME_OFFSET, _CONTEXT_OFFSET = 16, 24
_WORD = 8
_XORSHIFT = 0x2545F4914F6CDD1D
# No limit anybody sets, to recognise its place; and how far into the runtime to look for it.
_ODD_LIMIT, _COUNTERS_END = 0x5A5A_1234_5678, 256
# In front of a served module's specifier: its name in stacks, apart from the script's own.
_SERVED = "npm:"
# The engine cuts messages off at 255 bytes.
_MOST_NAMED = 100


class EngineError(Exception):
    """This build of the engine is not the one this module knows."""


class ThrownError(Exception):
    """JavaScript threw outside of any promise: name, message and raw stack."""

    def __init__(self, *, name: str, message: str, stack: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.stack = stack


class _Value(ctypes.Structure):
    _fields_ = (("payload", ctypes.c_uint64), ("tag", ctypes.c_int64))


class _Options(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("filename", ctypes.c_char_p),
        ("line", ctypes.c_int),
    )


_Pointer = ctypes.c_void_p
_Interrupt = ctypes.CFUNCTYPE(ctypes.c_int, _Pointer, _Pointer)
_Normaliser = ctypes.CFUNCTYPE(_Pointer, _Pointer, ctypes.c_char_p, ctypes.c_char_p, _Pointer)
_Loader = ctypes.CFUNCTYPE(_Pointer, _Pointer, ctypes.c_char_p, _Pointer)
_Tracker = ctypes.CFUNCTYPE(None, _Pointer, _Value, _Value, ctypes.c_bool, _Pointer)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "JS_GetRuntime": (_Pointer, (_Pointer,)),
    "JS_SetInterruptHandler": (None, (_Pointer, _Interrupt, _Pointer)),
    "JS_SetHostPromiseRejectionTracker": (None, (_Pointer, _Tracker, _Pointer)),
    "JS_SetModuleLoaderFunc": (None, (_Pointer, _Normaliser, _Loader, _Pointer)),
    # Variadic: a format, and here always one text for it.
    "JS_ThrowReferenceError": (_Value, (_Pointer, ctypes.c_char_p, ctypes.c_char_p)),
    "JS_Eval2": (_Value, (_Pointer, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Options))),
    "JS_Call": (_Value, (_Pointer, _Value, _Value, ctypes.c_int, ctypes.POINTER(_Value))),
    "JS_NewObject": (_Value, (_Pointer,)),
    "JS_DupValue": (_Value, (_Pointer, _Value)),
    "JS_FreeValue": (None, (_Pointer, _Value)),
    "JS_GetException": (_Value, (_Pointer,)),
    "JS_GetPropertyStr": (_Value, (_Pointer, _Value, ctypes.c_char_p)),
    "JS_DefinePropertyValueUint32": (
        ctypes.c_int,
        (_Pointer, _Value, ctypes.c_uint32, _Value, ctypes.c_int),
    ),
    "JS_ToCStringLen2": (_Pointer, (_Pointer, _Pointer, _Value, ctypes.c_bool)),
    "JS_FreeCString": (None, (_Pointer, _Pointer)),
    "js_strdup": (_Pointer, (_Pointer, ctypes.c_char_p)),
    "js_malloc_usable_size_rt": (ctypes.c_size_t, (_Pointer, _Pointer)),
}


def contained(port: Callable[..., Any]) -> Callable[..., Any]:
    """End the process when `port` raises: the engine could not go on after a Python exception."""

    @functools.wraps(port)
    def call(*arguments: Any) -> Any:
        try:
            return port(*arguments)
        except MemoryError:
            os._exit(EXIT_NO_MEMORY)
        except OSError:
            # The supervisor is gone.
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the last frame of Python before the engine
            os._exit(EXIT_BROKEN)

    return call


class Engine:
    """One JavaScript context. Used by one thread; survives a fork."""

    def __init__(self, ports: Mapping[str, Port], *, is_interrupted: Callable[[], bool]) -> None:
        """Create the context; `ports` become global functions that the runtime scripts collect.

        A port takes and returns str, int, float, bool or None; one that raises ends the process.
        `is_interrupted` is asked every few thousand steps; True ends the script.

        Raises:
            EngineError: the extension is not laid out as this module expects.
        """
        self._library = _load()
        is_interrupted = contained(is_interrupted)
        self._context = _extension.Context()
        self._runtime_pointer = _pointer_at(self._context, _RUNTIME_OFFSET)
        self._pointer = _pointer_at(self._context, _CONTEXT_OFFSET)
        if self._library.JS_GetRuntime(self._pointer) != self._runtime_pointer:
            raise EngineError("the engine's extension has an unexpected layout")
        self._seed = self._find_seed()
        self._heap = self._find_heap()
        for name, port in ports.items():
            self._context.add_callable(name, contained(port))

        def interrupt(_runtime: int, _opaque: int | None) -> int:
            return is_interrupted()

        self._interrupt = _Interrupt(interrupt)
        self._library.JS_SetInterruptHandler(self._runtime_pointer, self._interrupt, None)
        self._modules: dict[str, str] = {}
        self._normaliser = _Normaliser(contained(self._resolve))
        self._loader = _Loader(contained(self._load_module))
        self._library.JS_SetModuleLoaderFunc(
            self._runtime_pointer, self._normaliser, self._loader, None
        )
        self._tracker = _Tracker(contained(self._track))
        self._rejections: _Value | None = None
        self._unhandled: dict[int, int] = {}
        self._tracked = 0

    def boot(self, scripts: Iterable[tuple[str, str]]) -> None:
        """Run the runtime scripts: (file name, a function that takes the shared object) each.

        The array `rejections` of the shared object receives every rejection that nobody handles;
        one that somebody handles later is replaced by the array itself.

        Raises:
            ThrownError: a script does not compile or throws.
        """
        shared = self._library.JS_NewObject(self._pointer)
        undefined = _Value(0, _TAG_UNDEFINED)
        for filename, text in scripts:
            function = self._evaluate(text, filename, _GLOBAL)
            result = self._library.JS_Call(
                self._pointer, function, undefined, 1, ctypes.byref(shared)
            )
            self._raise_if_thrown(result)
        self._rejections = self._library.JS_GetPropertyStr(self._pointer, shared, b"rejections")
        self._library.JS_SetHostPromiseRejectionTracker(self._runtime_pointer, self._tracker, None)
        self._base_bytes: int = self._context.memory()["malloc_size"]

    def take_global(self, name: str) -> Callable[..., Any]:
        """Return the global function `name` and remove it from JavaScript's sight."""
        function = self._context.get(name)
        self._context.eval(f"delete globalThis.{name}")
        return self._guard(function)

    def heap_bytes(self) -> int:
        """Return what the script's values occupy; 0 where this build does not tell."""
        return 0 if self._heap is None else self._heap.value - self._base_bytes

    def limit(self, *, memory_bytes: int) -> None:
        """Allow the script `memory_bytes` beside what the runtime itself holds."""
        self._context.set_memory_limit(memory_bytes + self._base_bytes)
        self._context.set_max_stack_size(STACK_BYTES)

    def lift_memory_limit(self) -> None:
        """Make room for the last report of a script that used all it had."""
        self._context.set_memory_limit(-1)

    def reseed(self, entropy: bytes) -> bool:
        """Give Math.random its own sequence; every fork starts with the same one otherwise."""
        if self._seed is None:
            return False
        self._seed.value = int.from_bytes(entropy[:_WORD], "little") | 1
        return True

    def serve(self, modules: Mapping[str, str]) -> None:
        """Let the script import these modules, by specifier; each is compiled when it is needed."""
        self._modules = dict(modules)

    def compile_module(self, text: str, filename: str) -> None:
        """Make `text` importable for the runtime as `filename`, without running it.

        Raises:
            ThrownError: a syntax error, or an import of what is not served.
        """
        self._library.JS_FreeValue(
            self._pointer, self._evaluate(text, filename, _MODULE | _COMPILE_ONLY)
        )

    def run_job(self) -> bool:
        """Run one pending promise job and tell whether there was one.

        Raises:
            ThrownError: the job was interrupted, or there is no memory left to go on.
        """
        try:
            return bool(self._context.execute_pending_job())
        except _THROWN as error:
            raise _thrown(error) from None

    def _guard(self, function: Any) -> Callable[..., Any]:
        def call(*arguments: str | float | None) -> Any:
            try:
                return function(*arguments)
            except _THROWN as error:
                raise _thrown(error) from None

        return call

    def _evaluate(self, text: str, filename: str, flags: int) -> _Value:
        value = self._evaluated(text, filename, flags)
        self._raise_if_thrown(value)
        return value

    def _evaluated(self, text: str, filename: str, flags: int) -> _Value:
        code = text.encode("utf-8", "replace")
        options = _Options(1, flags, filename.encode("utf-8", "replace"), 1)
        value: _Value = self._library.JS_Eval2(
            self._pointer, code, len(code), ctypes.byref(options)
        )
        return value

    def _raise_if_thrown(self, value: _Value) -> None:
        if value.tag != _TAG_EXCEPTION:
            return
        error = self._library.JS_GetException(self._pointer)
        texts = [self._text_of(error, key) for key in (b"name", b"message", b"stack")]
        raise ThrownError(name=texts[0] or "null", message=texts[1], stack=texts[2])

    def _text_of(self, value: _Value, key: bytes) -> str:
        library = self._library
        member = library.JS_GetPropertyStr(self._pointer, value, key)
        text = library.JS_ToCStringLen2(self._pointer, None, member, False)  # noqa: FBT003 - C
        if not text:
            return ""
        try:
            return ctypes.string_at(text).decode("utf-8", "replace")
        finally:
            library.JS_FreeCString(self._pointer, text)

    # The two callbacks of an import: C calls them, so an exception is left in the engine.

    def _resolve(
        self, _context: int, importer: bytes, name: bytes, _opaque: int | None
    ) -> int | None:
        """Return the module's own name in memory of the engine's; None refuses it."""
        specifier, base = name.decode("utf-8", "replace"), importer.decode("utf-8", "replace")
        if base.startswith(PREFIX):
            own_name = specifier
        elif specifier in self._modules:
            own_name = _SERVED + specifier
        else:
            self._refuse_import(specifier, base)
            return None
        pointer: int | None = self._library.js_strdup(self._pointer, own_name.encode())
        return pointer

    def _load_module(self, _context: int, name: bytes, _opaque: int | None) -> int | None:
        """Compile a served module the first time it is imported; None when it threw."""
        own_name = name.decode("utf-8", "replace")
        text = self._modules.get(own_name.removeprefix(_SERVED))
        if text is None:
            self._refuse_import(own_name, "")
            return None
        module = self._evaluated(text, own_name, _MODULE | _COMPILE_ONLY)
        if module.tag == _TAG_EXCEPTION:
            return None
        # The context holds every module it has loaded; what was returned is one reference more.
        self._library.JS_FreeValue(self._pointer, module)
        pointer: int = module.payload
        return pointer

    def _refuse_import(self, specifier: str, importer: str) -> None:
        served = ", ".join(self._modules)
        stored = f"only {served}" if served else "no package"
        place = f" in {importer.removeprefix(_SERVED)}" if importer.startswith(_SERVED) else ""
        text = (
            f"Cannot import '{specifier[:_MOST_NAMED]}'{place[:_MOST_NAMED]}: "
            f"{stored} was stored with this version of the analysis"
        )
        self._library.JS_ThrowReferenceError(self._pointer, b"%s", text.encode("utf-8", "replace"))

    def _track(
        self,
        _context: int | None,
        promise: _Value,
        reason: _Value,
        is_handled: bool,  # noqa: FBT001 - C calls this
        _opaque: int | None,
    ) -> None:
        assert self._rejections is not None
        library = self._library
        if is_handled:
            index = self._unhandled.pop(promise.payload, None)
            # The array itself: the one value that no script can reject with.
            entry = library.JS_DupValue(self._pointer, self._rejections)
            library.JS_FreeValue(self._pointer, promise)
        else:
            # Held, so that no other promise gets its address.
            library.JS_DupValue(self._pointer, promise)
            index = self._unhandled[promise.payload] = self._tracked
            self._tracked += 1
            entry = library.JS_DupValue(self._pointer, reason)
        if index is not None:
            library.JS_DefinePropertyValueUint32(
                self._pointer, self._rejections, index, entry, _WRITABLE_ENUMERABLE_CONFIGURABLE
            )

    def _find_seed(self) -> "ctypes.c_uint64 | None":
        """Find the state of Math.random in the context: the word that predicts the last draw."""
        drawn = int(self._context.eval("Math.random() * 2 ** 52"))
        size: int = self._library.js_malloc_usable_size_rt(self._runtime_pointer, self._pointer)
        for offset in range(0, size - _WORD + 1, _WORD):
            word = ctypes.c_uint64.from_address(self._pointer + offset)
            if (word.value * _XORSHIFT & (1 << 64) - 1) >> 12 == drawn:
                return word
        return None

    def _find_heap(self) -> "ctypes.c_uint64 | None":
        """Find the word that counts the heap's bytes: it stands before the limit, as once set."""
        self._context.set_memory_limit(_ODD_LIMIT)
        size: int = self._context.memory()["malloc_size"]
        found = before = None
        for offset in range(0, _COUNTERS_END, _WORD):
            word = ctypes.c_uint64.from_address(self._runtime_pointer + offset)
            if word.value == _ODD_LIMIT and before is not None and before.value == size:
                found = before
            before = word
        self._context.set_memory_limit(-1)
        return found


_THROWN: tuple[type[Exception], ...] = (_extension.JSException, _extension.StackOverflow)


def _load() -> ctypes.PyDLL:
    library = ctypes.PyDLL(_extension.__file__)
    for name, (result, arguments) in _SIGNATURES.items():
        try:
            function = getattr(library, name)
        except AttributeError as error:
            raise EngineError(f"the engine's extension does not export {name}") from error
        function.restype = result
        function.argtypes = arguments
    return library


def _pointer_at(owner: object, offset: int) -> int:
    value = ctypes.c_void_p.from_address(id(owner) + offset).value
    if value is None:
        raise EngineError("the engine's extension has an unexpected layout")
    return value


def _thrown(error: Exception) -> ThrownError:
    """Read what the extension makes of an exception: "Name: message", then the stack."""
    headline, _, stack = str(error).partition("\n")
    name, colon, message = headline.partition(": ")
    if not colon:
        name, message = ("null", "") if headline == "null" else ("Error", headline)
    return ThrownError(name=name, message=message, stack=stack)

// structuredClone.
(function (runtime) {
  "use strict";

  const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { isError } = Error;
  const { hasOwn, keys } = Object;
  const ArrayBufferConstructor = ArrayBuffer;
  const DOMExceptionConstructor = DOMException;
  const ErrorConstructor = Error;
  const MapConstructor = Map;
  const ObjectConstructor = Object;
  const RegExpConstructor = RegExp;
  const SetConstructor = Set;
  const TypeErrorConstructor = TypeError;
  const { own, uncurry, global } = runtime;
  const describe = uncurry(Object.prototype.toString);
  const sliceBuffer = uncurry(ArrayBuffer.prototype.slice);
  const sliceText = uncurry(String.prototype.slice);
  const mapEach = uncurry(Map.prototype.forEach);
  const setEach = uncurry(Set.prototype.forEach);
  const mapSet = uncurry(Map.prototype.set);
  const setAdd = uncurry(Set.prototype.add);
  const DateConstructor = Date;
  const StringConstructor = String;

  // Reads that throw for every object but those of one kind.
  const unbox = [
    uncurry(Boolean.prototype.valueOf),
    uncurry(Number.prototype.valueOf),
    uncurry(String.prototype.valueOf),
    uncurry(BigInt.prototype.valueOf),
  ];
  const time = uncurry(Date.prototype.getTime);
  const mapSize = getter(Map.prototype, "size");
  const setSize = getter(Set.prototype, "size");
  const regexpSource = getter(RegExp.prototype, "source");
  const regexpFlags = getter(RegExp.prototype, "flags");
  const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
  const BOXED = [Boolean, Number, String, BigInt];
  const ERRORS = {
    __proto__: null,
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
  };
  // Each is its own kind of state, which no copy can have.
  const REFUSED = [Promise, WeakMap, WeakSet, WeakRef, FinalizationRegistry, Symbol];
  const VIEWS = [
    DataView,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float16Array,
    Float32Array,
    Float64Array,
  ];

  function getter(prototype, name) {
    return uncurry(getOwnPropertyDescriptor(prototype, name).get);
  }

  function is(value, type, read) {
    if (!(value instanceof type)) return false;
    try {
      read(value);
      return true;
    } catch {
      return false;
    }
  }

  function refusal(what) {
    return new DOMExceptionConstructor(`${what} could not be cloned.`, "DataCloneError");
  }

  function clone(value, seen) {
    if (typeof value === "function" || typeof value === "symbol") {
      throw refusal(StringConstructor(value));
    }
    if (typeof value !== "object" || value === null) return value;
    const known = seen.get(value);
    if (known !== undefined) return known;
    return (
      cloneSimple(value, seen) ??
        cloneBytes(value, seen) ??
        cloneCollection(value, seen) ??
        cloneError(value, seen) ??
        cloneMembers(value, seen)
    );
  }

  function keep(value, copy, seen) {
    seen.set(value, copy);
    return copy;
  }

  function cloneSimple(value, seen) {
    for (let i = 0; i < BOXED.length; i++) {
      if (is(value, BOXED[i], unbox[i])) {
        return keep(value, ObjectConstructor(unbox[i](value)), seen);
      }
    }
    if (is(value, DateConstructor, time)) {
      return keep(value, new DateConstructor(time(value)), seen);
    }
    if (value instanceof RegExpConstructor && value !== RegExpConstructor.prototype) {
      const copy = new RegExpConstructor(regexpSource(value), regexpFlags(value));
      return keep(value, copy, seen);
    }
    for (let i = 0; i < REFUSED.length; i++) {
      if (value instanceof REFUSED[i]) throw refusal(`#<${REFUSED[i].name}>`);
    }
    if (hasState(value)) throw refusal(describe(value));
    return undefined;
  }

  function hasState(value) {
    const kind = describe(value);
    return kind === "[object Generator]" || kind === "[object AsyncGenerator]";
  }

  function cloneBytes(value, seen) {
    if (is(value, ArrayBufferConstructor, bufferLength)) {
      return keep(value, sliceBuffer(value, 0), seen);
    }
    if (!isView(value)) return undefined;
    const buffer = clone(value.buffer, seen);
    for (let i = 0; i < VIEWS.length; i++) {
      if (!(value instanceof VIEWS[i])) continue;
      const length = i === 0 ? value.byteLength : value.length;
      return keep(value, new VIEWS[i](buffer, value.byteOffset, length), seen);
    }
    throw refusal("#<ArrayBufferView>");
  }

  function cloneCollection(value, seen) {
    if (is(value, MapConstructor, mapSize)) {
      const copy = keep(value, new MapConstructor(), seen);
      const members = [];
      mapEach(value, (item, key) => define(members, members.length, [key, item]));
      for (let i = 0; i < members.length; i++) {
        mapSet(copy, clone(members[i][0], seen), clone(members[i][1], seen));
      }
      return copy;
    }
    if (is(value, SetConstructor, setSize)) {
      const copy = keep(value, new SetConstructor(), seen);
      const members = [];
      setEach(value, (item) => define(members, members.length, item));
      for (let i = 0; i < members.length; i++) setAdd(copy, clone(members[i], seen));
      return copy;
    }
    return undefined;
  }

  function cloneError(value, seen) {
    if (!isError(value)) return undefined;
    const type = ERRORS[value.name] ?? ErrorConstructor;
    const copy = keep(value, new type(), seen);
    for (const name of ["stack", "message", "cause"]) {
      const member = getOwnPropertyDescriptor(value, name);
      if (member === undefined || !hasOwn(member, "value")) continue;
      const item = name === "cause" ? clone(member.value, seen) : StringConstructor(member.value);
      defineProperty(copy, name, { value: item, writable: true, configurable: true });
    }
    return copy;
  }

  function cloneMembers(value, seen) {
    const copy = keep(value, isArray(value) ? [] : {}, seen);
    if (isArray(value)) copy.length = value.length;
    const names = keys(value);
    for (let i = 0; i < names.length; i++) define(copy, names[i], clone(value[names[i]], seen));
    return copy;
  }

  function define(target, name, value) {
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  }

  function structuredClone(value, options) {
    if (arguments.length === 0) {
      throw new TypeErrorConstructor("structuredClone needs a value");
    }
    if (options?.transfer !== undefined && options.transfer.length !== 0) {
      throw new DOMExceptionConstructor(
        "structuredClone cannot transfer here, there is nobody to transfer to: leave transfer out",
        "DataCloneError",
      );
    }
    return clone(value, own(new MapConstructor(), "get", "set"));
  }

  global("structuredClone", structuredClone);
  Object.assign(runtime, { getter });
});

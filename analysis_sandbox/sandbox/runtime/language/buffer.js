// Buffer: bytes as Node's libraries want them. A Uint8Array with encodings.
(function (runtime) {
  "use strict";

  const { defineProperty, setPrototypeOf } = Reflect;
  const { fromBase64, fromHex } = Uint8Array;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { trunc, min } = Math;
  const ArrayBufferConstructor = ArrayBuffer;
  const Bytes = Uint8Array;
  const NumberConstructor = Number;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { decodeUtf16, decodeUtf8, encodeUtf8, fromUnits, uncurry, utf8Length } = runtime;
  const charCodeAt = uncurry(String.prototype.charCodeAt);
  const fillBytes = uncurry(Uint8Array.prototype.fill);
  const indexOfByte = uncurry(Uint8Array.prototype.indexOf);
  const lastIndexOfByte = uncurry(Uint8Array.prototype.lastIndexOf);
  const match = uncurry(String.prototype.match);
  const replace = uncurry(String.prototype.replace);
  const setBytes = uncurry(Uint8Array.prototype.set);
  const subarray = uncurry(Uint8Array.prototype.subarray);
  const toBase64 = uncurry(Uint8Array.prototype.toBase64);
  const toHex = uncurry(Uint8Array.prototype.toHex);
  const toLowerCase = uncurry(String.prototype.toLowerCase);

  const URL_SAFE = { alphabet: "base64url", omitPadding: true };
  const ENCODINGS = {
    __proto__: null,
    utf8: {
      encode: encodeUtf8,
      decode: (bytes) => decodeUtf8(bytes, false),
      size: utf8Length,
    },
    latin1: { encode: encodeUnits, decode: fromUnits, size: (text) => text.length },
    ascii: { encode: encodeUnits, decode: decodeAscii, size: (text) => text.length },
    utf16le: { encode: encodeUtf16, decode: decodeUtf16, size: (text) => text.length * 2 },
    hex: { encode: encodeHex, decode: toHex, size: (text) => text.length >>> 1 },
    base64: { encode: encodeBase64, decode: (bytes) => toBase64(bytes), size: base64Length },
    base64url: {
      encode: encodeBase64,
      decode: (bytes) => toBase64(bytes, URL_SAFE),
      size: base64Length,
    },
  };
  const ALIASES = {
    __proto__: null,
    "utf-8": "utf8",
    binary: "latin1",
    "utf-16le": "utf16le",
    ucs2: "utf16le",
    "ucs-2": "utf16le",
  };

  function encodingName(name) {
    if (typeof name !== "string") return undefined;
    const lower = toLowerCase(name);
    return lower in ENCODINGS ? lower : ALIASES[lower];
  }

  function encodingOf(name) {
    if (name === undefined || name === null || name === "") return ENCODINGS.utf8;
    const known = encodingName(name);
    if (known !== undefined) return ENCODINGS[known];
    throw coded(
      new TypeErrorConstructor(`Unknown encoding: ${StringConstructor(name)}`),
      "ERR_UNKNOWN_ENCODING",
    );
  }

  function encodeUnits(text) {
    const bytes = new Bytes(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = charCodeAt(text, i);
    return bytes;
  }

  function encodeUtf16(text) {
    const bytes = new Bytes(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      const unit = charCodeAt(text, i);
      bytes[2 * i] = unit;
      bytes[2 * i + 1] = unit >> 8;
    }
    return bytes;
  }

  function decodeAscii(bytes) {
    const masked = new Bytes(bytes.length);
    for (let i = 0; i < bytes.length; i++) masked[i] = bytes[i] & 0x7f;
    return fromUnits(masked);
  }

  // Up to the first pair that is none.
  function encodeHex(text) {
    return fromHex(match(text, /^(?:[0-9a-f]{2})*/i)[0]);
  }

  // Either alphabet; what belongs to none is passed over.
  function encodeBase64(text) {
    const clean = replace(replace(replace(text, /=.*$/s, ""), /-/g, "+"), /_/g, "/");
    let letters = replace(clean, /[^A-Za-z0-9+/]/g, "");
    if (letters.length % 4 === 1) letters = replace(letters, /.$/, "");
    return fromBase64(letters);
  }

  function base64Length(text) {
    const end = text.length - (match(text, /={1,2}$/)?.[0].length ?? 0);
    return trunc((end * 3) / 4);
  }

  function coded(error, code) {
    defineProperty(error, "code", {
      value: code,
      writable: true,
      configurable: true,
      enumerable: true,
    });
    return error;
  }

  function outOfRange(name, range, value) {
    return coded(
      new RangeErrorConstructor(
        `The value of "${name}" is out of range. It must be ${range}. ` +
          `Received ${StringConstructor(value)}`,
      ),
      "ERR_OUT_OF_RANGE",
    );
  }

  function wrongType(name, wanted, value) {
    return coded(
      new TypeErrorConstructor(
        `The "${name}" argument must be ${wanted}. Received ${runtime.format(value)}`,
      ),
      "ERR_INVALID_ARG_TYPE",
    );
  }

  /** Return a position within 0 and `end`; what is no number counts as `otherwise`. */
  function position(value, otherwise, end) {
    const number = value === undefined ? otherwise : trunc(NumberConstructor(value));
    return number > 0 ? min(number, end) : 0;
  }

  function asBuffer(bytes) {
    setPrototypeOf(bytes, Buffer.prototype);
    return bytes;
  }

  function sizeArgument(size) {
    if (typeof size !== "number") throw wrongType("size", "of type number", size);
    if (!(size >= 0 && size <= NumberConstructor.MAX_SAFE_INTEGER)) {
      throw outOfRange("size", ">= 0 && <= 9007199254740991", size);
    }
    return size;
  }

  function fromObject(value, encoding, length) {
    if (value instanceof ArrayBufferConstructor) {
      return asBuffer(new Bytes(value, encoding, length));
    }
    if (isView(value) || isArray(value)) return asBuffer(new Bytes(value));
    const inner = value.valueOf?.();
    if (inner !== undefined && inner !== null && inner !== value) {
      return Buffer.from(inner, encoding, length);
    }
    if (value.length !== undefined) return asBuffer(new Bytes(value));
    if (value.type === "Buffer" && isArray(value.data)) return asBuffer(new Bytes(value.data));
    const text = value[Symbol.toPrimitive]?.("string");
    if (typeof text === "string") return Buffer.from(text, encoding);
    throw wrongType("value", "a string, an array-like object, an ArrayBuffer or a Buffer", value);
  }

  /** Return what to look for or to fill with as bytes. */
  function bytesOf(value, encoding) {
    if (typeof value === "string") return encodingOf(encoding).encode(value);
    if (value instanceof Bytes) return value;
    throw wrongType("value", "a number, a string or a Uint8Array", value);
  }

  function compareBytes(a, b) {
    const shared = min(a.length, b.length);
    for (let i = 0; i < shared; i++) {
      if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    }
    return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
  }

  function checkBytes(value, name) {
    if (!(value instanceof Bytes)) throw wrongType(name, "a Buffer or a Uint8Array", value);
    return value;
  }

  function isAt(bytes, wanted, at) {
    for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
    return true;
  }

  function search(bytes, value, offset, encoding, step) {
    if (typeof offset === "string") return search(bytes, value, undefined, offset, step);
    let from = trunc(NumberConstructor(offset));
    if (offset === undefined || from !== from) from = step > 0 ? 0 : bytes.length;
    if (from < 0) from += bytes.length;
    if (from < 0) {
      if (step < 0) return -1;
      from = 0;
    }
    const next = step > 0 ? indexOfByte : lastIndexOfByte;
    if (typeof value === "number") return next(bytes, value & 255, from);
    const wanted = bytesOf(value, encoding);
    const last = bytes.length - wanted.length;
    if (wanted.length === 0) return min(from, bytes.length);
    if (last < 0 || (step > 0 && from > last)) return -1;
    let at = next(bytes, wanted[0], step > 0 ? from : min(from, last));
    while (at >= 0 && at <= last) {
      if (isAt(bytes, wanted, at)) return at;
      if (at + step < 0) return -1;
      at = next(bytes, wanted[0], at + step);
    }
    return -1;
  }

  class Buffer extends Uint8Array {
    static poolSize = 8192;

    static from(value, encoding, length) {
      if (typeof value === "string") return asBuffer(encodingOf(encoding).encode(value));
      if (typeof value === "object" && value !== null) return fromObject(value, encoding, length);
      throw wrongType("value", "a string, an array-like object, an ArrayBuffer or a Buffer", value);
    }

    static alloc(size, fill, encoding) {
      const buffer = asBuffer(new Bytes(sizeArgument(size)));
      return fill === undefined || fill === 0 ? buffer : buffer.fill(fill, encoding);
    }

    static allocUnsafe(size) {
      return asBuffer(new Bytes(sizeArgument(size)));
    }

    static allocUnsafeSlow(size) {
      return Buffer.allocUnsafe(size);
    }

    static concat(list, totalLength) {
      if (!isArray(list)) throw wrongType("list", "an array of Buffers", list);
      let total = 0;
      for (let i = 0; i < list.length; i++) total += checkBytes(list[i], `list[${i}]`).length;
      const size = totalLength === undefined ? total : sizeArgument(totalLength);
      const whole = asBuffer(new Bytes(size));
      let at = 0;
      for (let i = 0; i < list.length && at < size; i++) {
        const part = list[i];
        setBytes(whole, part.length > size - at ? subarray(part, 0, size - at) : part, at);
        at += part.length;
      }
      return whole;
    }

    static byteLength(value, encoding) {
      if (isView(value) || value instanceof ArrayBufferConstructor) return value.byteLength;
      if (typeof value !== "string") throw wrongType("string", "a string or bytes", value);
      return ENCODINGS[encodingName(encoding) ?? "utf8"].size(value);
    }

    static compare(a, b) {
      return compareBytes(checkBytes(a, "buf1"), checkBytes(b, "buf2"));
    }

    static isBuffer(value) {
      return value instanceof Buffer;
    }

    static isEncoding(name) {
      return encodingName(name) !== undefined;
    }
  }

  Object.assign(runtime, {
    Buffer,
    asBuffer,
    bufferParts: {
      bytesOf,
      checkBytes,
      coded,
      compareBytes,
      encodingOf,
      fillBytes,
      outOfRange,
      position,
      search,
      wrongType,
    },
  });
  runtime.global("Buffer", Buffer);
});

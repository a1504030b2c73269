// What a Buffer can do: text, comparison, search, copies.
(function (runtime) {
  "use strict";

  const { defineProperty } = Reflect;
  const { min, trunc } = Math;
  const Bytes = Uint8Array;
  const NumberConstructor = Number;
  const RangeErrorConstructor = RangeError;
  const { Buffer, isWriting, uncurry } = runtime;
  const {
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
  } = runtime.bufferParts;
  const setBytes = uncurry(Uint8Array.prototype.set);
  const subarray = uncurry(Uint8Array.prototype.subarray);

  function swap(bytes, size) {
    if (bytes.length % size !== 0) {
      throw coded(
        new RangeErrorConstructor(`Buffer size must be a multiple of ${size * 8}-bits`),
        "ERR_INVALID_BUFFER_SIZE",
      );
    }
    for (let at = 0; at < bytes.length; at += size) {
      for (let i = 0; i < size / 2; i++) {
        const kept = bytes[at + i];
        bytes[at + i] = bytes[at + size - 1 - i];
        bytes[at + size - 1 - i] = kept;
      }
    }
    return bytes;
  }

  const methods = {
    toString(encoding, start, end) {
      const from = position(start, 0, this.length);
      const to = position(end, this.length, this.length);
      if (to <= from) return "";
      const part = new Bytes(this.buffer, this.byteOffset + from, to - from);
      return encodingOf(encoding).decode(part);
    },

    toJSON() {
      // On its way to the host it stays bytes.
      return isWriting() ? this : { type: "Buffer", data: numbersOf(this) };
    },

    equals(other) {
      return compareBytes(this, checkBytes(other, "otherBuffer")) === 0;
    },

    compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
      checkBytes(target, "target");
      const mine = range(this, "source", sourceStart, sourceEnd);
      return compareBytes(mine, range(target, "target", targetStart, targetEnd));
    },

    indexOf(value, byteOffset, encoding) {
      return search(this, value, byteOffset, encoding, 1);
    },

    lastIndexOf(value, byteOffset, encoding) {
      return search(this, value, byteOffset, encoding, -1);
    },

    includes(value, byteOffset, encoding) {
      return search(this, value, byteOffset, encoding, 1) !== -1;
    },

    // Unlike that of a Uint8Array it shares the memory.
    slice(start, end) {
      return subarray(this, start, end);
    },

    copy(target, targetStart, sourceStart, sourceEnd) {
      const from = position(sourceStart, 0, this.length);
      const to = position(sourceEnd, this.length, this.length);
      const at = position(targetStart, 0, checkBytes(target, "target").length);
      const count = min(to - from, target.length - at);
      if (count <= 0) return 0;
      setBytes(target, new Bytes(this.buffer, this.byteOffset + from, count), at);
      return count;
    },

    fill(value, offset, end, encoding) {
      if (typeof offset === "string") return this.fill(value, undefined, undefined, offset);
      if (typeof end === "string") return this.fill(value, offset, undefined, end);
      const { from, to } = limits(this, "", offset, end);
      if (typeof value !== "string" && !(value instanceof Bytes)) {
        return fillBytes(this, value & 255, from, to);
      }
      const pattern = bytesOf(value, encoding);
      if (pattern.length === 0) {
        if (value !== "") throw wrongType("value", "valid in its encoding", value);
        return fillBytes(this, 0, from, to);
      }
      for (let i = from; i < to; i++) this[i] = pattern[(i - from) % pattern.length];
      return this;
    },

    write(text, offset, length, encoding) {
      if (typeof text !== "string") throw wrongType("argument", "of type string", text);
      if (typeof offset === "string") return this.write(text, 0, undefined, offset);
      if (typeof length === "string") return this.write(text, offset, undefined, length);
      const at = offset ?? 0;
      if (!(at >= 0 && at <= this.length)) {
        throw outOfRange("offset", `>= 0 && <= ${this.length}`, at);
      }
      const room = min(length ?? this.length - at, this.length - at);
      const bytes = encodingOf(encoding).encode(text);
      const count = bytes.length <= room ? bytes.length : cut(bytes, room, encoding);
      setBytes(this, subarray(bytes, 0, count), at);
      return count;
    },

    swap16() {
      return swap(this, 2);
    },

    swap32() {
      return swap(this, 4);
    },

    swap64() {
      return swap(this, 8);
    },
  };

  function numbersOf(bytes) {
    const numbers = [];
    for (let i = 0; i < bytes.length; i++) numbers[i] = bytes[i];
    return numbers;
  }

  function limits(bytes, what, start, end) {
    const from = start ?? 0;
    const to = end ?? bytes.length;
    if (!(from >= 0 && from <= bytes.length)) {
      throw outOfRange(what === "" ? "offset" : `${what}Start`, `>= 0 && <= ${bytes.length}`, from);
    }
    if (!(to >= 0 && to <= bytes.length)) {
      throw outOfRange(what === "" ? "end" : `${what}End`, `>= 0 && <= ${bytes.length}`, to);
    }
    return { from, to };
  }

  function range(bytes, what, start, end) {
    const { from, to } = limits(bytes, what, start, end);
    return new Bytes(bytes.buffer, bytes.byteOffset + from, to > from ? to - from : 0);
  }

  /** Return how many of the bytes fit without a part of a character. */
  function cut(bytes, room, encoding) {
    const name = encoding === undefined ? "utf8" : encoding;
    if (encodingOf(name) === encodingOf("utf16le")) return room - (room % 2);
    if (encodingOf(name) !== encodingOf("utf8")) return room;
    let count = room;
    while (count > 0 && bytes[count] >> 6 === 2) count -= 1;
    return count;
  }

  // readUInt8 ... writeDoubleBE
  const TYPES = {
    Uint8: [1, 0, 255],
    Int8: [1, -128, 127],
    Uint16: [2, 0, 65535],
    Int16: [2, -32768, 32767],
    Uint32: [4, 0, 4294967295],
    Int32: [4, -2147483648, 2147483647],
    BigUint64: [8, 0n, 2n ** 64n - 1n],
    BigInt64: [8, -(2n ** 63n), 2n ** 63n - 1n],
    Float32: [4],
    Float64: [8],
  };
  const NAMES = {
    Uint8: ["UInt8", "Uint8"],
    Uint16: ["UInt16", "Uint16"],
    Uint32: ["UInt32", "Uint32"],
    BigUint64: ["BigUInt64", "BigUint64"],
    Float32: ["Float"],
    Float64: ["Double"],
  };

  function viewAt(bytes, offset, size) {
    if (typeof offset !== "number") throw wrongType("offset", "of type number", offset);
    const last = bytes.length - size;
    if (last < 0) {
      throw coded(
        new RangeErrorConstructor("Attempt to access memory outside buffer bounds"),
        "ERR_BUFFER_OUT_OF_BOUNDS",
      );
    }
    if (!(offset >= 0 && offset <= last && trunc(offset) === offset)) {
      const wanted = trunc(offset) === offset ? `>= 0 and <= ${last}` : "an integer";
      throw outOfRange("offset", wanted, offset);
    }
    return new View(bytes.buffer, bytes.byteOffset + offset, size);
  }

  const View = DataView;
  for (const [type, [size, lowest, highest]] of Object.entries(TYPES)) {
    const get = uncurry(DataView.prototype[`get${type}`]);
    const set = uncurry(DataView.prototype[`set${type}`]);
    for (const name of NAMES[type] ?? [type]) {
      for (const order of size === 1 ? [""] : ["LE", "BE"]) {
        methods[`read${name}${order}`] = function (offset = 0) {
          return get(viewAt(this, offset, size), 0, order === "LE");
        };
        methods[`write${name}${order}`] = function (value, offset = 0) {
          const number = typeof lowest === "bigint" ? value : NumberConstructor(value);
          if (number < lowest || number > highest) {
            throw outOfRange("value", `>= ${lowest} and <= ${highest}`, value);
          }
          set(viewAt(this, offset, size), 0, number, order === "LE");
          return offset + size;
        };
      }
    }
  }

  function widthOf(byteLength) {
    if (typeof byteLength !== "number") throw wrongType("byteLength", "of type number", byteLength);
    if (!(byteLength >= 1 && byteLength <= 6 && trunc(byteLength) === byteLength)) {
      throw outOfRange("byteLength", ">= 1 and <= 6", byteLength);
    }
    return byteLength;
  }

  for (const isSigned of [false, true]) {
    for (const order of ["LE", "BE"]) {
      for (const name of isSigned ? ["Int"] : ["UInt", "Uint"]) {
        const at = (i, size) => (order === "LE" ? i : size - 1 - i);
        methods[`read${name}${order}`] = function (offset, byteLength) {
          const size = widthOf(byteLength);
          viewAt(this, offset, size);
          let number = 0;
          for (let i = size - 1; i >= 0; i--) number = number * 256 + this[offset + at(i, size)];
          const half = 2 ** (8 * size - 1);
          return isSigned && number >= half ? number - 2 * half : number;
        };
        methods[`write${name}${order}`] = function (value, offset, byteLength) {
          const size = widthOf(byteLength);
          const whole = 2 ** (8 * size);
          const lowest = isSigned ? -whole / 2 : 0;
          let number = NumberConstructor(value);
          if (number < lowest || number >= lowest + whole) {
            throw outOfRange("value", `>= ${lowest} and < ${lowest + whole}`, value);
          }
          viewAt(this, offset, size);
          number = trunc(number) < 0 ? trunc(number) + whole : trunc(number);
          for (let i = 0; i < size; i++) {
            this[offset + at(i, size)] = number % 256;
            number = trunc(number / 256);
          }
          return offset + size;
        };
      }
    }
  }

  for (const name of Object.keys(methods)) {
    defineProperty(Buffer.prototype, name, {
      value: methods[name],
      writable: true,
      configurable: true,
    });
  }
  defineProperty(Buffer.prototype, "toLocaleString", { value: methods.toString });
  delete runtime.bufferParts;
});

// crypto: random values. Their source is the host, a page at a time.
(function (runtime) {
  "use strict";

  const { create } = Object;
  const { defineProperty } = Reflect;
  const { isView } = ArrayBuffer;
  const Bytes = Uint8Array;
  const DOMExceptionConstructor = DOMException;
  const { ask, global, uncurry } = runtime;
  const setBytes = uncurry(Uint8Array.prototype.set);
  const slice = uncurry(String.prototype.slice);
  const subarray = uncurry(Uint8Array.prototype.subarray);
  const toHex = uncurry(Uint8Array.prototype.toHex);

  const PAGE = 1024;
  const MOST = 65536;
  const INTEGERS = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
  ];
  let page = new Bytes(0);
  let used = 0;

  /** Fill the bytes; each byte of the source is given out once. */
  function fill(bytes) {
    if (bytes.length > PAGE / 4) {
      setBytes(bytes, ask("crypto.random", [bytes.length]));
      return bytes;
    }
    if (used + bytes.length > page.length) {
      page = ask("crypto.random", [PAGE]);
      used = 0;
    }
    setBytes(bytes, subarray(page, used, used + bytes.length));
    for (let i = 0; i < bytes.length; i++) page[used++] = 0;
    return bytes;
  }

  function isInteger(array) {
    for (let i = 0; i < INTEGERS.length; i++) if (array instanceof INTEGERS[i]) return true;
    return false;
  }

  function getRandomValues(array) {
    if (!isView(array) || !isInteger(array)) {
      throw new DOMExceptionConstructor(
        "crypto.getRandomValues needs an array of integers, for example a Uint8Array",
        "TypeMismatchError",
      );
    }
    if (array.byteLength > MOST) {
      throw new DOMExceptionConstructor(
        `crypto.getRandomValues gives ${MOST} bytes at once, not ${array.byteLength}`,
        "QuotaExceededError",
      );
    }
    fill(new Bytes(array.buffer, array.byteOffset, array.byteLength));
    return array;
  }

  function randomUUID() {
    const bytes = fill(new Bytes(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = toHex(bytes);
    const part = (from, to) => slice(hex, from, to);
    return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
  }

  const crypto = create(null);
  for (const value of [getRandomValues, randomUUID]) {
    defineProperty(crypto, value.name, { value, enumerable: true });
  }
  global("crypto", crypto);
});

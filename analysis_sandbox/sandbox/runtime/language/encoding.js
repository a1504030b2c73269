// Text as bytes and bytes as text: TextEncoder, TextDecoder, and what Buffer needs of them.
(function (runtime) {
  "use strict";

  const { apply, defineProperty } = Reflect;
  const { parse, stringify } = JSON;
  const { fromBase64 } = Uint8Array;
  const { isView } = ArrayBuffer;
  const { fromCharCode } = String;
  const ArrayBufferConstructor = ArrayBuffer;
  const Bytes = Uint8Array;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { port, uncurry, global } = runtime;
  const charCodeAt = uncurry(String.prototype.charCodeAt);
  const slice = uncurry(String.prototype.slice);
  const subarray = uncurry(Uint8Array.prototype.subarray);
  const setBytes = uncurry(Uint8Array.prototype.set);
  const toBase64 = uncurry(Uint8Array.prototype.toBase64);
  const toLowerCase = uncurry(String.prototype.toLowerCase);
  const toWellFormed = uncurry(String.prototype.toWellFormed);
  const trim = uncurry(String.prototype.trim);

  // Arguments of one call at most: the engine's stack is small.
  const CHUNK = 4096;
  // What windows-1252 makes of 0x80 to 0x9f; the other bytes are their own code points.
  const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
  const MARK = 0xfeff;

  function bytesOf(input, who) {
    if (isView(input)) return new Bytes(input.buffer, input.byteOffset, input.byteLength);
    if (input instanceof ArrayBufferConstructor) return new Bytes(input);
    throw new TypeErrorConstructor(`${who} needs an ArrayBuffer or a view of one`);
  }

  function encodeUtf8(text) {
    return fromBase64(port.encodeText(stringify(toWellFormed(text))));
  }

  /** Return the text; null if it has to be valid and is not. */
  function decodeUtf8(bytes, fatal) {
    if (bytes.length === 0) return "";
    const text = port.decodeText(toBase64(bytes), fatal);
    return text === null ? null : parse(text);
  }

  /** Return one code unit per item of `units`, an array of numbers. */
  function fromUnits(units) {
    let text = "";
    for (let i = 0; i < units.length; i += CHUNK) {
      text += apply(fromCharCode, undefined, subarrayOf(units, i, i + CHUNK));
    }
    return text;
  }

  function subarrayOf(units, from, to) {
    return units.length <= CHUNK ? units : subarray(units, from, to);
  }

  function decodeUtf16(bytes) {
    const units = [];
    let text = "";
    for (let i = 0; i + 1 < bytes.length; i += 2) {
      units[units.length] = bytes[i] | (bytes[i + 1] << 8);
      if (units.length === CHUNK) {
        text += apply(fromCharCode, undefined, units);
        units.length = 0;
      }
    }
    return text + apply(fromCharCode, undefined, units);
  }

  function decodeWindows1252(bytes) {
    const plain = fromUnits(bytes);
    let text = "";
    let from = 0;
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] < 0x80 || bytes[i] > 0x9f) continue;
      text += slice(plain, from, i) + WINDOWS_1252[bytes[i] - 0x80];
      from = i + 1;
    }
    return text + slice(plain, from);
  }

  /** Return how many bytes at the end are the begin of a character that goes on. */
  function unfinishedUtf8(bytes) {
    const last = bytes.length - 1;
    for (let back = 0; back < 3 && back <= last; back++) {
      const byte = bytes[last - back];
      if (byte >= 0xc2 && byte <= 0xf4) {
        const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
        if (wanted <= back + 1 || !continues(byte, bytes[last - back + 1], back)) return 0;
        return back + 1;
      }
      if (byte < 0x80 || byte > 0xbf) return 0;
    }
    return 0;
  }

  // Not every second byte may follow a first one.
  function continues(first, second, count) {
    if (count === 0) return true;
    if (first === 0xe0) return second >= 0xa0;
    if (first === 0xed) return second <= 0x9f;
    if (first === 0xf0) return second >= 0x90;
    return first !== 0xf4 || second <= 0x8f;
  }

  function unfinishedUtf16(bytes) {
    const odd = bytes.length % 2;
    const end = bytes.length - odd;
    const isHigh = end >= 2 && bytes[end - 1] >= 0xd8 && bytes[end - 1] <= 0xdb;
    return odd + (isHigh ? 2 : 0);
  }

  const ENCODINGS = {
    __proto__: null,
    "utf-8": {
      unfinished: unfinishedUtf8,
      decode: decodeUtf8,
    },
    "utf-16le": {
      unfinished: unfinishedUtf16,
      decode: (bytes, fatal) => {
        const text = decodeUtf16(bytes);
        const whole = toWellFormed(text);
        if (fatal && (whole !== text || bytes.length % 2)) return null;
        // Half a surrogate pair and the byte after it are one error.
        const isCut = bytes.length % 2 && !(unfinishedUtf16(bytes) > 1);
        return isCut ? `${whole}\ufffd` : whole;
      },
    },
    "windows-1252": { unfinished: () => 0, decode: decodeWindows1252 },
  };
  const LABELS = { __proto__: null };
  const ALIASES = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
    "utf-16le": "utf-16le utf-16 ucs-2 unicode iso-10646-ucs-2 csunicode unicodefeff",
    "windows-1252":
      "windows-1252 latin1 ascii us-ascii iso-8859-1 iso8859-1 iso_8859-1 iso88591 l1 cp1252 " +
      "x-cp1252 cp819 ibm819 ansi_x3.4-1968 csisolatin1 iso-ir-100 iso_8859-1:1987",
  };
  for (const [name, labels] of Object.entries(ALIASES)) {
    for (const label of labels.split(" ")) LABELS[label] = name;
  }

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }

    encode(text = "") {
      return encodeUtf8(StringConstructor(text));
    }

    encodeInto(text, target) {
      if (!(target instanceof Bytes)) {
        throw new TypeErrorConstructor("TextEncoder.encodeInto needs a Uint8Array to write into");
      }
      const source = StringConstructor(text);
      let read = 0;
      let written = 0;
      while (read < source.length) {
        const step = isPair(source, read) ? 2 : 1;
        const size = sizeOf(charCodeAt(source, read), step);
        if (written + size > target.length) break;
        written += size;
        read += step;
      }
      setBytes(target, encodeUtf8(slice(source, 0, read)));
      return { read, written };
    }
  }

  function isPair(text, at) {
    const first = charCodeAt(text, at);
    const second = at + 1 < text.length ? charCodeAt(text, at + 1) : 0;
    return first >= 0xd800 && first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff;
  }

  function sizeOf(unit, step) {
    if (step === 2) return 4;
    return unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
  }

  /** Return how many bytes the text has in utf-8. */
  function utf8Length(text) {
    let size = 0;
    for (let i = 0; i < text.length; i++) {
      const step = isPair(text, i) ? 2 : 1;
      size += sizeOf(charCodeAt(text, i), step);
      i += step - 1;
    }
    return size;
  }

  class TextDecoder {
    #name;
    #fatal;
    #keepMark;
    // Of a stream: bytes that wait for more, and whether it has begun.
    #rest = null;
    #hasBegun = false;

    constructor(label = "utf-8", options = {}) {
      const name = LABELS[toLowerCase(trim(StringConstructor(label)))];
      if (name === undefined) {
        throw new RangeErrorConstructor(
          `The "${label}" encoding is not supported: TextDecoder knows utf-8, utf-16le and latin1`,
        );
      }
      this.#name = name;
      this.#fatal = !!options?.fatal;
      this.#keepMark = !!options?.ignoreBOM;
    }

    get encoding() {
      return this.#name;
    }

    get fatal() {
      return this.#fatal;
    }

    get ignoreBOM() {
      return this.#keepMark;
    }

    decode(input, options) {
      const goesOn = !!options?.stream;
      const encoding = ENCODINGS[this.#name];
      let bytes = input === undefined ? new Bytes(0) : bytesOf(input, "TextDecoder");
      if (this.#rest !== null) bytes = joined(this.#rest, bytes);
      this.#rest = null;
      const kept = goesOn ? encoding.unfinished(bytes) : 0;
      if (kept > 0) {
        this.#rest = new Bytes(subarray(bytes, bytes.length - kept));
        bytes = subarray(bytes, 0, bytes.length - kept);
      }
      const text = encoding.decode(bytes, this.#fatal);
      if (text === null) {
        this.#hasBegun = false;
        throw invalid(this.#name);
      }
      const isMarked = !this.#hasBegun && charCodeAt(text, 0) === MARK && !this.#keepMark;
      this.#hasBegun = goesOn && (this.#hasBegun || text !== "");
      return isMarked && this.#name !== "windows-1252" ? slice(text, 1) : text;
    }
  }

  function invalid(name) {
    const error = new TypeErrorConstructor(
      `The encoded data was not valid for encoding ${name}`,
    );
    defineProperty(error, "code", {
      value: "ERR_ENCODING_INVALID_ENCODED_DATA",
      writable: true,
      configurable: true,
      enumerable: true,
    });
    return error;
  }

  function joined(first, second) {
    const whole = new Bytes(first.length + second.length);
    setBytes(whole, first);
    setBytes(whole, second, first.length);
    return whole;
  }

  for (const type of [TextEncoder, TextDecoder]) {
    defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
    global(type.name, type);
  }
  Object.assign(runtime, { encodeUtf8, decodeUtf8, decodeUtf16, fromUnits, utf8Length });
});

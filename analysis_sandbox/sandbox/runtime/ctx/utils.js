// ctx.utils: compression, hashes, Excel and CSV, computed by the host.
(function (runtime) {
  "use strict";

  const { freeze } = Object;
  const { isView } = ArrayBuffer;
  const { parse, stringify } = JSON;
  const Buffer = ArrayBuffer;
  const Bytes = Uint8Array;
  const TypeErrorConstructor = TypeError;
  const { ask, format } = runtime;

  const FORMS = { __proto__: null, bytes: true, text: true, json: true };

  /** Return bytes as bytes, whatever view of them was given; undefined for anything else. */
  function bytesOf(data) {
    if (isView(data)) return new Bytes(data.buffer, data.byteOffset, data.byteLength);
    return data instanceof Buffer ? new Bytes(data) : undefined;
  }

  function bytes(data, name) {
    const found = bytesOf(data);
    if (found !== undefined) return found;
    throw new TypeErrorConstructor(`${name} needs bytes, such as a Buffer, not ${format(data)}`);
  }

  /** Return bytes or text as they are, any other value as JSON. */
  function content(data, name) {
    if (typeof data === "string") return data;
    const text = bytesOf(data) ?? stringify(data);
    if (text !== undefined) return text;
    throw new TypeErrorConstructor(`${name} needs bytes, text or a JSON value, not ${format(data)}`);
  }

  function compress(data, kind = "gzip") {
    return ask("utils.compress", [content(data, "ctx.utils.compress"), kind]);
  }

  function decompress(data, kind = "gzip", as = "bytes") {
    if (!(as in FORMS)) {
      throw new TypeErrorConstructor(
        `ctx.utils.decompress returns "bytes", "text" or "json", not ${format(as)}`,
      );
    }
    const isText = as !== "bytes";
    const found = ask("utils.decompress", [bytes(data, "ctx.utils.decompress"), kind, isText]);
    return as === "json" ? parse(found) : found;
  }

  function hash(data, algorithm = "sha256") {
    return ask("utils.hash", [content(data, "ctx.utils.hash"), algorithm]);
  }

  function parseCSV(text, options = null) {
    const given = typeof text === "string" ? text : bytes(text, "ctx.utils.parseCSV");
    return ask("utils.parseCSV", [given, options]);
  }

  function parseExcel(data, sheet = null) {
    return ask("utils.parseExcel", [bytes(data, "ctx.utils.parseExcel"), sheet]);
  }

  Object.assign(runtime, {
    utils: freeze({ compress, decompress, hash, parseCSV, parseExcel }),
  });
});

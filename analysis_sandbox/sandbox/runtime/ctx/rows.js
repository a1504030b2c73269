// Rows as scripts get them: an array that drivers' habits work with as well.
(function (runtime) {
  "use strict";

  const { apply, defineProperty } = Reflect;
  const { isArray } = Array;
  const { create, keys } = Object;
  const { charCodeAt, indexOf, slice, toLowerCase } = String.prototype;

  const OPEN = 40;
  const CLOSE = 41;

  /** Give rows .rows, .columns and .rowCount, and their aggregates short names. */
  function decorate(rows) {
    if (!isArray(rows)) return rows;
    const first = rows.length > 0 ? rows[0] : null;
    const columns = typeof first === "object" && first !== null ? keys(first) : [];
    defineProperty(rows, "rows", { value: rows });
    defineProperty(rows, "columns", { value: columns });
    defineProperty(rows, "rowCount", { value: rows.length });
    shorten(rows, columns);
    return rows;
  }

  /** Let `count_star()` be read as `count` and `avg(x)` as `avg`, where only one can be meant. */
  function shorten(rows, columns) {
    const taken = create(null);
    for (let i = 0; i < columns.length; i++) taken[columns[i]] = true;
    const found = create(null);
    for (let i = 0; i < columns.length; i++) {
      const short = shortName(columns[i]);
      if (short !== "" && !taken[short]) found[short] = short in found ? "" : columns[i];
    }
    const shorts = keys(found);
    for (let i = 0; i < shorts.length; i++) {
      if (found[shorts[i]] !== "") alias(rows, shorts[i], found[shorts[i]]);
    }
  }

  function alias(rows, short, column) {
    const descriptor = {
      configurable: true,
      get() {
        return this[column];
      },
      // A script that writes the name means a member of its own.
      set(value) {
        const member = { value, writable: true, enumerable: true, configurable: true };
        defineProperty(this, short, member);
      },
    };
    for (let i = 0; i < rows.length; i++) defineProperty(rows[i], short, descriptor);
  }

  /** Return the function's name where the whole column is one call, else "". */
  function shortName(column) {
    const open = apply(indexOf, column, ["("]);
    if (open <= 0 || apply(charCodeAt, column, [column.length - 1]) !== CLOSE) return "";
    let depth = 0;
    for (let i = open; i < column.length; i++) {
      const code = apply(charCodeAt, column, [i]);
      if (code === OPEN) depth += 1;
      else if (code === CLOSE && --depth === 0 && i < column.length - 1) return "";
    }
    const name = apply(toLowerCase, apply(slice, column, [0, open]), []);
    for (let i = 0; i < name.length; i++) if (!isWord(apply(charCodeAt, name, [i]))) return "";
    return depth !== 0 ? "" : name === "count_star" ? "count" : name;
  }

  // a-z, 0-9 and _
  function isWord(code) {
    return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95;
  }

  Object.assign(runtime, { decorate });
});

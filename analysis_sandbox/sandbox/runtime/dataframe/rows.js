// The rows of a DataFrame inside the script: fetched in batches, for callbacks and loops.
(function (runtime) {
  "use strict";

  const { defineProperty } = Reflect;
  const { hasOwn, keys, setPrototypeOf } = Object;
  const PromiseConstructor = Promise;
  const TypeErrorConstructor = TypeError;
  const { ask, guard, isExpression, setMember, suggestion } = runtime;

  const BATCH_ROWS = 10_000;

  // What every row has beside its columns: get(name), and an error for unknown names.
  const rowPrototype = {};
  defineProperty(rowPrototype, "get", {
    value: function (name) {
      if (!hasOwn(this, name)) throw new TypeErrorConstructor(unknown(name, this));
      return this[name];
    },
    // A column may have this name, and a script may add members to its rows.
    writable: true,
  });
  guard(rowPrototype, unknown);

  function unknown(name, row) {
    return `The row has no column '${name}'. ${suggestion(`${name}`, keys(row))}`;
  }

  /** Call `visit(row, number)` for every row; the frame is worked out once. Return that frame. */
  function visitRows(handle, visit) {
    const whole = ask("frame.materialise", [handle]);
    for (let offset = 0; offset < whole.height; offset += BATCH_ROWS) {
      const rows = ask("frame.rows", [whole.handle, offset, BATCH_ROWS, null]);
      for (let i = 0; i < rows.length; i++) {
        visit(setPrototypeOf(rows[i], rowPrototype), offset + i);
      }
    }
    return whole.handle;
  }

  /** Keep the rows for which the predicate is true. */
  function keepRows(handle, predicate) {
    const kept = [];
    const whole = visitRows(handle, (row, number) => {
      const verdict = predicate(row, number);
      if (typeof verdict === "object" && verdict !== null) checkVerdict(verdict);
      if (verdict) kept[kept.length] = number;
    });
    return ask("frame.keep", [whole, kept]);
  }

  function checkVerdict(verdict) {
    if (verdict instanceof PromiseConstructor) {
      throw new TypeErrorConstructor(
        "filter() needs a function that is not async: it is asked at once",
      );
    }
    if (isExpression(verdict)) {
      throw new TypeErrorConstructor(
        "The function given to filter() got a row and must return true or false; pass the column " +
          "expression itself, without a function, as in df.filter(col(\"amount\").gt(100))",
      );
    }
  }

  /** Return the values that functions make of the rows: {name: [value, ...]}. */
  function columnsOf(handle, functions) {
    const names = keys(functions);
    const columns = {};
    for (let i = 0; i < names.length; i++) setMember(columns, names[i], []);
    visitRows(handle, (row, number) => {
      for (let i = 0; i < names.length; i++) {
        const value = functions[names[i]](row, number);
        if (typeof value === "object" && value !== null) checkValue(value, names[i]);
        columns[names[i]][number] = value === undefined ? null : value;
      }
    });
    return columns;
  }

  function checkValue(value, name) {
    if (value instanceof PromiseConstructor) {
      throw new TypeErrorConstructor(`The function for column '${name}' must not be async`);
    }
    if (isExpression(value)) {
      throw new TypeErrorConstructor(
        `The function for column '${name}' got a row and must return its value; pass the column ` +
          "expression itself, without a function",
      );
    }
  }

  /** Go through the rows in a for loop; the frame lives as long as the loop, being an argument. */
  function* iterate(_frame, handle) {
    const whole = ask("frame.materialise", [handle]);
    for (let offset = 0; offset < whole.height; offset += BATCH_ROWS) {
      const rows = ask("frame.rows", [whole.handle, offset, BATCH_ROWS, null]);
      for (let i = 0; i < rows.length; i++) yield setPrototypeOf(rows[i], rowPrototype);
    }
  }

  Object.assign(runtime, { columnsOf, iterate, keepRows, visitRows });
});

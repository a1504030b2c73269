// Column expressions: what col("amount").mul(2) builds. The host calculates; here is only the form.
(function (runtime) {
  "use strict";

  const { apply, defineProperty, getPrototypeOf } = Reflect;
  const { freeze, keys, prototype: objectPrototype } = Object;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { isFinite } = Number;
  const { stringify } = JSON;
  const { max, min } = Math;
  const DateConstructor = Date;
  const RegExpConstructor = RegExp;
  const TypeErrorConstructor = TypeError;
  const { getTime, toISOString } = Date.prototype;
  const { kindOfValue } = runtime;

  // A host takes JSON of 200 levels; an expression has two for each of its own.
  const MOST_LEVELS = 90;
  const FLAT_STEPS = 50;
  const MOST_STEPS = 1000;
  const LONGEST_TEXT = 300;

  // More than 0 while arguments are on their way to the host: the only place for an expression.
  let crossing = 0;

  /** What an expression becomes in JSON. */
  class Form {
    #brand;

    constructor(node) {
      this.$expr = node;
    }

    static is(value) {
      return #brand in value;
    }
  }

  class Expression {
    #method;
    #receiver;
    #arguments;
    #steps;
    #levelsBeside;

    constructor(method, receiver, args) {
      this.#method = method;
      this.#receiver = receiver;
      this.#arguments = args;
      this.#steps = receiver === null ? 1 : receiver.#steps + 1;
      this.#levelsBeside = max(receiver === null ? 0 : receiver.#levelsBeside, levels(args) - 1);
      if (this.#steps > MOST_STEPS || levels(this) > MOST_LEVELS) {
        throw new TypeErrorConstructor(
          "This column expression has too many steps: make a part of it a column of its own " +
            "with withColumn() first",
        );
      }
      // A subclass has fields to add first.
      if (new.target === Expression) freeze(this);
    }

    static is(value) {
      return #method in value;
    }

    static levels(value) {
      return value.#levelsBeside + min(value.#steps, FLAT_STEPS);
    }

    /** [method, receiver, ...arguments]; a long chain goes flat, being deeper than a host takes. */
    static node(value) {
      if (value.#steps <= FLAT_STEPS) {
        return join([value.#method, value.#receiver], value.#arguments);
      }
      const steps = [];
      let at = value;
      for (; at.#receiver !== null; at = at.#receiver) steps[steps.length] = at;
      const node = ["chain", at];
      for (let i = steps.length - 1; i >= 0; i--) {
        node[node.length] = join([steps[i].#method], steps[i].#arguments);
      }
      return node;
    }

    static describe(value, room) {
      let text = "";
      for (let at = value; at !== null; at = at.#receiver) {
        if (text.length > room) return `…${text}`;
        let inner = "";
        for (let i = 0; i < at.#arguments.length; i++) {
          inner += (i > 0 ? ", " : "") + describe(at.#arguments[i], room - text.length);
        }
        const step = `${at.#method}(${inner})`;
        text = text === "" ? step : `${step}.${text}`;
      }
      return text;
    }

    /** Give a template or a log a text for people; the language's own arithmetic is an error. */
    [Symbol.toPrimitive](hint) {
      if (hint === "string") return this.toString();
      throw new TypeErrorConstructor(
        `${this.toString()} is a column expression: JavaScript cannot calculate with it here. ` +
          "Use its methods, such as .add(), .mul(), .gt() or .eq(); operators work where the " +
          "script shows that a column is meant, as in col(\"a\") * 2",
      );
    }

    toString() {
      return Expression.describe(this, LONGEST_TEXT);
    }

    toJSON() {
      return runtime.isFormatting() ? this.toString() : new Form(Expression.node(this));
    }
  }

  function isExpression(value) {
    return typeof value === "object" && value !== null && Expression.is(value);
  }

  function levels(value) {
    if (typeof value !== "object" || value === null) return 0;
    if (Expression.is(value)) return Expression.levels(value);
    if (!isArray(value)) return 1;
    let most = 0;
    for (let i = 0; i < value.length; i++) most = max(most, levels(value[i]));
    return most + 1;
  }

  function join(list, items) {
    for (let i = 0; i < items.length; i++) list[list.length] = items[i];
    return list;
  }

  function describe(value, room) {
    if (room <= 0) return "…";
    if (isExpression(value)) return Expression.describe(value, room);
    if (!isArray(value)) return typeof value === "bigint" ? `${value}` : stringify(value);
    let text = "";
    for (let i = 0; i < value.length && text.length < room; i++) {
      text += (i > 0 ? ", " : "") + describe(value[i], room - text.length);
    }
    return `[${text}]`;
  }

  /**
   * Return a value as it crosses: an expression, plain data, a date or a pattern in its own form.
   *
   * `what` begins the message about everything else. The copy is ours: later changes do not count.
   */
  function operand(value, what) {
    switch (typeof value) {
      case "string":
      case "boolean":
      case "bigint":
        return value;
      case "number":
        if (isFinite(value)) return value;
        return typed(value > 0 ? "inf" : value < 0 ? "-inf" : "NaN", "float");
      case "object":
        return value === null ? null : operandObject(value, what);
      default:
        throw new TypeErrorConstructor(
          `${what} got ${kindOfValue(value)}: give it a column expression or a plain value`,
        );
    }
  }

  function operandObject(value, what) {
    if (Expression.is(value) || isView(value)) return value;
    const frame = runtime.frameReference(value);
    if (frame !== null) return frame;
    if (isArray(value)) {
      const copy = [];
      for (let i = 0; i < value.length; i++) copy[i] = operand(value[i], what);
      return copy;
    }
    if (value instanceof DateConstructor) {
      if (!isFinite(apply(getTime, value, []))) {
        throw new TypeErrorConstructor(`${what} got an invalid Date`);
      }
      return typed(apply(toISOString, value, []), "datetime");
    }
    if (value instanceof RegExpConstructor) return { $regex: [value.source, value.flags] };
    const prototype = getPrototypeOf(value);
    if (prototype === objectPrototype || prototype === null) return operandMembers(value, what);
    const name = prototype.constructor?.name;
    throw new TypeErrorConstructor(
      name === "UnfinishedWhen"
        ? `${what} got when(…) without .then(value)`
        : `${what} got ${name ?? "an object"}: give it a column expression or a plain value`,
    );
  }

  function operandMembers(value, what) {
    const copy = {};
    const names = keys(value);
    for (let i = 0; i < names.length; i++) {
      const member = value[names[i]];
      if (member !== undefined) setMember(copy, names[i], operand(member, what));
    }
    return copy;
  }

  // Whatever the name, it becomes a member: an assignment to `__proto__` would not make one.
  function setMember(target, name, value) {
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  }

  function typed(text, type) {
    return new Expression("cast", new Expression("lit", null, [text]), [type]);
  }

  /** Return the arguments as they cross, without those at the end that are undefined. */
  function operands(args, what, least = 0, most = Infinity) {
    let { length } = args;
    while (length > least && args[length - 1] === undefined) length -= 1;
    if (length < least || length > most) {
      const upTo = most === Infinity ? "or more" : `to ${most}`;
      const wanted = least === most ? `${least}` : `${least} ${upTo}`;
      const noun = wanted === "1" ? "argument" : "arguments";
      throw new TypeErrorConstructor(`${what} takes ${wanted} ${noun}, not ${length}`);
    }
    const copy = [];
    for (let i = 0; i < length; i++) {
      copy[i] = args[i] === undefined && i >= least ? null : operand(args[i], what);
    }
    return copy;
  }

  /** Do what sends expressions to the host. */
  function cross(action) {
    crossing += 1;
    try {
      return action();
    } finally {
      crossing -= 1;
    }
  }

  Object.assign(runtime, {
    Expression,
    cross,
    isExpression,
    operand,
    operands,
    setMember,
    // Replaced by the files that know frames.
    frameReference: () => null,
    isCalculation: isExpression,
    /** Tell whether this is an expression in JSON that is not meant for the host. */
    isStrayExpression: (value) => crossing === 0 && typeof value === "object" && Form.is(value),
  });
});

// The operators of the language where an operand may be a column expression. Scripts are rewritten
// to call these when they are saved; for every other value they are exactly the operators.
(function (runtime) {
  "use strict";

  const { defineProperty, ownKeys } = Reflect;
  const { freeze, create } = Object;
  const TypeErrorConstructor = TypeError;
  const { Expression, isExpression, lit, operand } = runtime;
  // The rewriter takes the first of these names that is not in the script.
  const MOST_NAMES = 10;

  /** Return the expression, or null where neither operand is one. */
  function combine(method, left, right) {
    if (!isExpression(left) && !isExpression(right)) return null;
    const receiver = isExpression(left) ? left : lit(left);
    return new Expression(method, receiver, [operand(right, `The operator for .${method}()`)]);
  }

  /** As combine; null is no value to compare with: the script asks whether it has an expression. */
  function compare(method, left, right) {
    const isAsked = left === null || left === undefined || right === null || right === undefined;
    return isAsked ? null : combine(method, left, right);
  }

  // The checks of types stand in each of them: most operands are none of ours, and this is quick.
  const binary = {
    add: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("add", a, b) : null) ?? a + b,
    sub: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("sub", a, b) : null) ?? a - b,
    mul: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("mul", a, b) : null) ?? a * b,
    div: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("div", a, b) : null) ?? a / b,
    mod: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("mod", a, b) : null) ?? a % b,
    pow: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("pow", a, b) : null) ?? a ** b,
    and: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("and", a, b) : null) ?? a & b,
    or: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("or", a, b) : null) ?? a | b,
    xor: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("xor", a, b) : null) ?? a ^ b,
    lt: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("lt", a, b) : null) ?? a < b,
    lte: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("lte", a, b) : null) ?? a <= b,
    gt: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("gt", a, b) : null) ?? a > b,
    gte: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? combine("gte", a, b) : null) ?? a >= b,
    eq: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? compare("eq", a, b) : null) ?? a === b,
    neq: (a, b) =>
      (typeof a === "object" || typeof b === "object" ? compare("neq", a, b) : null) ?? a !== b,
    equal: (a, b) => compare("eq", a, b) ?? a == b,
    unequal: (a, b) => compare("neq", a, b) ?? a != b,
  };

  const others = {
    neg: (value) => (isExpression(value) ? new Expression("neg", value, []) : -value),
    invert: (value) => (isExpression(value) ? new Expression("not", value, []) : ~value),
    not: (value) => (isExpression(value) ? new Expression("not", value, []) : !value),
    /** `!value` where both a column and the lack of one may be meant. */
    notSure(value) {
      if (!isExpression(value)) return !value;
      throw new TypeErrorConstructor(
        `! of the column expression ${value}: write .not() to negate the column, or == null to ` +
          "ask whether there is an expression",
      );
    },
    /** A condition of the language, whose value the script has calculated. */
    test(value) {
      if (!isExpression(value)) return value;
      throw new TypeErrorConstructor(
        `The column expression ${value} is no condition of JavaScript: it has a value for each ` +
          "row. Combine conditions with & and | instead of && and ||, choose with " +
          "when(condition).then(a).otherwise(b), select rows with df.filter(condition)",
      );
    },
    /** The member that a compound assignment changes; its object and key are evaluated once. */
    at: (target, key) => new Reference(target, key),
  };

  class Reference {
    #target;
    #key;
    #value;

    constructor(target, key) {
      if (target !== null && target !== undefined) {
        key = typeof key === "object" || typeof key === "function" ? propertyKey(key) : key;
      }
      this.#value = target[key];
      this.#target = target;
      this.#key = key;
    }

    static assign(reference, operator, right) {
      return (reference.#target[reference.#key] = operator(reference.#value, right));
    }
  }

  function propertyKey(key) {
    // A computed name converts as a member access does, once.
    return ownKeys({ [key]: 0 })[0];
  }

  for (const name of Object.keys(binary)) {
    const operator = binary[name];
    defineProperty(Reference.prototype, name, {
      value(right) {
        return Reference.assign(this, operator, right);
      },
    });
  }
  freeze(Reference.prototype);

  const operators = freeze(Object.assign(create(null), binary, others));
  for (let i = 0; i < MOST_NAMES; i++) {
    defineProperty(globalThis, i === 0 ? "$column" : `$column${i}`, { value: operators });
  }
});

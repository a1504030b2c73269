// What a wrong name on one of our objects says: the nearest right one, never `undefined`.
(function (runtime) {
  "use strict";

  const { get, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect;
  const { create, prototype: objectPrototype } = Object;
  const { isArray } = Array;
  const { min } = Math;
  const ProxyConstructor = Proxy;
  const TypeErrorConstructor = TypeError;
  const { toLowerCase } = String.prototype;
  const { uncurry } = runtime;
  const lower = uncurry(toLowerCase);

  // Asked of any object by JSON, await, templates and loggers: no name that a person meant.
  const INNER = Object.assign(create(null), { then: 1, toJSON: 1, nodeType: 1, inspect: 1 });
  const MOST_NAMES = 12;
  const LONGEST_NAME = 64;

  /** Return how many letters must change, be added or removed to make one name the other. */
  function distance(left, right) {
    let row = [];
    for (let j = 0; j <= right.length; j++) row[j] = j;
    for (let i = 1; i <= left.length; i++) {
      const next = [i];
      for (let j = 1; j <= right.length; j++) {
        const swap = row[j - 1] + (left[i - 1] === right[j - 1] ? 0 : 1);
        next[j] = min(swap, row[j] + 1, next[j - 1] + 1);
      }
      row = next;
    }
    return row[right.length];
  }

  /** Return the candidate that was probably meant, or null. */
  function nearest(name, candidates) {
    if (name.length > LONGEST_NAME) return null;
    const wanted = lower(name);
    let found = null;
    let least = 1 + (name.length < 4 ? 1 : name.length / 3);
    for (let i = 0; i < candidates.length; i++) {
      if (candidates[i].length > LONGEST_NAME) continue;
      const candidate = lower(candidates[i]);
      const letters = candidate === wanted ? 0 : distance(wanted, candidate);
      if (letters < least) {
        found = candidates[i];
        least = letters;
      }
    }
    return found;
  }

  function listed(names) {
    let text = "";
    for (let i = 0; i < names.length && i < MOST_NAMES; i++) text += (i > 0 ? ", " : "") + names[i];
    return names.length > MOST_NAMES ? `${text}, … (${names.length} in all)` : text;
  }

  /** Return a sentence that helps with an unknown name. */
  function suggestion(name, candidates) {
    const meant = nearest(name, candidates);
    return meant === null ? `There are: ${listed(candidates)}` : `Did you mean '${meant}'?`;
  }

  /** Return the names of the methods and properties of a class. */
  function memberNames(prototype) {
    const names = [];
    const all = ownKeys(prototype);
    for (let i = 0; i < all.length; i++) {
      if (typeof all[i] === "string" && all[i] !== "constructor" && !(all[i] in INNER)) {
        names[names.length] = all[i];
      }
    }
    return names;
  }

  /**
   * Let every unknown name that is asked of objects with this prototype throw what `explain` says.
   *
   * It stands behind the prototype, so that names which exist cost nothing.
   */
  function guard(prototype, explain) {
    const behind = getPrototypeOf(prototype) ?? objectPrototype;
    const wall = new ProxyConstructor(create(behind), {
      get(target, name, receiver) {
        if (typeof name === "symbol" || name in target) return get(target, name, receiver);
        if (name in INNER) return undefined;
        throw new TypeErrorConstructor(explain(name, receiver));
      },
    });
    setPrototypeOf(prototype, wall);
    return prototype;
  }

  /** Return what a value is, in the words of a message. */
  function kindOfValue(value) {
    if (value === null) return "null";
    if (isArray(value)) return "an array";
    switch (typeof value) {
      case "undefined":
        return "undefined";
      case "boolean":
        return `${value}`;
      case "string":
        return `the text '${value.length > 40 ? "…" : value}'`;
      case "number":
      case "bigint":
        return `${value}`;
      case "function":
        return "a function";
      case "symbol":
        return "a symbol";
      default:
        return "an object";
    }
  }

  Object.assign(runtime, { guard, kindOfValue, memberNames, suggestion });
});

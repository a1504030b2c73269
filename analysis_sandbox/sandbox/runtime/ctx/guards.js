// What the objects of ctx share: a wrong name is answered with the right ones, errors have codes.
(function (runtime) {
  "use strict";

  const { defineProperty, get } = Reflect;
  const { freeze, create, values } = Object;
  const ProxyConstructor = Proxy;
  const { refusal } = runtime;

  // As the host's errors are called, so that a script need not know who refused.
  const REFUSALS = own({
    not_found: { name: "NotFoundError", code: "NOT_FOUND" },
    unsupported: { name: "UnsupportedOperationError", code: "UNSUPPORTED_OPERATION" },
    read_only: { name: "ReadOnlyError", code: "READ_ONLY" },
  });

  // Asked of any object by JSON, await, templates and loggers: no name that a person meant.
  const INNER = own({ then: 1, toJSON: 1, toString: 1, valueOf: 1, constructor: 1, nodeType: 1 });

  function own(members) {
    return freeze(Object.assign(create(null), members));
  }

  /** Return an error with a stable code; the run ends with it when nobody catches it. */
  function refuse(kind, message) {
    const { name, code } = REFUSALS[kind];
    const error = refusal(name, message, kind);
    defineProperty(error, "code", { value: code, writable: true, configurable: true });
    return error;
  }

  /** Return `members`, with the error of `explain` for every name it does not have. */
  function closed(members, explain) {
    return new ProxyConstructor(freeze(members), {
      get(target, name) {
        if (typeof name === "symbol" || name in target) return get(target, name);
        if (name in INNER) return undefined;
        throw explain(name);
      },
    });
  }

  /** Return a function that lets an action through, or refuses it where a script only reads. */
  function writer(isReadOnly) {
    return (name, action) =>
      isReadOnly
        ? () => {
            throw refuse("read_only", `${name} is not available here: this code only reads`);
          }
        : action;
  }

  function list(names) {
    let text = "";
    for (let i = 0; i < names.length; i++) text += (i > 0 ? ", " : "") + names[i];
    return text;
  }

  function deepFreeze(value) {
    if (typeof value !== "object" || value === null) return value;
    const items = values(value);
    for (let i = 0; i < items.length; i++) deepFreeze(items[i]);
    return freeze(value);
  }

  Object.assign(runtime, { closed, deepFreeze, frozen: own, listed: list, refuse, writer });
});

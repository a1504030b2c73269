// URLSearchParams.
(function (runtime) {
  "use strict";

  const TypeErrorConstructor = TypeError;
  const { defineProperty, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { iterator } = Symbol;
  const { uncurry, global } = runtime;
  const { unescape } = runtime.urlHost;
  const indexOf = uncurry(String.prototype.indexOf);
  const push = uncurry(Array.prototype.push);
  const replace = uncurry(String.prototype.replace);
  const slice = uncurry(String.prototype.slice);
  const sort = uncurry(Array.prototype.sort);
  const splice = uncurry(Array.prototype.splice);
  const split = uncurry(String.prototype.split);
  const toWellFormed = uncurry(String.prototype.toWellFormed);
  const values = uncurry(Array.prototype.values);
  const { encodeURIComponent } = globalThis;

  const text = (value) => toWellFormed(`${value}`);

  function component(value) {
    const escaped = replace(encodeURIComponent(value), /[!'()~]|%20/g, (found) => {
      if (found === "%20") return "+";
      return found === "!" ? "%21" : FORM[found];
    });
    return escaped;
  }
  const FORM = { __proto__: null, "'": "%27", "(": "%28", ")": "%29", "~": "%7E" };

  function parsePairs(query) {
    const pairs = [];
    const parts = split(query, "&");
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === "") continue;
      const plain = replace(parts[i], /\+/g, " ");
      const at = indexOf(plain, "=");
      const name = at < 0 ? plain : slice(plain, 0, at);
      push(pairs, [unescape(name), at < 0 ? "" : unescape(slice(plain, at + 1))]);
    }
    return pairs;
  }

  function showPairs(pairs) {
    let shown = "";
    for (let i = 0; i < pairs.length; i++) {
      shown += `${i > 0 ? "&" : ""}${component(pairs[i][0])}=${component(pairs[i][1])}`;
    }
    return shown;
  }

  function pairsOf(init) {
    if (init === undefined) return [];
    if (init === null || (typeof init !== "object" && typeof init !== "function")) {
      const query = text(init);
      return parsePairs(query[0] === "?" ? slice(query, 1) : query);
    }
    const pairs = [];
    if (typeof init[iterator] === "function") {
      for (const pair of init) {
        const both = typeof pair === "object" && pair !== null ? [...pair] : [];
        if (both.length !== 2) {
          throw new TypeErrorConstructor("Each query pair must be an iterable [name, value] tuple");
        }
        push(pairs, [text(both[0]), text(both[1])]);
      }
      return pairs;
    }
    const names = ownKeys(init);
    for (let i = 0; i < names.length; i++) {
      if (!getOwnPropertyDescriptor(init, names[i])?.enumerable) continue;
      push(pairs, [text(names[i]), text(init[names[i]])]);
    }
    return pairs;
  }

  function need(args, count, names) {
    if (args.length >= count) return;
    throw new TypeErrorConstructor(`The ${names} must be specified`);
  }

  let bind;

  class URLSearchParams {
    #pairs;
    #changed = () => {};

    static {
      bind = (params, changed) => {
        params.#changed = changed;
        return (query) => {
          params.#pairs = parsePairs(query);
        };
      };
    }

    constructor(init) {
      this.#pairs = pairsOf(init);
    }

    get size() {
      return this.#pairs.length;
    }

    append(name, value) {
      need(arguments, 2, '"name" and "value" arguments');
      push(this.#pairs, [text(name), text(value)]);
      this.#changed();
    }

    #removeFrom(start, name, value) {
      for (let i = this.#pairs.length - 1; i >= start; i--) {
        const [key, item] = this.#pairs[i];
        if (key === name && (value === undefined || item === value)) splice(this.#pairs, i, 1);
      }
    }

    delete(name, value) {
      need(arguments, 1, '"name" argument');
      this.#removeFrom(0, text(name), value === undefined ? undefined : text(value));
      this.#changed();
    }

    get(name) {
      need(arguments, 1, '"name" argument');
      const at = this.#find(text(name));
      return at < 0 ? null : this.#pairs[at][1];
    }

    getAll(name) {
      need(arguments, 1, '"name" argument');
      const wanted = text(name);
      const found = [];
      for (const [key, value] of values(this.#pairs)) if (key === wanted) push(found, value);
      return found;
    }

    has(name, value) {
      need(arguments, 1, '"name" argument');
      return this.#find(text(name), value === undefined ? undefined : text(value)) >= 0;
    }

    #find(name, value) {
      for (let i = 0; i < this.#pairs.length; i++) {
        const [key, item] = this.#pairs[i];
        if (key === name && (value === undefined || item === value)) return i;
      }
      return -1;
    }

    set(name, value) {
      need(arguments, 2, '"name" and "value" arguments');
      const at = this.#find(text(name));
      if (at < 0) {
        push(this.#pairs, [text(name), text(value)]);
      } else {
        this.#pairs[at][1] = text(value);
        this.#removeFrom(at + 1, text(name));
      }
      this.#changed();
    }

    sort() {
      sort(this.#pairs, ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }

    forEach(callback, thisArgument) {
      if (typeof callback !== "function") {
        throw new TypeErrorConstructor('The "callback" argument must be of type function');
      }
      for (const [name, value] of this) callback.call(thisArgument, value, name, this);
    }

    *entries() {
      for (let i = 0; i < this.#pairs.length; i++) yield [this.#pairs[i][0], this.#pairs[i][1]];
    }

    *keys() {
      for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][0];
    }

    *values() {
      for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][1];
    }

    toString() {
      return showPairs(this.#pairs);
    }
  }

  defineProperty(URLSearchParams.prototype, iterator, {
    value: URLSearchParams.prototype.entries,
    writable: true,
    configurable: true,
  });

  /** Make `type` a global whose members can be listed, as those of the web are. */
  function publish(type) {
    for (const name of Object.getOwnPropertyNames(type.prototype)) {
      if (name !== "constructor") defineProperty(type.prototype, name, { enumerable: true });
    }
    defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
    global(type.name, type);
  }

  publish(URLSearchParams);
  Object.assign(runtime.urlHost, { URLSearchParams, bind, need, publish, text });
});

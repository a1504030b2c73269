// Intl: locales, options, and the data of the host that formatters share.
(function (runtime) {
  "use strict";

  const { create, freeze } = Object;
  const { isArray } = Array;
  const { defineProperty } = Reflect;
  const { stringify } = JSON;
  const MapConstructor = Map;
  const NumberConstructor = Number;
  const ObjectConstructor = Object;
  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { floor } = Math;
  const { ask, format, global, own, uncurry } = runtime;
  const includes = uncurry(Array.prototype.includes);
  const join = uncurry(Array.prototype.join);
  const push = uncurry(Array.prototype.push);

  const DEFAULT_LOCALE = "en-US";
  // What a script asked for before: the same options in a loop cost the host nothing.
  const MOST_KEPT = 200;

  /** Return a function that remembers what `make` returned for a text. */
  function remember(make) {
    const known = own(new MapConstructor(), "get", "set", "clear");
    let count = 0;
    return (key, ...args) => {
      let value = known.get(key);
      if (value === undefined) {
        if (++count > MOST_KEPT) {
          known.clear();
          count = 1;
        }
        value = make(key, ...args);
        known.set(key, value);
      }
      return value;
    };
  }

  /** Return the host's data for the arguments, asked for once. */
  const dataOf = remember((_key, name, args) => {
    const data = ask(name, args);
    if (data?.problem !== undefined) throw new RangeErrorConstructor(data.problem);
    return data;
  });

  function data(name, ...args) {
    return dataOf(`${name} ${stringify(args)}`, name, args);
  }

  function tagsOf(locales) {
    if (locales === undefined) return [];
    if (typeof locales === "string") return [locales];
    if (typeof locales !== "object" || locales === null) {
      throw new TypeErrorConstructor("Incorrect locale information provided");
    }
    const tags = [];
    for (let i = 0; i < locales.length; i++) {
      if (typeof locales[i] !== "string") {
        throw new TypeErrorConstructor("Incorrect locale information provided");
      }
      push(tags, locales[i]);
    }
    return tags;
  }

  /** Return the first locale asked for, with its keywords. */
  function localeOf(locales) {
    const tags = tagsOf(locales);
    if (tags.length === 0 || tags[0] === DEFAULT_LOCALE) {
      return { locale: DEFAULT_LOCALE, keywords: {} };
    }
    return data("intl.locale", tags[0]);
  }

  /** Return a reader of `options`: of one of some words, of a number within bounds, of a flag. */
  function reader(options, who) {
    const source = options === undefined ? create(null) : ObjectConstructor(options);
    if (options === null) throw new TypeErrorConstructor(`${who} options cannot be null`);
    const one = (name, words, otherwise) => {
      const value = source[name];
      if (value === undefined) return otherwise;
      const text = `${value}`;
      if (words === null || includes(words, text)) return text;
      throw new RangeErrorConstructor(
        `Value ${text} out of range for ${who} options property ${name}`,
      );
    };
    const number = (name, low, high, otherwise) => {
      const value = source[name];
      if (value === undefined) return otherwise;
      const wanted = NumberConstructor(value);
      if (wanted >= low && wanted <= high) return floor(wanted);
      throw new RangeErrorConstructor(`${name} value is out of range.`);
    };
    const flag = (name) => (source[name] === undefined ? undefined : !!source[name]);
    const refuse = (name, known) => {
      const value = source[name];
      if (value === undefined || includes(known, value)) return;
      throw new RangeErrorConstructor(
        `${who} does not know ${name} ${format(value)} here: only ${join(known, ", ")}`,
      );
    };
    return { one, number, flag, refuse, raw: (name) => source[name] };
  }

  function matcher(read) {
    read.one("localeMatcher", ["lookup", "best fit"], "best fit");
  }

  function numbering(read) {
    read.refuse("numberingSystem", ["latn"]);
  }

  /** Return the methods that throw in the place of those that are not here. */
  function absent(type, names, advice) {
    for (const name of names) {
      const value = () => {
        throw new TypeErrorConstructor(
          `${type.name}.prototype.${name} is not available: ${advice}`,
        );
      };
      defineProperty(value, "name", { value: name });
      defineProperty(type.prototype, name, { value, writable: true, configurable: true });
    }
  }

  const Intl = {};
  defineProperty(Intl, Symbol.toStringTag, { value: "Intl", configurable: true });
  for (
    const [name, value] of Object.entries({
      getCanonicalLocales: (locales) => {
        const names = [];
        for (const tag of tagsOf(locales)) {
          const { locale } = data("intl.locale", tag);
          if (!includes(names, locale)) push(names, locale);
        }
        return names;
      },
    })
  ) {
    defineProperty(Intl, name, { value, writable: true, configurable: true });
  }
  global("Intl", Intl);

  /** Make `type` a member of Intl, which may be called without `new`. */
  function publish(type, isCallable) {
    const supportedLocalesOf = (locales) => {
      const known = [];
      for (const tag of tagsOf(locales)) {
        const { locale, problem } = ask("intl.locale", [tag]);
        if (problem === undefined) push(known, locale);
      }
      return known;
    };
    defineProperty(type, "supportedLocalesOf", { value: supportedLocalesOf, configurable: true });
    const tag = `Intl.${type.name}`;
    defineProperty(type.prototype, Symbol.toStringTag, { value: tag, configurable: true });
    const value = isCallable ? callable(type) : type;
    if (isCallable) defineProperty(type.prototype, "constructor", { value, configurable: true });
    defineProperty(Intl, type.name, { value, writable: true, configurable: true });
  }

  function callable(type) {
    return new Proxy(type, {
      apply: (target, _this, args) => new target(...args),
    });
  }

  Object.assign(runtime, {
    intl: freeze({
      absent,
      data,
      isArray,
      localeOf,
      matcher,
      numbering,
      publish,
      reader,
      remember,
      text: StringConstructor,
      DEFAULT_LOCALE,
    }),
  });
});

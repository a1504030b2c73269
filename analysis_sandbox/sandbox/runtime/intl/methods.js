// What the language's own types show in a locale: toLocaleString, localeCompare and the like.
(function (runtime) {
  "use strict";

  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const { defineProperty, getPrototypeOf } = Reflect;
  const { isArray } = Array;
  const { Collator, DateTimeFormat, uncurry } = runtime;
  const { localeOf, remember } = runtime.intl;
  const { NumberFormat } = globalThis.Intl;
  const { stringify } = JSON;
  const bigintOf = uncurry(BigInt.prototype.valueOf);
  const getTime = uncurry(Date.prototype.getTime);
  const numberOf = uncurry(Number.prototype.valueOf);
  const replace = uncurry(String.prototype.replace);
  const test = uncurry(RegExp.prototype.test);
  const toLowerCase = uncurry(String.prototype.toLowerCase);
  const toUpperCase = uncurry(String.prototype.toUpperCase);

  const formatters = remember((_key, make) => make());

  // One formatter for all calls with the same options.
  function formatter(kind, make, locales, options) {
    const isPlain = options === undefined && (locales === undefined || typeof locales === "string");
    const key = isPlain ? `${kind} ${locales}` : `${kind} ${stringify([locales, options])}`;
    return formatters(key, make);
  }

  function method(type, name, action, length = 0) {
    const value = {
      [name](...args) {
        return action(this, ...args);
      },
    }[name];
    defineProperty(value, "length", { value: length, configurable: true });
    defineProperty(type.prototype, name, { value, writable: true, configurable: true });
  }

  for (
    const [type, valueOf] of [
      [Number, numberOf],
      [BigInt, bigintOf],
    ]
  ) {
    method(type, "toLocaleString", (self, locales, options) => {
      const value = valueOf(self);
      const make = () => new NumberFormat(locales, options).format;
      return formatter("number", make, locales, options)(value);
    });
  }

  for (
    const [name, required, defaults] of [
      ["toLocaleString", "any", "all"],
      ["toLocaleDateString", "date", "date"],
      ["toLocaleTimeString", "time", "time"],
    ]
  ) {
    method(Date, name, (self, locales, options) => {
      const time = getTime(self);
      if (time !== time) return "Invalid Date";
      const make = () => new DateTimeFormat(locales, options, required, defaults).format;
      return formatter(name, make, locales, options)(time);
    });
  }

  // Local time is UTC, and the engine does not say so.
  for (const name of ["toString", "toTimeString"]) {
    const show = uncurry(Date.prototype[name]);
    method(Date, name, (self) => {
      const text = show(self);
      return text === "Invalid Date" ? text : `${text} (Coordinated Universal Time)`;
    });
  }

  // The engine's is wrong in the last digits, even for 27.
  const roughCbrt = Math.cbrt;
  const cbrt = (value) => {
    const root = roughCbrt(value);
    const square = root * root;
    if (square === 0 || square === Infinity || root !== root) return root;
    return root - (square * root - value) / (3 * square);
  };
  defineProperty(Math, "cbrt", { value: cbrt, writable: true, configurable: true });

  function joined(self, locales, options) {
    if (self === null || self === undefined) {
      throw new TypeErrorConstructor("Cannot convert undefined or null to object");
    }
    let text = "";
    for (let i = 0; i < self.length; i++) {
      const item = self[i];
      if (i > 0) text += ",";
      if (item !== null && item !== undefined) text += item.toLocaleString(locales, options);
    }
    return text;
  }

  method(Array, "toLocaleString", joined);
  method(
    { prototype: getPrototypeOf(Uint8Array.prototype) },
    "toLocaleString",
    (self, locales, options) => {
      if (!isArray(self) && !ArrayBuffer.isView(self)) {
        throw new TypeErrorConstructor("this is not a typed array.");
      }
      return joined(self, locales, options);
    },
  );

  let inDefaultOrder = null;
  const { localeCompare } = {
    localeCompare(other, locales, options) {
      const [text, that] = [textOf(this), StringConstructor(other)];
      if (locales === undefined && options === undefined) {
        inDefaultOrder ??= new Collator().compare;
        return inDefaultOrder(text, that);
      }
      const make = () => new Collator(locales, options).compare;
      return formatter("order", make, locales, options)(text, that);
    },
  };
  defineProperty(localeCompare, "length", { value: 1, configurable: true });
  defineProperty(String.prototype, "localeCompare", {
    value: localeCompare,
    writable: true,
    configurable: true,
  });

  function textOf(self) {
    if (self === null || self === undefined) {
      throw new TypeErrorConstructor("String.prototype method called on null or undefined");
    }
    return StringConstructor(self);
  }

  // The languages whose letters change in their own way.
  function languageOf(locales) {
    const { locale } = localeOf(locales);
    return test(/^(?:tr|lt|el)\b/, locale) ? locale.slice(0, 2) : "";
  }

  method(String, "toLocaleUpperCase", (self, locales) => {
    const text = textOf(self);
    const language = languageOf(locales);
    if (language === "tr") return toUpperCase(replace(text, /i/g, "İ"));
    refuseLetters(language, text);
    return toUpperCase(text);
  });
  method(String, "toLocaleLowerCase", (self, locales) => {
    const text = textOf(self);
    const language = languageOf(locales);
    if (language === "tr") {
      return toLowerCase(replace(replace(text, /İ|I\u0307/g, "i"), /I/g, "ı"));
    }
    if (language === "lt") refuseLetters(language, text);
    return toLowerCase(text);
  });

  function refuseLetters(language, text) {
    if (language === "" || !test(/[^\0-\x7f]/, text)) return;
    throw new RangeErrorConstructor(
      `The letters of '${language}' beyond ASCII are not known here: use the method without a locale`,
    );
  }
});

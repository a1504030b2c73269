// The options of Intl.NumberFormat, read in the order and refused in the words of ECMA-402.
(function (runtime) {
  "use strict";

  const RangeErrorConstructor = RangeError;
  const TypeErrorConstructor = TypeError;
  const { uncurry } = runtime;
  const { data, localeOf, matcher, numbering, reader } = runtime.intl;
  const { readRounding } = runtime.digits;
  const test = uncurry(RegExp.prototype.test);
  const toUpperCase = uncurry(String.prototype.toUpperCase);

  const STYLES = ["decimal", "percent", "currency", "unit"];
  const NOTATIONS = ["standard", "scientific", "engineering", "compact"];
  const SIGNS = ["auto", "never", "always", "exceptZero", "negative"];
  const LENGTHS = ["short", "long"];
  const GROUPINGS = ["min2", "auto", "always", "true", "false"];

  function readNumberOptions(locales, options) {
    const { locale } = localeOf(locales);
    const read = reader(options, "Intl.NumberFormat");
    matcher(read);
    numbering(read);
    const style = read.one("style", STYLES, "decimal");
    const currency = readCurrency(read, style);
    const currencyDisplay = read.one(
      "currencyDisplay",
      ["code", "symbol", "narrowSymbol", "name"],
      "symbol",
    );
    const currencySign = read.one("currencySign", ["standard", "accounting"], "standard");
    const unit = readUnit(read, style);
    const unitDisplay = read.one("unitDisplay", ["short", "narrow", "long"], "short");
    const notation = read.one("notation", NOTATIONS, "standard");
    const isCompact = notation === "compact";
    const defaults = defaultDigits(style, currency, notation);
    const rounding = readRounding(read, defaults, isCompact);
    const compactDisplay = read.one("compactDisplay", LENGTHS, "short");
    const useGrouping = readGrouping(read, isCompact ? "min2" : "auto");
    const signDisplay = read.one("signDisplay", SIGNS, "auto");
    const chosen = { style };
    if (style === "currency") Object.assign(chosen, { currency, currencyDisplay, currencySign });
    if (style === "unit") Object.assign(chosen, { unit, unitDisplay });
    chosen.notation = notation;
    if (isCompact) chosen.compactDisplay = compactDisplay;
    return { locale, chosen, rounding, useGrouping, signDisplay };
  }

  function readCurrency(read, style) {
    const currency = read.one("currency", null);
    if (currency === undefined) {
      if (style === "currency") {
        throw new TypeErrorConstructor("Currency code is required with currency style.");
      }
      return undefined;
    }
    if (test(/^[a-z]{3}$/i, currency)) return toUpperCase(currency);
    throw new RangeErrorConstructor(`Invalid currency code : ${currency}`);
  }

  function readUnit(read, style) {
    const unit = read.one("unit", null);
    if (unit === undefined && style === "unit") {
      throw new TypeErrorConstructor("Unit is required with unit style.");
    }
    if (unit !== undefined && !test(/^[a-z-]{1,60}$/, unit)) {
      throw new RangeErrorConstructor(`Invalid unit argument for Intl.NumberFormat() '${unit}'`);
    }
    return unit;
  }

  function readGrouping(read, otherwise) {
    const value = read.raw("useGrouping");
    if (value === undefined) return otherwise;
    if (value === true) return "always";
    if (value === false || value === null || value === 0 || value === "") return false;
    const text = read.one("useGrouping", GROUPINGS);
    return text === "true" || text === "false" ? otherwise : text;
  }

  function defaultDigits(style, currency, notation) {
    if (style === "currency" && notation === "standard") {
      const digits = data("intl.currencyDigits", currency);
      return [digits, digits];
    }
    return style === "percent" ? [0, 0] : [0, 3];
  }

  Object.assign(runtime, { readNumberOptions });
});

// The options of Intl.DateTimeFormat, and the skeleton they make.
(function (runtime) {
  "use strict";

  const TypeErrorConstructor = TypeError;
  const { keys } = Object;
  const { data, localeOf, matcher, numbering, reader } = runtime.intl;
  const { zoneOf } = runtime.zones;

  const WORDS = ["narrow", "short", "long"];
  const DIGITS = ["2-digit", "numeric"];
  const STYLES = ["full", "long", "medium", "short"];
  const ZONE_NAMES = [
    "short",
    "long",
    "shortOffset",
    "longOffset",
    "shortGeneric",
    "longGeneric",
  ];
  // Option, allowed values, letters of a skeleton for each value.
  const WIDTHS = { narrow: 5, short: 3, long: 4, "2-digit": 2, numeric: 1 };
  const FIELDS = [
    ["weekday", WORDS, "E"],
    ["era", WORDS, "G"],
    ["year", DIGITS, "y"],
    ["month", [...DIGITS, ...WORDS], "M"],
    ["day", DIGITS, "d"],
    ["dayPeriod", WORDS, "B"],
    ["hour", DIGITS, "j"],
    ["minute", DIGITS, "m"],
    ["second", DIGITS, "s"],
  ];
  const DATE_FIELDS = ["weekday", "year", "month", "day"];
  const TIME_FIELDS = ["dayPeriod", "hour", "minute", "second", "fractionalSecondDigits"];
  function readDateOptions(locales, options, required, defaults) {
    const { locale, keywords } = localeOf(locales);
    const read = reader(options, "Intl.DateTimeFormat");
    matcher(read);
    read.refuse("calendar", ["gregory"]);
    numbering(read);
    const hour12 = read.flag("hour12");
    const cycles = ["h11", "h12", "h23", "h24"];
    const asked = read.one("hourCycle", cycles, keywords.hc);
    const zone = zoneOf(read.raw("timeZone"));
    const fields = {};
    for (const [name, values] of FIELDS) {
      const value = read.one(name, values);
      if (value !== undefined) fields[name] = value;
    }
    const fraction = read.number("fractionalSecondDigits", 1, 3);
    if (fraction !== undefined) fields.fractionalSecondDigits = fraction;
    const zoneName = read.one("timeZoneName", ZONE_NAMES);
    read.one("formatMatcher", ["basic", "best fit"]);
    const dateStyle = read.one("dateStyle", STYLES);
    const timeStyle = read.one("timeStyle", STYLES);
    const styles = { dateStyle, timeStyle };
    if (dateStyle !== undefined || timeStyle !== undefined) {
      refuseMixture(fields, zoneName, styles, required);
    } else {
      addDefaults(fields, required, defaults);
    }
    if (zoneName !== undefined) fields.timeZoneName = zoneName;
    return {
      locale,
      hour12,
      cycle: hour12 === undefined ? asked : undefined,
      zone,
      fields,
      styles,
    };
  }

  function refuseMixture(fields, zoneName, { dateStyle, timeStyle }, required) {
    const name = keys(fields)[0] ?? (zoneName === undefined ? undefined : "timeZoneName");
    if (name !== undefined) {
      const style = dateStyle === undefined ? "timeStyle" : "dateStyle";
      throw new TypeErrorConstructor(`Can't set option ${name} when ${style} is used`);
    }
    if (required === "date" && timeStyle !== undefined) {
      throw new TypeErrorConstructor("Invalid option : timeStyle");
    }
    if (required === "time" && dateStyle !== undefined) {
      throw new TypeErrorConstructor("Invalid option : dateStyle");
    }
  }

  function addDefaults(fields, required, defaults) {
    const wanted = [
      ...(required === "time" ? [] : DATE_FIELDS),
      ...(required === "date" ? [] : TIME_FIELDS),
    ];
    for (const name of wanted) if (fields[name] !== undefined) return;
    if (defaults !== "time") {
      for (const name of ["year", "month", "day"]) fields[name] = "numeric";
    }
    if (defaults !== "date") {
      for (const name of ["hour", "minute", "second"]) fields[name] = "numeric";
    }
  }

  function skeletonOf(fields) {
    let skeleton = "";
    for (const [name, , letter] of FIELDS) {
      if (fields[name] === undefined) continue;
      const width = WIDTHS[fields[name]];
      skeleton += letter.repeat(width === 3 && letter !== "M" && letter !== "E" ? 1 : width);
    }
    skeleton += "S".repeat(fields.fractionalSecondDigits ?? 0);
    const zone = fields.timeZoneName;
    if (zone !== undefined) {
      const letter = zone.endsWith("Offset") ? "O" : zone.endsWith("Generic") ? "v" : "z";
      skeleton += letter.repeat(zone.startsWith("long") ? 4 : 1);
    }
    return skeleton;
  }

  function cycleOf({ hour12, cycle, locale }) {
    if (hour12 === undefined) return cycle ?? null;
    return hour12 ? data("intl.hourCycles", locale)[0] : "h23";
  }

  Object.assign(runtime, { dateOptions: { FIELDS, WORDS, cycleOf, readDateOptions, skeletonOf } });
});

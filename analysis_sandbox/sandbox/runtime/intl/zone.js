// Time zones: how far local time is from UTC at a moment, and what the zone is called.
(function (runtime) {
  "use strict";

  const RangeErrorConstructor = RangeError;
  const StringConstructor = String;
  const { floor } = Math;
  const { uncurry } = runtime;
  const { data } = runtime.intl;
  const exec = uncurry(RegExp.prototype.exec);
  const padStart = uncurry(String.prototype.padStart);
  const replace = uncurry(String.prototype.replace);

  const UTC = { name: "UTC", offsets: [[0, 0, false]] };
  // The last change of an offset that the host computes.
  // Zones change their names; what is compared with Node begins with 2007.
  const FIRST_NAMED = 1167609600000;
  const LATEST = 5.68e12;

  /** Return the zone of a name or of an offset like "+05:30". */
  function zoneOf(name) {
    if (name === undefined) return UTC;
    const text = `${name}`;
    const found = exec(/^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/, text);
    if (found === null) return data("intl.zone", text);
    const [, sign, hours, minutes = "00"] = found;
    const seconds = (hours * 60 + +minutes) * (sign === "-" ? -60 : 60);
    const canonical = `${seconds === 0 ? "+" : sign}${hours}:${minutes}`;
    return { name: canonical, offsets: [[0, seconds, false]], isOffset: true };
  }

  /** Return [from, seconds, is summer time] of the zone at a moment. */
  function offsetAt({ name, offsets }, milliseconds) {
    let low = 0;
    let high = offsets.length - 1;
    if (high > 0 && milliseconds > LATEST && offsets[high][0] > LATEST - 4e10) {
      throw new RangeErrorConstructor(`Dates after the year 2149 are not known in ${name} here`);
    }
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (offsets[middle][0] <= milliseconds) low = middle;
      else high = middle - 1;
    }
    return offsets[low];
  }

  function gmt(patterns, seconds, isLong) {
    if (seconds === 0) return patterns[isLong ? "longZero" : "shortZero"];
    const size = seconds < 0 ? -seconds : seconds;
    const pad = (number) => padStart(StringConstructor(number), 2, "0");
    const hours = floor(size / 3600);
    const minutes = floor(size / 60) % 60;
    let text = isLong ? pad(hours) : StringConstructor(hours);
    if (isLong || minutes > 0 || size % 60 > 0) text += `:${pad(minutes)}`;
    if (size % 60 > 0) text += `:${pad(size % 60)}`;
    return replace(patterns[seconds < 0 ? "negative" : "positive"], "{0}", text);
  }

  /** Return what the field "z", "zzzz", "O" or "OOOO" shows. */
  function zoneText(zone, field, milliseconds, { locale, gmtPatterns }) {
    const [, seconds, isSummer] = offsetAt(zone, milliseconds);
    const isLong = field.length === 4;
    if (field[0] === "z" && zone.isOffset !== true) {
      if (milliseconds < FIRST_NAMED && zone.name !== "UTC") {
        throw new RangeErrorConstructor("Names of time zones before 2007 are not known here");
      }
      const names = data("intl.zoneNames", locale, zone.name, isLong ? "long" : "short");
      const name = names[isSummer ? "daylight" : "standard"];
      if (name) return name;
    }
    return gmt(gmtPatterns, seconds, isLong);
  }

  Object.assign(runtime, { zones: { zoneOf, offsetAt, zoneText } });
});

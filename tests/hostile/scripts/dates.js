// Dates, zones and locales beyond sense.

// case: year_beyond_the_calendar
// ends: SCRIPT_ERROR
// says: NaN|[Ii]nvalid|out of range
return { text: new Date(8.64e15 + 1).toISOString() };

// case: zone_of_a_path
// ends: SCRIPT_ERROR
// says: Invalid time zone specified
return { text: new Intl.DateTimeFormat("en", { timeZone: "../../../../etc/passwd" }).format(0) };

// case: zone_of_a_megabyte
// ends: SCRIPT_ERROR
// says: Invalid time zone specified
return { text: new Intl.DateTimeFormat("en", { timeZone: "A/".repeat(1e6) }).format(0) };

// case: zone_with_a_null_character
// ends: SCRIPT_ERROR
// says: Invalid time zone specified
return { text: new Intl.DateTimeFormat("en", { timeZone: "UTC\0" }).format(0) };

// case: zone_at_the_end_of_time
// ends: SCRIPT_ERROR
// says: not known
return { text: new Date(8.64e15).toLocaleString("en", { timeZone: "America/New_York" }) };

// case: locale_of_a_megabyte
// ends: SCRIPT_ERROR
// says: Incorrect locale information
return { text: new Intl.NumberFormat(`en-${"a".repeat(1e6)}`).format(1) };

// case: locale_of_dashes
// ends: SCRIPT_ERROR
// says: Incorrect locale information
return { text: new Intl.NumberFormat("a-".repeat(1e6)).format(1) };

// case: locale_of_a_path
// ends: SCRIPT_ERROR
// says: Incorrect locale information
return { text: (5).toLocaleString("../../../etc/passwd") };

// case: digits_beyond_the_limit
// ends: SCRIPT_ERROR
// says: minimumFractionDigits value is out of range
return { text: new Intl.NumberFormat("en", { minimumFractionDigits: 1e9 }).format(1) };

// case: currency_of_a_megabyte
// ends: SCRIPT_ERROR
// says: Invalid currency code
return { text: new Intl.NumberFormat("en", { style: "currency", currency: "X".repeat(1e6) }).format(1) };

// case: date_text_of_a_megabyte
// gives: {"invalid": true}
return { invalid: Number.isNaN(Date.parse("1".repeat(1e6))) };

// case: clock_cannot_be_set_back
// ends: TIME_LIMIT_EXCEEDED
Date.now = () => 0; globalThis.performance = { now: () => 0 }; globalThis.Date = null;
for (;;);

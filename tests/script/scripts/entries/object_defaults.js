parameters: {
  // Any of the special words may stand here: today, last_month, current_month...
  read_on: { type: "date", default: "today" },
  window: { type: "object", default: { from: "week_start", until: "week_end", zones: ["north"] } },
},

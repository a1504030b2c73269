schedule: { cron: "40 6 * * 3" }, // Wednesdays

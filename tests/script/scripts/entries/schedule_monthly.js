schedule: { cron: "5 0 1 * *", timezone: "UTC", enabled: false },

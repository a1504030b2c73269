schedule: { cron: "15 7 * * *", timezone: "Australia/Perth" },

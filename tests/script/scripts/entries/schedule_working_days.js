schedule: {
  cron: '30 8 * * 1-5', /* working days */
  timezone: 'America/Lima',
},

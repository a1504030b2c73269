export default {
  title: "A schedule where statements stand",
  run() {
    schedule: {
      cron: "0 4 * * *",
      timezone: "UTC"
    }
  },
};

// A crib sheet of calls, with a question mark after what may be left out, is no script.
export default {
  title: "SQL sources at a glance",
  async run(ctx) {
    ctx.datasource.depot_db.query(text, values?)
    ctx.datasource.scan_events.insert(into, rows)
    ctx.datasource.depot_db.stream(text, values?, rowsAtATime?)

    ctx.datasource.branch_file.execute(text, values?)
  },
};

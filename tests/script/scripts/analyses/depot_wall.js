// What hangs on the wall of the depot: one look into five systems, none older than the shift.
const OPEN_TICKETS = `
  query Tickets($depot: ID!, $after: Int) {
    depot(id: $depot) { tickets(state: OPEN, after: $after) { total nodes { severity } } }
  }`;

const LIMITS = new Map([
  ["belt_load", 0.92],
  ["unread_labels", 40],
]);

const tooHigh = (readings) =>
  [...LIMITS].flatMap(([name, most]) => (readings[name] > most ? [{ name, most, is: readings[name] }] : []));

export default {
  title: "Depot wall",
  schedule: { cron: "*/10 5-22 * * *", timezone: "Europe/Warsaw" },
  dependencies: {
    datasources: ["depot_db", "scan_events", "camera_bucket", "belt_api", "ticket_graph"],
  },

  async run(ctx) {
    const { depot_db: depot, camera_bucket: camera, ...others } = ctx.datasource;
    const shift = await depot.query("SELECT min(clocked_in) AS began, count(*) AS staff FROM shift");
    const { began, staff } = shift[0];

    const belts = await ctx.datasource.belt_api.get("/belts/now");
    const scans = await ctx.datasource.scan_events.query(
      "SELECT gate, uniq(barcode) AS parcels FROM scans WHERE at > ? GROUP BY gate WITH TOTALS",
      [began],
    );
    const stills = (await camera.list("unread/", { maxKeys: 500 })).filter(
      ({ lastModified }) => Date.parse(lastModified) > Date.parse(began),
    );
    const answer = await ctx.datasource.ticket_graph.query({
      query: OPEN_TICKETS,
      variables: { depot: "KRK-2", after: 0 },
    });

    const readings = {
      staff,
      belt_load: Math.max(...belts.map((belt) => belt.load)),
      unread_labels: stills.length,
      tickets: answer.depot?.tickets.total ?? 0,
    };
    await ctx.duckdb.exec(
      `INSERT INTO wall_history SELECT now(), '${JSON.stringify(readings).replaceAll("'", "''")}'`,
    );
    return { readings, scans, warnings: tooHigh(readings), other_sources: Object.keys(others).length };
  },
};

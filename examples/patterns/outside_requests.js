// Work for a service outside: requests are left in a table of the warehouse, the service answers
// there, and this analysis reads the answers of the last hour.
export default {
  title: "Requests to an outside service",
  parameters: { tail_number: { type: "string", default: "N14228" } },

  async run(ctx, params) {
    await ctx.duckdb.exec(`
      CREATE SEQUENCE IF NOT EXISTS outside_request_ids;
      CREATE TABLE IF NOT EXISTS outside_requests (
        id BIGINT DEFAULT nextval('outside_request_ids'), endpoint VARCHAR, payload JSON,
        status VARCHAR DEFAULT 'pending', answer JSON, created_at TIMESTAMP DEFAULT now()
      )`);
    const [{ id }] = await ctx.duckdb.query(
      "INSERT INTO outside_requests (endpoint, payload) VALUES (?, ?) RETURNING id",
      ["/maintenance/status", JSON.stringify({ tail_number: params.tail_number })],
    );
    const answered = await ctx.duckdb.query(`
      SELECT id, endpoint, answer FROM outside_requests
       WHERE status = 'completed' AND created_at > now() - INTERVAL '1 hour' ORDER BY id`);
    return { requested: id, answered };
  },
};

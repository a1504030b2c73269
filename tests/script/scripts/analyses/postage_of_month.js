export default {
  title: "Postage of one month",
  run: async function (ctx, parameters) {
    const sql = "SELECT sum(cents) AS cents, count(DISTINCT sender) AS senders FROM stamp WHERE period = $1";
    const rows = await ctx.datasource["franking_db"].query(sql, [parameters.period]);
    const { cents, senders } = rows[0];
    return { period: parameters.period, euros: Number(cents) / 100, senders };
  },
};

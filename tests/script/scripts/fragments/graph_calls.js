const { reader } = await ctx.datasource.reader_graph.query({
  query: `
    query Reader($card: String!) {
      reader(card: $card) { since loans(open: true) { due item { shelfmark } } }
    }
  `,
  variables: { card: params.card },
});

if (reader.loans.some(({ due }) => due < params.today)) {
  await ctx.datasource.reader_graph.mutate({
    mutation: `mutation Remind($to: ReminderInput!) { remind(to: $to) { sentAt } }`,
    variables: { to: { card: params.card, channel: "LETTER" } },
  });
}

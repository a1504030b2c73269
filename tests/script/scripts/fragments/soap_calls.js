const customs = ctx.datasource.customs_soap;
await customs.call("OpenDeclaration", { Mrn: params.mrn, WithSeals: false });
await customs.call("AddGoods", {
  Declaration: {
    Declarant: { Eori: "PL000000000000000", Role: "carrier" },
    Goods: [{ Tariff: "49019900", Net: 2.25 }, { Tariff: "85287200", Net: 11 }],
  },
});

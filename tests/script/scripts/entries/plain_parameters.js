parameters: {
  withLost: { required: false, type: "boolean" },
  shelves: { description: "How many shelves at most", type: "number", min: 1 },
  lent_after: { required: true, description: "First day", type: "date" },
},

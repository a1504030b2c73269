"""The demo project: a year of real flights and the analyses over them."""

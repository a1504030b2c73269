"""TypeScript: types become blanks, what is more than a type becomes JavaScript on the same line."""

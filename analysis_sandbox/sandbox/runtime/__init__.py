"""The JavaScript that scripts see, and its type definitions."""

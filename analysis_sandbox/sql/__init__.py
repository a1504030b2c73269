"""What a statement is and may do: policy and placeholders. Opens no database."""

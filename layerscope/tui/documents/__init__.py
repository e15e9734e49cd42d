"""Contents as rows, ready to be painted: text, bytes and differences. Nothing here depends on widgets."""

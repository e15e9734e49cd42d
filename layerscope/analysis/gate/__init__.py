"""The gate: limits that an image must keep, and what is told of those that it does not."""

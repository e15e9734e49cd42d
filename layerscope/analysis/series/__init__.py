"""Several releases of an image, in order: what each makes its users fetch again, and which step causes it."""

"""A series of releases of an image: the layers that users fetch again for each, and the step that causes it."""

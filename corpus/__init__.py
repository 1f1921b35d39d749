"""Archives in, a versioned release out."""

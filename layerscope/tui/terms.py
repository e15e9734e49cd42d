"""The five figures, in the words of docs/accounting.md."""

TERMS = {
    "stored": "content of all layers together",
    "live": "content that the final image still shows; a file with several hard links counts once",
    "wasted": "stored − live: content that a later step deleted or replaced",
    "efficiency": "live ÷ stored; 100 % for an image that stores nothing",
    "avoidable": "what the image would save if every finding were fixed",
}
"""What each is, or how it is computed."""

"""Real RUN and COPY instructions, and whether what findings advise for them builds and does the same."""

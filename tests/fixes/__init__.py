"""Real RUN and COPY instructions, and whether the fixes of findings for them build and do the same."""

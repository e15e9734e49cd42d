"""Many images at once: each distinct layer is read once, and questions are answered over all of them.

`references.py` finds the images, `tasks.py` reads them in other processes or on other machines, `run.py` says what is read when,
`tables.py` has the rows that come of it, and `answers/` what follows from these.
"""

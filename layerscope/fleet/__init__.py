"""Many images at once: each distinct layer is read once, and questions are answered over all of them.

`references.py` finds the images, `run.py` schedules the tasks of `tasks.py`, which read them in other processes or on other
machines, `tables.py` defines the rows of the results, and `answers/` evaluates them.
"""

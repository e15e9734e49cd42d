"""The corpus: instructions in the shapes of official images and popular projects, each with what it stores."""

from __future__ import annotations

from tests.fixes.corpus.copies import COPIES
from tests.fixes.corpus.debian import DEBIAN
from tests.fixes.corpus.forms import FORMS
from tests.fixes.corpus.languages import LANGUAGES
from tests.fixes.corpus.managers import MANAGERS
from tests.fixes.corpus.official import OFFICIAL
from tests.fixes.corpus.shells import SHELLS
from tests.fixes.corpus.steps import STEPS
from tests.fixes.corpus.unusual import UNUSUAL

CORPUS = (*DEBIAN, *OFFICIAL, *MANAGERS, *LANGUAGES, *SHELLS, *FORMS, *STEPS, *COPIES, *UNUSUAL)

"""The words and passages that source files are put together from."""

from __future__ import annotations

from layerscope.demo.dice import words

VERBS = words(
    "load parse build resolve encode decode merge validate register dispatch normalize flush "
    "collect update find split render open create convert check prepare select apply"
)
NOUNS = words(
    "session request response header cookie template buffer stream token node path option value "
    "entry record cache key handler route signal event frame field message module package "
    "attribute schema table index cursor segment line block group"
)
TRAITS = words(
    "default pending current cached raw nested strict lazy local remote partial known empty "
    "first last open shared private public safe"
)
PYTHON_IMPORTS = tuple(
    """\
import os
import re
import sys
import typing as t
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial, wraps
from itertools import chain
from pathlib import Path
from threading import Lock
from types import TracebackType""".splitlines()
)

_PYTHON = (
    '''
def ${verb}_${noun}(${other}, *, ${trait}=None):
    """$Verb the $noun of a $other.

    :param ${other}: the $other to work on.
    :param ${trait}: what to use when the $other has no $noun.
    """
    if ${other} is None:
        return ${trait}
    ${noun} = getattr(${other}, "${noun}", ${trait})
    if isinstance(${noun}, str):
        ${noun} = ${noun}.encode("utf-8")
    return ${noun}
''',
    '''
class ${Trait}${Noun}:
    """A $trait $noun that knows its $other."""

    __slots__ = ("_${other}", "_${noun}s", "_closed")

    def __init__(self, ${other}):
        self._${other} = ${other}
        self._${noun}s = {}
        self._closed = False

    def __len__(self):
        return len(self._${noun}s)

    def __repr__(self):
        return f"<{type(self).__name__} {len(self)} ${noun}s of {self._${other}!r}>"

    def ${verb}(self, name, value):
        """$Verb one $noun under its name."""
        if self._closed:
            raise RuntimeError("${verb} after close")
        self._${noun}s.setdefault(name, []).append(value)
''',
    '''
def iter_${trait}_${noun}s(${noun}s, limit=$number):
    """Yield every $trait $noun, at most *limit* of them."""
    seen = 0
    for ${noun} in ${noun}s:
        if not ${noun}.${trait}:
            continue
        if seen >= limit:
            break
        seen += 1
        yield ${noun}
''',
    '''
@contextmanager
def ${trait}_${other}(${noun}):
    """Hold a $trait $other while a $noun is in use."""
    ${other} = ${noun}.${verb}()
    try:
        yield ${other}
    except (KeyError, ValueError) as exc:
        raise ${noun}.error_class(f"cannot ${verb} {${noun}!r}") from exc
    finally:
        ${other}.close()
''',
    """
def _${verb}_${noun}_from_${other}(${other}, pos, size=$number):
    # The ${trait} form comes first: it is what most callers pass.
    end = pos + size
    ${noun} = ${other}[pos:end]
    if len(${noun}) != size:
        raise EOFError(f"${other} ends after {len(${noun})} of {size} bytes")
    return ${noun}, end
""",
    '''
_${trait}_${noun}_re = re.compile(
    r"""
    (?P<${noun}>[a-z_][a-z0-9_-]*)      # the name
    \\s* = \\s*
    (?P<${other}>"[^"]*"|[^\\s;]+)        # its value, quoted or not
    """,
    re.VERBOSE,
)
''',
    '''
def ${verb}_all(${noun}s, ${other}=None):
    """$Verb several at once and return those that failed."""
    failed = []
    lock = Lock()
    for ${noun} in ${noun}s:
        try:
            with lock:
                ${noun}.${verb}(${other})
        except OSError as exc:
            failed.append((${noun}, exc))
    return failed
''',
)

_C = (
    """
/* ${Verb} the ${trait} ${noun} of __${other}; return 0, or -1 and set errno.  */
extern int ${noun}_${verb} (struct ${other} *__restrict __${other}, const char *__name,
                            unsigned int __flags) __THROW __nonnull ((1, 2));
""",
    """
#define ${NOUN}_MAX_$number\t\t$number\t/* most ${noun}s at a time */
#define ${NOUN}_F_${TRAIT}\t(1U << 0)
#define ${NOUN}_F_OPEN_$number\t(1U << 1)
#define ${NOUN}_SIZE(n)\t(sizeof (struct ${noun}) + (n) * $number)
""",
    """
struct ${trait}_${noun}
{
  unsigned long int __${noun}_id;\t/* Identifies the ${noun}.  */
  unsigned short int __flags;\t\t/* See ${NOUN}_F_*.  */
  unsigned short int __size;
  struct ${other} *__${other};\t\t/* May be a null pointer.  */
  unsigned char __reserved[$number];
};
""",
    """
enum ${noun}_${trait}
{
  ${NOUN}_NONE = 0,
  ${NOUN}_${VERB} = 1,
#define ${NOUN}_${VERB} ${NOUN}_${VERB}
  ${NOUN}_LAST = $number
};
""",
    """
static __inline unsigned int
__${verb}_${noun} (unsigned int __${other})
{
  return (__${other} >> 8) | ((__${other} & 0xff) << $number % 24);
}
""",
)

_PERL = (
    """
sub ${verb}_${noun} {
	my ($$self, $$${other}, %args) = @_;
	return undef unless defined $$${other};
	my @${noun}s = map { lc } grep { defined } @{$$self->{${noun}s}};
	foreach my $$${noun} (@${noun}s) {
		next if $$${noun} eq '${trait}';
		$$self->{${other}}{$$${noun}} ||= $$args{${trait}};
	}
	return wantarray ? @${noun}s : scalar @${noun}s;
}
""",
    """
=item ${verb}_${noun}

${Verbs} the ${trait} ${noun} and returns it. Dies if there is no ${other},
or if there are more than $number of them.

=cut
""",
    """
my %${trait}_${noun} = (
	'${verb}' => $number,
	'${other}' => qr/^\\s*([-\\w]+)\\s*:\\s*(.*)$$/,
	'${noun}' => sub { $$_[0]->${verb}($$_[1]) },
);
""",
)

_SHELL = (
    """
${verb}_${noun}() {
    ${noun}="$$1"
    if [ -z "$$${noun}" ] || [ ! -e "$$${noun}" ]; then
        echo "$$0: no ${trait} ${noun}: $$${noun}" >&2
        return 1
    fi
    while read -r ${other} rest; do
        case "$$${other}" in
            '#'*) continue ;;
            *) ${verb} "$$${other}" ;;
        esac
    done < "$$${noun}"
}
""",
    """
if [ "$$1" = "${verb}" ] && [ -x /usr/bin/${noun} ]; then
    # Keep the ${trait} ${other} of the administrator.
    ${noun} --quiet --${trait} "$$2" || true
fi
""",
    """
for ${noun} in /etc/${noun}.d/*.${other}; do
    [ -r "$$${noun}" ] && . "$$${noun}"
done
unset ${noun}
""",
)

_JAVASCRIPT = (
    """
export function ${verb}${Noun}(${other}, ${trait} = {}) {
  const ${noun} = ${other}.querySelector('[data-${noun}]') ?? ${trait}.${noun};
  if (!${noun}) return null;
  ${noun}.addEventListener('${verb}', (event) => {
    event.preventDefault();
    ${other}.dispatchEvent(new CustomEvent('${noun}:${verb}', { bubbles: true }));
  }, { passive: $number > 64 });
  return ${noun};
}
""",
    """
const ${trait}${Noun} = new Map(
  Object.entries(config.${noun}s ?? {}).filter(([, ${other}]) => ${other}.length < $number),
);
""",
    """
class ${Trait}${Noun} extends HTMLElement {
  #${other} = null;

  connectedCallback() {
    this.#${other} = this.closest('.${other}');
    this.toggleAttribute('${trait}', this.#${other} !== null);
  }

  ${verb}(value) {
    return this.#${other}?.${verb}(value) ?? value;
  }
}
""",
)

_CSS = (
    """
.${noun}-${trait} > .${other} {
  display: flex;
  gap: ${number}px;
  color: #3c4047;
}
""",
    """
div.${other} .${noun}:hover,
div.${other} .${noun}.${trait} {
  border-left: 4px solid #11557c;
  padding: 2px ${number}px;
}
""",
)

TEMPLATES: dict[str, tuple[str, ...]] = {
    "python": _PYTHON,
    "c": _C,
    "perl": _PERL,
    "shell": _SHELL,
    "javascript": _JAVASCRIPT,
    "css": _CSS,
}

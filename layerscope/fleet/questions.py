"""Questions about the runs in a folder of `--output`, answered by DuckDB: predefined ones by name, others in SQL.

A question can read the tables of one run, or of all, and nothing else: no other file, no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from layerscope.analysis.findings.rules import RULES
from layerscope.errors import CorruptImageError, UsageError
from layerscope.fleet.runs import KINDS, columns_of, folder_of, runs_in
from layerscope.text import safe_name

_MAX_CHARACTERS = 1 << 20
"""Maximum characters of a question."""
_FETCH_ROWS = 1000
"""Rows fetched at a time."""

_KEYS = """keys AS (
  SELECT run, key, any_value(storedBytes) AS storedBytes, count(DISTINCT image) AS images,
         min(image) AS image, any_value(step ORDER BY image) AS step, sum(storedBytes) AS totalBytes
  FROM layers GROUP BY run, key)"""

_TITLES = ", ".join(
    "('{}', '{}')".format(*(text.replace("'", "''") for text in (rule.name, rule.title)))
    for rule in RULES
)
"""Names and titles of the rules, as values: titles of findings are those of single images."""


class Question(Struct, frozen=True):
    """A predefined question."""

    title: str
    sql: str


QUESTIONS: dict[str, Question] = {
    "layers": Question(
        "layers by bytes × images",
        f"""WITH {_KEYS}
            SELECT totalBytes, keys.storedBytes, images, keys.key, line FROM keys
            JOIN steps USING (run, image, step) ORDER BY totalBytes DESC, keys.key""",  # noqa: S608  # no user input in it
    ),
    "rules": Question(
        "what each rule would save in all images",
        f"""WITH titles (rule, title) AS (VALUES {_TITLES})
            SELECT rule, coalesce(any_value(titles.title), rule) AS title, count(DISTINCT image) AS images, sum(bytes) AS bytes
            FROM findings LEFT JOIN titles USING (rule) GROUP BY rule ORDER BY bytes DESC, images DESC, rule""",  # noqa: S608
    ),
    "lines": Question(
        "what each Dockerfile line stores, wastes and could avoid in all images",
        """SELECT line, count(DISTINCT steps.image) AS images, count(DISTINCT steps.key) AS layers,
                  sum(storedBytes)::BIGINT AS storedBytes, sum(wastedBytes)::BIGINT AS wastedBytes,
                  coalesce(sum(avoided.bytes), 0)::BIGINT AS avoidableBytes
           FROM steps LEFT JOIN (
             SELECT run, image, layer, sum(bytes) AS bytes FROM findings GROUP BY ALL
           ) AS avoided USING (run, image, layer)
           WHERE steps.key IS NOT NULL GROUP BY line
           ORDER BY avoidableBytes DESC, wastedBytes DESC, storedBytes DESC, line""",
    ),
    "waste": Question(
        "wasted bytes by reason and path",
        """SELECT reason, path, sum(bytes)::BIGINT AS bytes, count(DISTINCT image) AS images
           FROM waste GROUP BY reason, path ORDER BY bytes DESC, path, reason""",
    ),
    "packages": Question(
        "packages by bytes over all images, with their versions",
        """SELECT type, name, count(DISTINCT image) AS images, sum(bytes)::BIGINT AS bytes,
                  list(DISTINCT version ORDER BY version) AS versions
           FROM packages GROUP BY type, name ORDER BY bytes DESC, name, type""",
    ),
    "bases": Question(
        "versions of base images, the newest of each first",
        """SELECT baseSteps, any_value(baseName) AS name, baseChainId, any_value(baseCreated) AS created,
                  count(*) AS images,
                  any_value(baseCreated) < max(any_value(baseCreated)) OVER (PARTITION BY baseSteps) AS lags
           FROM images WHERE baseLayers > 0 GROUP BY baseSteps, baseChainId
           ORDER BY baseSteps, created DESC NULLS LAST, baseChainId""",
    ),
    "shares": Question(
        "shared bytes of each image, and the unique bytes that removing it frees",
        f"""WITH {_KEYS}
            SELECT title, reference,
                   sum(keys.storedBytes) FILTER (images > 1)::BIGINT AS sharedBytes,
                   coalesce(sum(keys.storedBytes) FILTER (images = 1), 0)::BIGINT AS uniqueBytes
            FROM (SELECT DISTINCT run, image, key FROM layers) AS own JOIN keys USING (run, key)
            JOIN images ON images.run = own.run AND images.image = own.image
            GROUP BY own.run, own.image, title, reference ORDER BY uniqueBytes DESC, own.image""",  # noqa: S608
    ),
    "growth": Question(
        "images by the day they were made, and the bytes that they added",
        """WITH first AS (
             SELECT run, key, any_value(layers.storedBytes) AS storedBytes, min(left(created, 10)) AS day
             FROM layers JOIN images USING (run, image) GROUP BY run, key)
           SELECT day, count(*) AS newLayers, sum(storedBytes)::BIGINT AS addedBytes,
                  sum(sum(storedBytes)) OVER (ORDER BY day NULLS LAST)::BIGINT AS storedOnceBytes
           FROM first GROUP BY day ORDER BY day NULLS LAST""",
    ),
    "duplicates": Question(
        "contents that several layers store",
        """SELECT savedBytes, bytes, copies, layers, images, path FROM duplicates
           ORDER BY savedBytes DESC, digest""",
    ),
    "secrets": Question(
        "images with secrets, and where",
        """SELECT DISTINCT images.title, findings.title AS finding, severity, confidence, findings.layer, line
           FROM findings JOIN images USING (run, image) LEFT JOIN steps USING (run, image, step)
           WHERE rule LIKE '%secret%' ORDER BY severity, images.title, finding, findings.layer""",
    ),
    "errors": Question(
        "images that could not be read completely",
        "SELECT reference, error, exitCode FROM images WHERE error IS NOT NULL ORDER BY image",
    ),
    "runs": Question(
        "the runs",
        """SELECT run, started, images, failedImages, distinctLayers, storedOnceBytes, wastedBytes, avoidableBytes
           FROM runs ORDER BY run""",
    ),
}
"""By name."""


class Answer:
    """The rows that answer a question. They are fetched as they are read."""

    def __init__(self, columns: Sequence[str], cursor: Any) -> None:
        self.columns = tuple(columns)
        self._cursor = cursor

    def rows(self, at_most: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows, or the first of them. Raises `UsageError` and `CorruptImageError`."""
        remaining = at_most
        with _errors():
            while remaining is None or remaining:
                count = _FETCH_ROWS if remaining is None else min(remaining, _FETCH_ROWS)
                rows = self._cursor.fetchmany(count)
                if not rows:
                    return
                remaining = None if remaining is None else remaining - len(rows)
                yield from rows


def ask(folder: Path, question: str, *, run: int | None = None, all_runs: bool = False) -> Answer:
    """Ask about the newest run, another one, or all. Raises `UsageError` and `CorruptImageError`."""
    sql, ready = _sql_of(question), question.strip() in QUESTIONS
    runs = _chosen_runs(folder, run, all_runs)
    try:
        import duckdb
    except ImportError as error:
        raise UsageError(
            f"ask needs duckdb, which is not installed ({error})",
            hint="pip install 'layerscope[fleet]'",
        ) from None
    with _errors(ready=ready):
        connection = duckdb.connect(":memory:")
        place = _sql_path(folder)
        connection.execute(f"SET allowed_directories = ['{place}']")
        for setting in ("enable_external_access = false", "lock_configuration = true"):
            connection.execute(f"SET {setting}")
        for name in KINDS:
            files = (folder_of(Path(place), each) / f"{name}.parquet" for each in runs)
            texts = ", ".join(f"'{file}'" for file in files)
            connection.execute(
                f"CREATE VIEW {name} AS "  # noqa: S608  # paths are escaped
                f"SELECT * FROM read_parquet([{texts}], hive_partitioning = true, "
                "hive_types = {'run': BIGINT}, union_by_name = true)"
            )
        kinds = [statement.type.name for statement in connection.extract_statements(sql)]
        if kinds not in (["SELECT"], ["EXPLAIN"]):
            raise UsageError(
                "a question is one query: SELECT, FROM, WITH, SUMMARIZE, DESCRIBE or EXPLAIN",
                hint=_known_names(),
            )
        cursor = connection.execute(sql)
        return Answer([column[0] for column in cursor.description], cursor)


def _sql_path(folder: Path) -> str:
    """The path of a folder, escaped for an SQL string. Raises `UsageError` for a name that DuckDB would read as a pattern."""
    place = str(folder.resolve())
    if set(place) & set("*?["):
        raise UsageError(
            f"{safe_name(place)}: DuckDB reads *, ? and [ in the name of a folder as a pattern",
            hint="rename it",
        )
    return place.replace("'", "''")


def _sql_of(question: str) -> str:
    text = question.strip()
    if text in QUESTIONS:
        return QUESTIONS[text].sql
    if len(text) > _MAX_CHARACTERS:
        raise UsageError(f"a question has at most {_MAX_CHARACTERS:,} characters")
    if " " not in text and "\n" not in text:
        raise UsageError(f"there is no question {safe_name(text)!r}", hint=_known_names())
    return text


def _known_names() -> str:
    return f"questions by name: {', '.join(QUESTIONS)}; tables: {', '.join(KINDS)}"


def _chosen_runs(folder: Path, run: int | None, all_runs: bool) -> list[int]:
    known = runs_in(folder)
    shown = safe_name(str(folder))
    if not known:
        raise UsageError(
            f"{shown}: no runs of layerscope fleet are there",
            hint=f"layerscope fleet IMAGE… --output {shown}",
        )
    if run is not None and run not in known:
        raise UsageError(f"{shown}: there is no run {run}; the runs are {known[0]} to {known[-1]}")
    return known if all_runs else [known[-1] if run is None else run]


@contextmanager
def _errors(*, ready: bool = False) -> Iterator[None]:
    """Turn errors of DuckDB into `UsageError` for the question, or `CorruptImageError` for the files if the question is predefined."""
    import duckdb

    unreadable = (duckdb.IOException, duckdb.InvalidInputException, duckdb.FatalException)
    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except duckdb.Error as error:
        message = safe_name(" ".join(str(error).partition("\n\nLINE ")[0].split()))[:600]
        if ready or isinstance(error, unreadable):
            raise CorruptImageError(f"the tables cannot be read: {message}") from error
        raise UsageError(message, hint=_known_names()) from error


def tables() -> Iterator[tuple[str, str, Sequence[tuple[str, str, bool, str]]]]:
    """The tables: name, description, and columns as `columns_of` gives them. `run` is a column of each."""
    for name, kind in KINDS.items():
        yield name, " ".join((kind.__doc__ or "").split()), list(columns_of(kind))

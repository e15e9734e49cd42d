"""Files that the image declares to use, or that a step downloads on purpose, are never avoidable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.analysis.findings.rule_images import findings_by
from tests.images import Member, directory, file, symlink

RUN = "RUN /bin/sh -c {} # buildkit"
Config = Mapping[str, object]


def sizes(
    command: str, members: Sequence[Member], rule: str, config: Config | None = None
) -> list[int]:
    """The bytes of each finding of a rule."""
    steps = [(RUN.format(command), members)]
    return [finding.bytes for finding in findings_by(steps, rule, config=config)]


APP = [file("tmp/app/run.sh", b"#!"), file("tmp/app/data.bin", b"d" * 700)]
OTHER = file("tmp/other.tar", b"o" * 90)
IN_TMP: dict[str, Config] = {
    "CMD": {"Cmd": ["/tmp/app/run.sh"]},
    "CMD of a shell": {"Cmd": ["/bin/sh", "-c", "exec /tmp/app/run.sh --port 80"]},
    "an argument": {"Entrypoint": ["sh", "/tmp/app/run.sh"]},
    "an option": {"Cmd": ["app", "--data=/tmp/app/data.bin"]},
    "ENTRYPOINT": {"Entrypoint": ["/tmp/app/run.sh"], "Cmd": ["serve"]},
    "WORKDIR": {"WorkingDir": "/tmp/app"},
    "below WORKDIR": {"WorkingDir": "/tmp/app/", "Cmd": ["./run.sh"]},
    "relative": {"WorkingDir": "/tmp", "Cmd": ["app/run.sh"]},
    "ENV": {"Env": ["APP_DATA=/tmp/app/data.bin"]},
    "ENV with several": {"Env": ["CLASSPATH=/srv/x:/tmp/app"]},
    "options in ENV": {"Env": ["JAVA_OPTS=-Xmx1g -javaagent:/tmp/app/run.sh"]},
    "VOLUME": {"Volumes": {"/tmp/app": {}}},
    "PATH": {"Env": ["PATH=/tmp/app:/bin"], "Cmd": ["run.sh"]},
    "a link": {"Cmd": ["/usr/local/bin/start"]},
    "a link on PATH": {"Env": ["PATH=/usr/local/bin"], "Cmd": ["start"]},
}


@pytest.mark.parametrize("how", IN_TMP)
def test_files_that_the_config_names_are_not_temporary(how: str) -> None:
    """Files in the same directory of /tmp are kept, too; everything else there is reported."""
    members = [*APP, OTHER, symlink("usr/local/bin/start", "../../../tmp/app/run.sh")]
    config = IN_TMP[how]
    if how == "relative":  # what runs in /tmp itself may read all of it
        config = {**config, "WorkingDir": "/", "Cmd": ["tmp/app/run.sh"]}
    assert sizes("make", members, "temporary-files", config) == [90]


def test_a_program_in_tmp_may_read_everything_there() -> None:
    """WORKDIR /tmp alone is a leftover of the build; with a program there it is not."""
    members = [file("tmp/run.sh", b"#!"), OTHER, directory("srv")]
    assert sizes("make", members, "temporary-files", {"WorkingDir": "/tmp"}) == [92]
    config = {"WorkingDir": "/tmp", "Cmd": ["./run.sh"]}
    assert sizes("make", members, "temporary-files", config) == []


@pytest.mark.parametrize(
    "config",
    [
        {"Env": ["TMPDIR=/tmp/app", "XDG_CACHE_HOME=/tmp/app"]},
        {"Cmd": ["/usr/bin/app", "tmp", "/tmp"]},
        {"Cmd": ["/tmp/app-2/run.sh"], "Env": ["X=/tmp/ap"]},
        {"WorkingDir": "/"},
    ],
)  # fmt: skip
def test_unrelated_names_spare_nothing(config: Config) -> None:
    """Places for temporary files, missing paths and parent directories spare nothing."""
    assert sizes("make", [*APP, OTHER], "temporary-files", config) == [792]


def test_symlink_loops_end_without_a_result() -> None:
    """Following them ends after a limit."""
    members = [*APP, symlink("a", "b"), symlink("b", "a"), symlink("c", "c/d")]
    assert sizes("make", members, "temporary-files", {"Cmd": ["/a", "/c/x"]}) == [702]


CACHES_IN_USE: dict[str, tuple[str, str, Config]] = {
    "maven": ("maven-repository", "root/.m2/repository/x.jar", {"Cmd": ["mvn", "spring-boot:run"]}),
    "gradle": ("gradle-cache", "root/.gradle/caches/x.jar", {"Cmd": ["./gradlew", "run"]}),
    "go": ("go-cache", "go/pkg/mod/x/x.go", {"Cmd": ["sh", "-c", "cd /srv && go run ."]}),
    "cargo": ("cargo-registry", "root/.cargo/registry/x", {"Entrypoint": ["cargo", "run"]}),
    "dotnet": ("nuget-packages", "root/.nuget/packages/x/1/x.nupkg", {"Cmd": ["dotnet", "run"]}),
    "dart": ("pub-cache", "root/.pub-cache/hosted/pub.dev/x/x.dart", {"Cmd": ["dart", "bin/x.dart"]}),
    "deno": ("deno-cache", "root/.cache/deno/deps/https/x", {"Cmd": ["deno", "run", "main.ts"]}),
    "deno's image": (
        "deno-cache", "deno-dir/deps/https/x",
        {"Entrypoint": ["/tini", "--", "docker-entrypoint.sh"], "Cmd": ["run", "main.ts"]},
    ),
    "npx": ("npm-cache", "root/.npm/_npx/x/y.js", {"Cmd": ["npx", "serve"]}),
    "uv of links": ("uv-cache", "root/.cache/uv/archive-v0/x.py", {"Env": ["UV_LINK_MODE=symlink"]}),
    "tests": ("python-tests", "usr/lib/python3/dist-packages/x/tests/a.py", {"Cmd": ["python3", "-m", "pytest"]}),
    "documentation": ("documentation", "usr/share/doc/x/html/index.html", {"WorkingDir": "/usr/share/doc/x/html"}),
    "language": ("locales", "usr/share/locale/de/LC_MESSAGES/x.mo", {"Env": ["LANG=de_DE.UTF-8"]}),
    "languages": ("locales", "usr/share/locale/pt_BR/LC_MESSAGES/x.mo", {"Env": ["LANGUAGE=fr:pt_BR"]}),
    "user cache": ("user-cache", "root/.cache/thing/x", {"Env": ["THING_HOME=/root/.cache/thing"]}),
}  # fmt: skip


@pytest.mark.parametrize("what", CACHES_IN_USE)
def test_a_cache_that_the_started_program_reads_is_in_use(what: str) -> None:
    """Build tools that run in the container read their caches; otherwise these are avoidable."""
    rule, path, config = CACHES_IN_USE[what]
    members = [file(path, b"x" * 900)]
    assert sizes("make", members, rule, config) == []
    assert sizes("make", members, rule, {"Cmd": ["/srv/app", "run"]}) == [900]


def test_plug_and_play_reads_yarns_cache() -> None:
    """Without node_modules, the cache is the only place with the packages."""
    cache = file("root/.yarn/berry/cache/x.zip", b"x" * 900)
    assert sizes("yarn install", [cache], "yarn-cache") == [900]
    assert sizes("yarn install", [cache, file("srv/.pnp.cjs", b"")], "yarn-cache") == []


FILLED: dict[str, tuple[str, str, Config]] = {
    "corepack": ("corepack enable && corepack prepare pnpm@9.1.0 --activate", "root/.cache/node/x", {}),
    "corepack elsewhere": ("corepack install -g yarn", "tmp/corepack/x", {"Env": ["COREPACK_HOME=/tmp/corepack"]}),
    "playwright": ("npx playwright install --with-deps chromium", "tmp/pw/x", {"Env": ["PLAYWRIGHT_BROWSERS_PATH=/tmp/pw"]}),
    "python playwright": ("python -m playwright install", "home/app/.cache/ms-playwright-1/x", {}),
    "puppeteer": ("npx puppeteer browsers install chrome", "root/.cache/puppeteer/x", {}),
    "hugging face": ("huggingface-cli download x/y --local-dir /tmp/model", "tmp/model/x", {}),
    "hugging face, new": ("HF_HOME=/tmp/hf hf download x/y", "tmp/hf/hub/x", {}),
    "transformers": ("python -c \"from transformers import AutoModel; AutoModel.from_pretrained('x', cache_dir='/tmp/m')\"", "tmp/m/x", {}),
    "sentence transformers": ("python -c 'import s; s.SentenceTransformer(\"x\")'", "tmp/st/x", {"Env": ["SENTENCE_TRANSFORMERS_HOME=/tmp/st"]}),
    "tiktoken": ("python -c 'import tiktoken; tiktoken.get_encoding(\"x\")'", "tmp/data-gym-cache/x", {}),
    "nltk": ("python -m nltk.downloader -d /tmp/nltk punkt", "tmp/nltk/x", {}),
    "whisper": ("python -c 'import whisper; whisper.load_model(\"base\")'", "root/.cache/whisper/x.pt", {}),
    "ollama": ("ollama serve & sleep 5; ollama pull x", "tmp/ollama/x", {"Env": ["OLLAMA_MODELS=/tmp/ollama"]}),
    "spacy": ("python -m spacy download en_core_web_sm --target /tmp/spacy", "tmp/spacy/x", {}),
    "weights": ("curl -Lo /tmp/model.gguf https://x.test/model.gguf", "tmp/model.gguf", {}),
    "a script": ("python scripts/download_models.py", "root/.cache/my-models/x", {}),
}  # fmt: skip


@pytest.mark.parametrize("how", FILLED)
def test_intended_downloads_are_never_avoidable(how: str) -> None:
    """Steps download models, browsers and package managers on purpose; files of other steps at the same place are avoidable."""
    command, path, config = FILLED[how]
    member = file(path, b"x" * 900)
    rule = "temporary-files" if path.startswith("tmp/") else "user-cache"
    assert sizes(command, [member], rule, config) == []
    assert sizes(
        f"{command} && make", [member, file("tmp/left.tar", b"y")], "temporary-files", config
    ) == [1]


def test_a_package_cache_beside_a_download_is_still_avoidable() -> None:
    """pip's cache is not part of the downloaded model."""
    command = "pip install transformers && huggingface-cli download x/y"
    members = [file("root/.cache/pip/http/x", b"p" * 300), file("root/.cache/huggingface/x", b"h")]
    assert sizes(command, members, "pip-cache") == [300]
    assert sizes(command, members, "user-cache") == []


def test_a_directory_that_holds_a_download_is_left_alone_as_a_whole() -> None:
    """The fix would delete the download, too."""
    members = [file("tmp/model/x.safetensors", b"m" * 900), file("tmp/model/config.json", b"{}")]
    assert sizes("./fetch.sh", members, "temporary-files") == []
    members = [file("root/.cache/node/corepack/x", b"c" * 900), file("root/.cache/node/y", b"y")]
    assert sizes("make", members, "user-cache") == []

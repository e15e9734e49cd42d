"""Caches that a step fills on purpose: its downloads are for the container, and deleting them would undo the step."""

from __future__ import annotations

import re

import numpy as np
from msgspec import Struct

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.in_use import paths_in, resolve_paths
from layerscope.filesystem.selector import Mask
from layerscope.image.history import Step
from layerscope.lazy_patterns import lazy_pattern

KEPT_CACHES = (
    *("huggingface", "torch", "whisper", "modelscope", "clip", "sentence_transformers", "doctr"),
    *("fastembed", "chroma", "easyocr", "datalab", "docling", "keras", "gpt4all", "llama.cpp"),
    *("argos-translate", "stanza", "spacy", "nltk_data", "tts", "suno", "insightface", "rembg"),
    *("ms-playwright", "ms-playwright-go", "patchright", "puppeteer", "Cypress", "selenium"),
    *("electron", "camoufox", "rod", "node/corepack"),
)
"""Directories of ~/.cache with models, browsers and tools that a step downloads on purpose."""
_LONGEST = 64 * 1024
"""Maximum characters of a command that are examined."""
MODELS = tuple(
    f"*.{ending}"
    for ending in ("gguf", "ggml", "safetensors", "onnx", "ckpt", "pth", "pt", "tflite", "mlmodel")
)
"""Names of files with model weights."""
_COMMANDS = lazy_pattern(r"&&|\|\||[;\n|]")


class _Filling(Struct, frozen=True):
    """Commands that fill a cache, its usual place, and the variables that move it."""

    commands: re.Pattern[str]
    places: tuple[str, ...]
    variables: tuple[str, ...]


def _filling(commands: str, places: tuple[str, ...], variables: tuple[str, ...]) -> _Filling:
    return _Filling(lazy_pattern(commands), places, variables)


_FILLINGS = (
    _filling(
        r"\bcorepack\s+(?:-\S+\s+)*(?:enable|prepare|install|use|up|hydrate|pack)\b",
        ("**/.cache/node", "**/.node/corepack", "**/node/corepack"),
        ("COREPACK_HOME",),
    ),
    _filling(
        r"\b(?:playwright|patchright|camoufox|rebrowser)\b.*\b(?:install|fetch)\b|\bpuppeteer\b|\bcypress\b|\bselenium-manager\b"
        r"|@puppeteer/browsers|\bchromedriver|\bwebdriver[-_]manager\b|\belectron\b|\bagent-browser\s+install",
        (
            *("**/.cache/ms-playwright*", "**/.cache/puppeteer", "**/.cache/Cypress"),
            *("**/.cache/selenium", "**/.cache/electron", "**/.cache/camoufox", "**/.wdm"),
        ),
        (
            *("PLAYWRIGHT_BROWSERS_PATH", "PUPPETEER_CACHE_DIR", "CYPRESS_CACHE_FOLDER"),
            *("SE_CACHE_PATH", "ELECTRON_CACHE", "electron_config_cache", "WDM_LOCAL"),
        ),
    ),
    _filling(
        r"\bhuggingface-cli\b|\bhf\s+(?:download|auth)|\bsnapshot_download\b|\bhf_hub_download\b|\bfrom_pretrained\b"
        r"|\bSentenceTransformer\b|\bCrossEncoder\b|\bsentence[-_]transformers\b|\btransformers[-_]cli\b|\bpipeline\("
        r"|\bmodelscope\b|\btorch\.hub\b|\btorchvision\b|\bwhisper\b|\bload_model\b|\bfastembed\b|\bTextEmbedding\("
        r"|\bspacy\s+download\b|\bnltk\b|\bstanza\b|\beasyocr\b|\bpaddleocr\b|\btiktoken\b|\bget_encoding\("
        r"|\bollama\s+(?:pull|run|create)\b|\bgensim\b|\bultralytics\b|\bYOLO\(|\btensorflow_hub\b|\bhub\.load\b|\bdocling\b"
        r"|\bargospm\b|\bdownload_models?\b|\bembedding_functions\b|\bopen_clip\b|\btimm\b|\bpiper\b|\bgit\s+lfs\b"
        r"|\b(?:pre)?(?:download|fetch|load|warm|cache|pull)[\w-]*\.(?:py|sh|js|mjs|ts)\b|\w*(?:model|weight)s?[\w-]*\.(?:py|sh)\b",
        (
            *(f"**/.cache/{name}" for name in KEPT_CACHES),
            *("/tmp/data-gym-cache", "/tmp/fastembed_cache", "/tmp/tfhub_modules"),  # noqa: S108
            *("**/.cache/*model*", "**/.cache/*hub*", "**/.cache/*embed*"),
        ),
        (
            *("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "HF_DATASETS_CACHE"),
            *("SENTENCE_TRANSFORMERS_HOME", "TORCH_HOME", "NLTK_DATA", "TIKTOKEN_CACHE_DIR"),
            *("MODELSCOPE_CACHE", "FASTEMBED_CACHE_PATH", "TFHUB_CACHE_DIR", "EASYOCR_MODULE_PATH"),
            *("OLLAMA_MODELS", "STANZA_RESOURCES_DIR", "U2NET_HOME", "GENSIM_DATA_DIR", "DOCLING_ARTIFACTS_PATH"),
        ),
    ),
    _filling(
        r"\bdeno\s+(?:cache|install|add|run)\b",
        ("**/.cache/deno", "/deno-dir", "**/.deno"),
        ("DENO_DIR",),
    ),
)  # fmt: skip


def without_filled(evidence: Evidence, files: Mask) -> Mask:
    """Files without those that a step downloads on purpose."""
    filled = evidence.once(_FilledCaches)
    paths = np.flatnonzero(files & evidence.live_files)
    layers = evidence.filesystem.inodes.layers(evidence.live_inodes[paths])
    remaining = files.copy()
    for layer in np.unique(layers).tolist():
        mask = filled.by(layer)
        if mask is not None:
            of_layer = paths[layers == layer]
            remaining[of_layer[mask[of_layer]]] = False
    return remaining


class _FilledCaches:
    """The caches that each step fills on purpose."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._environment = dict(pair.partition("=")[::2] for pair in evidence.image.config.env)
        self._known: dict[int, Mask | None] = {}

    def by(self, layer: int) -> Mask | None:
        """Mask of the caches that the commands of a layer's step fill; None for none."""
        if layer not in self._known:
            self._known[layer] = self._by(self._evidence.step(layer))
        return self._known[layer]

    def _by(self, step: Step) -> Mask | None:
        """Mask of the caches that one command fills, including paths that its arguments or the variables of its cache name."""
        if step.instruction != "RUN":
            return None
        patterns: list[str] = []
        names: list[str] = []
        for command in _COMMANDS.split(step.arguments[:_LONGEST]):
            for filling in _FILLINGS:
                if filling.commands.search(command):
                    patterns += filling.places
                    names += paths_in(command)
                    names += (self._environment.get(name, "") for name in filling.variables)
        if not patterns:
            return None
        selector = self._evidence.selector
        named = resolve_paths(self._evidence, {name for name in names if name.count("/") > 1})
        return selector.select(dict.fromkeys(patterns)) | selector.below(named)

"""The build context: the application, its repository, and what should not have come along."""

from __future__ import annotations

from layerscope.demo import prose, shop_texts, source_text
from layerscope.demo.apt import ASKED_FOR
from layerscope.demo.dice import Dice, words
from layerscope.demo.filler import font, png, sqlite
from layerscope.demo.git import Commit, repository
from layerscope.demo.wheels import REQUIREMENTS

_MODULES = words(
    "shop/__init__.py*1 shop/basket.py*5 shop/catalogue.py*9 shop/checkout.py*8 shop/cli.py*3 "
    "shop/database.py*6 shop/forms.py*5 shop/health.py*1 shop/mail.py*4 shop/money.py*2 "
    "shop/models.py*11 shop/payments.py*7 shop/search.py*6 shop/settings.py*2 shop/tax.py*4 "
    "shop/views/__init__.py*1 shop/views/account.py*6 shop/views/admin.py*9 shop/views/api.py*7 "
    "migrations/env.py*3 migrations/versions/0001_products.py*3 migrations/versions/0002_orders.py*3 "
    "migrations/versions/0003_customers.py*2 migrations/versions/0004_prices.py*2 "
    "tests/conftest.py*3 tests/test_basket.py*5 tests/test_catalogue.py*7 tests/test_checkout.py*6 "
    "tests/test_money.py*3 tests/test_views.py*8 wsgi.py*1"
)
_PAGES = words(
    "404 account admin basket checkout index invoice login orders product register search thanks"
)
_PRODUCTS = words(
    "anvil basket candle desk-lamp enamel-mug fountain-pen garden-fork hammock inkwell jug kettle "
    "lantern mortar notebook oil-can pocket-knife quilt rake stool teapot umbrella vase watering-can"
)
_MATERIALS = ("oak", "brass", "linen", "slate", "copper", "ash", "wool", "clay", "steel", "cork")
SEED_DATA = "assets/seed-data.sql"


def build_context() -> dict[str, bytes]:
    """Every file that `COPY . /app` takes, by its path."""
    tracked = _tracked()
    files = dict(tracked)
    files[".env"] = shop_texts.ENVIRONMENT.encode()
    files[SEED_DATA] = _seed_data(46_000)
    files["instance/shop.sqlite3"] = sqlite("shop.sqlite3", 62)
    files["instance/sessions/1f0c6b.json"] = b'{"basket": {"enamel-mug": 2}, "seen": 1773221467}\n'
    files.update((f".git/{path}", data) for path, data in repository(_history(tracked)).items())
    return files


def _tracked() -> dict[str, bytes]:
    """The files that are under version control."""
    texts = {
        ".gitignore": shop_texts.IGNORED_BY_GIT,
        "Dockerfile": shop_texts.DOCKERFILE.format(packages=ASKED_FOR),
        "README.md": shop_texts.README,
        "app.py": shop_texts.APP,
        "requirements.txt": REQUIREMENTS,
        "static/css/site.css": shop_texts.STYLE,
        "static/js/shop.js": source_text.script("static/js/shop.js", 6000),
        "templates/_navigation.html": '<a href="/search">Search</a>\n<a href="/basket">Basket</a>\n',
        "templates/layout.html": shop_texts.LAYOUT,
    }
    for name in _PAGES:
        title = name.replace("-", " ").capitalize()
        texts[f"templates/{name}.html"] = shop_texts.PAGE.format(name=name, title=title)
    for module in _MODULES:
        path, _, size = module.partition("*")
        texts[path] = source_text.python(path, int(size) * 1000)
    htmx = source_text.script("htmx.min.js", 51_000).replace("\n\n", "\n")
    texts["static/js/htmx.min.js"] = texts["static/vendor/htmx-2.0.8.min.js"] = htmx
    texts["static/vendor/LICENSES"] = prose.licence("static/vendor/LICENSES", 2400)
    files = {path: text.encode() for path, text in texts.items()}
    for product in _PRODUCTS:
        dice = Dice(f"size of the picture of {product}")
        picture = png(product, 56 + dice.below(40), 40 + dice.below(24))
        files[f"static/img/products/{product}.png"] = picture
    files["static/img/logo.png"] = png("logo", 120, 40)
    for weight in ("regular", "semibold"):
        files[f"static/fonts/inter-{weight}.woff2"] = font(f"inter {weight}", 48_000)
    return files


def _history(tracked: dict[str, bytes]) -> list[Commit]:
    """The commits that led to the files of today: each brings a part of them."""
    messages = {
        "Start with a catalogue and its templates": ("app.py", "templates", ".gitignore"),
        "Add the models and their migrations": ("shop/models.py", "migrations"),
        "Add basket and checkout": ("shop",),
        "Use htmx instead of our own scripts": ("static/js",),
        "Bring pictures and fonts": ("static",),
        "Test what customers do": ("tests",),
        "Build an image": ("Dockerfile", "README.md"),
        "Pin the requirements": ("",),
    }
    present: dict[str, bytes] = {}
    commits = []
    for message, starts in messages.items():
        present |= {path: data for path, data in tracked.items() if path.startswith(starts)}
        commits.append(Commit(message, dict(present)))
    return commits


def _seed_data(rows: int) -> bytes:
    """Made-up products for a database in development: large, and of no use in an image."""
    head = (
        "-- Seed data for development. Do not ship.\nBEGIN;\n"
        "CREATE TABLE product (id integer PRIMARY KEY, slug text, name text, price numeric(9,2),\n"
        "                      stock integer, added date);\n"
        "COPY product (id, slug, name, price, stock, added) FROM stdin;\n"
    )
    dice = Dice("seed data")
    turn = [dice.below(997) for _ in range(63)]
    lines = [head]
    for number in range(1, rows + 1):
        product = _PRODUCTS[number * 7 % len(_PRODUCTS)]
        material = _MATERIALS[turn[number % 63] % len(_MATERIALS)]
        price = 400 + (number * turn[number % 61]) % 19_600
        lines.append(
            f"{number}\t{material}-{product}-{number}\t{material.title()} {product}, no. {number}\t"
            f"{price // 100}.{price % 100:02}\t{turn[number % 59] % 240}\t"
            f"2026-{1 + number % 3:02}-{1 + number % 28:02}\n"
        )
    lines.append("\\.\nCOMMIT;\n")
    return "".join(lines).encode()

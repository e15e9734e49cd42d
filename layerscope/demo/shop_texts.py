"""The sources of the shop that a reader opens first."""

from __future__ import annotations

APP = '''\
"""Tiny Shop: a catalogue, a basket, and a page that says the shop is well."""

from __future__ import annotations

import os

from dotenv import load_dotenv
from flask import Flask, jsonify, render_template, request, session

from shop.basket import Basket
from shop.catalogue import Catalogue

load_dotenv()

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
catalogue = Catalogue.from_database(os.environ["DATABASE_URL"])


@app.get("/")
def index():
    """The front page: what is new, and what sells."""
    page = request.args.get("page", default=1, type=int)
    return render_template("index.html", products=catalogue.newest(page=page, size=24))


@app.get("/products/<slug>")
def product(slug):
    """One product."""
    found = catalogue.by_slug(slug)
    if found is None:
        return render_template("404.html"), 404
    return render_template("product.html", product=found, related=catalogue.related(found))


@app.post("/basket")
def add_to_basket():
    """Put a product into the basket."""
    basket = Basket.from_session(session)
    basket.add(request.form["slug"], int(request.form.get("count", 1)))
    return render_template("basket.html", basket=basket)


@app.get("/health")
def health():
    """What the container's health check asks."""
    return jsonify(status="ok", products=len(catalogue))
'''

DOCKERFILE = """\
FROM debian:bookworm
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LANG=C.UTF-8
RUN apt-get update && apt-get install -y {packages} && \\
    ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime
WORKDIR /app
COPY requirements.txt .
RUN pip install --break-system-packages -r requirements.txt
COPY . /app
RUN chown -R 1000:1000 /app
RUN rm -rf /app/assets/seed-data.sql /app/.git /app/.env /app/instance && \\
    install -d -o 1000 -g 1000 /app/instance
EXPOSE 8000
USER 1000
HEALTHCHECK --interval=30s --timeout=3s CMD python3 -m shop.health || exit 1
LABEL org.opencontainers.image.title="Tiny Shop"
LABEL org.opencontainers.image.version="1.4.2"
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
"""

README = """\
# Tiny Shop

A small web shop in Flask: the sample image of layerscope.

    docker build -t flask-demo .
    docker run -p 8000:8000 flask-demo

## What this image could do better

Its Dockerfile works, and does what most first Dockerfiles do:

- `apt-get install` leaves the package lists and the downloaded packages behind;
- the compilers stay, though nothing is compiled once the image is built;
- pip keeps a cache of its downloads;
- `COPY . /app` has no `.dockerignore`, so `.git`, `.env` and the test data come along;
- `chown -R` writes every file of the application a second time;
- `rm -rf` in a later step hides files, and frees nothing.
"""

ENVIRONMENT = """\
# Settings for development only.
SECRET_KEY=development-only-not-a-real-key
DATABASE_URL=postgresql://shop:shop@localhost:5432/shop
STRIPE_API_KEY=sk_test_this_is_not_a_real_key
"""

LAYOUT = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{% block title %}Tiny Shop{% endblock %}</title>
  <link rel="stylesheet" href="{{ url_for('static', filename='css/site.css') }}">
  <script src="{{ url_for('static', filename='js/htmx.min.js') }}" defer></script>
</head>
<body>
  <header class="site">
    <a href="{{ url_for('index') }}"><img src="/static/img/logo.png" alt="Tiny Shop"></a>
    <nav>{% include "_navigation.html" %}</nav>
  </header>
  <main>{% block content %}{% endblock %}</main>
  <footer>&copy; 2026 Tiny Shop</footer>
</body>
</html>
"""

PAGE = """\
{{% extends "layout.html" %}}
{{% block title %}}{title} – Tiny Shop{{% endblock %}}
{{% block content %}}
<section class="{name}">
  <h1>{title}</h1>
  {{% for product in products %}}
  <article class="card" id="{name}-{{{{ loop.index }}}}">
    <img src="{{{{ product.image }}}}" alt="{{{{ product.name }}}}" loading="lazy">
    <h2><a href="{{{{ url_for('product', slug=product.slug) }}}}">{{{{ product.name }}}}</a></h2>
    <p class="price">{{{{ product.price | money }}}}</p>
    <button hx-post="/basket" hx-vals='{{"slug": "{{{{ product.slug }}}}"}}'>Add to basket</button>
  </article>
  {{% else %}}
  <p class="empty">Nothing here yet.</p>
  {{% endfor %}}
</section>
{{% endblock %}}
"""

STYLE = """\
:root {
  --ink: #22252b;
  --paper: #fbfaf7;
  --accent: #b3541e;
  --gap: 1.25rem;
}

* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 1rem/1.5 Inter, sans-serif; }
header.site { display: flex; justify-content: space-between; padding: var(--gap); }
main { display: grid; gap: var(--gap); max-width: 72rem; margin: 0 auto; padding: var(--gap); }
.card { border: 1px solid #e4e0d8; border-radius: .5rem; padding: var(--gap); background: #fff; }
.card img { width: 100%; height: auto; border-radius: .25rem; }
.price { color: var(--accent); font-variant-numeric: tabular-nums; }
button { border: 0; border-radius: .25rem; padding: .5rem 1rem; background: var(--accent); color: #fff; }
"""

IGNORED_BY_GIT = """\
__pycache__/
*.pyc
.env
instance/
assets/seed-data.sql
"""

GIT_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[remote "origin"]
\turl = https://git.example.com/tiny-shop/shop.git
\tfetch = +refs/heads/*:refs/remotes/origin/*
[branch "main"]
\tremote = origin
\tmerge = refs/heads/main
"""

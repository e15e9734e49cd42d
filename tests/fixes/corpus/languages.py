"""Installations with the package managers of languages, and builds."""

from __future__ import annotations

from tests.fixes.entry import entry

LANGUAGES = (
    entry("pip-plain", "pip-cache", "RUN pip install flask gunicorn", "pip"),
    entry("pip-requirements", "pip-cache", "RUN pip install -r requirements.txt", "pip"),
    entry(
        "pip-upgrade-first",
        "pip-cache",
        r"""
        RUN pip3 install --upgrade pip setuptools wheel && \
            pip3 install -r /app/requirements.txt && \
            pip3 install "uvicorn[standard]>=0.20,<1" 'psycopg[binary]'
        """,
        "pip",
    ),
    entry(
        "pip-module",
        "pip-cache",
        "RUN python3 -m pip install --upgrade pip && python3 -m pip install .",
        "pip",
    ),
    entry(
        "pip-two-spaces",
        "pip-cache",
        'RUN pip  install flask && echo "pip install flask" > /motd',
        "pip",
    ),
    entry(
        "pip-echoed-first",
        "pip-cache",
        "RUN echo 'pip install is next' && pip install flask",
        "pip",
    ),
    entry(
        "pip-quoted-name",
        "pip-cache",
        """RUN pip install "flask; python_version > '3'" && tool1 'pip install'""",
        "pip",
    ),
    entry(
        "pip-environment",
        "pip-cache",
        "RUN PIP_DEFAULT_TIMEOUT=100 CFLAGS='-O2 -g0' pip install numpy --index-url https://example.org/simple",
        "pip",
    ),
    entry(
        "pip-virtual-environment",
        "pip-cache",
        r"""
        RUN python3 -m venv /opt/venv && \
            /opt/venv/bin/pip install -r requirements.txt
        """,
        "pip",
    ),
    entry(
        "pip-activated",
        "pip-cache",
        "RUN . /opt/venv/bin/activate && pip install -r requirements.txt && deactivate_nothing=1 tool1",
        "pip",
    ),
    entry(
        "pip-loop",
        "pip-cache",
        "RUN for each in flask gunicorn; do pip install $each || exit 1; done",
        "pip",
    ),
    entry(
        "pip-user",
        "pip-cache",
        r"""
        USER app
        WORKDIR /home/app
        RUN pip install --user -r requirements.txt
        """,
        "pip@app",
    ),
    entry(
        "pip-su",
        "pip-cache",
        r"""
        RUN useradd -m app && su app -c "pip install --user flask"
        """,
        "pip@app",
    ),
    entry(
        "pip-sudo-user",
        "pip-cache",
        "RUN sudo -u app -H pip install --user flask && ldconfig",
        "pip@app",
    ),
    entry(
        "pip-secret-mount",
        "pip-cache",
        r"""
        RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
            --mount=type=ssh \
            pip install -r requirements.txt
        """,
        "pip",
    ),
    entry(
        "pip-exec-form",
        "pip-cache",
        'RUN ["pip", "install", "-r", "requirements.txt"]',
        "pip",
    ),
    entry(
        "pip-heredoc",
        "pip-cache",
        r"""
        RUN <<EOF
        set -e
        pip install flask
        echo "pip install flask" > /motd
        EOF
        """,
        "pip",
    ),
    entry(
        "pip-piped-requirements",
        "pip-cache",
        "RUN pip freeze | cut -d= -f1 | xargs -n1 pip install -U",
        "pip",
    ),
    entry(
        "pip-torch",
        "pip-cache",
        r"""
        RUN if [ "$CUDA" = "yes" ]; then \
                pip install torch; \
            else \
                pip install torch --index-url https://download.pytorch.org/whl/cpu; \
            fi
        """,
        "pip",
    ),
    entry(
        "uv-sync",
        "uv-cache",
        "RUN uv sync --frozen --no-dev && uv pip install --system 'gunicorn>=20'",
        "uv",
    ),
    entry(
        "poetry-install",
        "poetry-cache",
        r"""
        RUN poetry config virtualenvs.create false \
          && poetry install --no-interaction --no-ansi;
        """,
        "poetry",
    ),
    entry("npm-ci", "npm-cache", "WORKDIR /app\nRUN npm ci", "npm"),
    entry(
        "npm-build",
        "npm-cache",
        r"""
        WORKDIR /usr/src/app
        RUN npm ci --only=production && \
            npm run build
        """,
        "npm",
    ),
    entry("npm-trailing-semicolon", "npm-cache", "RUN wget x && npm install;", "npm"),
    entry(
        "npm-alternatives",
        "npm-cache",
        "RUN npm ci || npm install || (npm cache verify && npm install)",
        "npm",
    ),
    entry(
        "npm-lax-end",
        "npm-cache",
        "RUN npm install -g pm2; npm audit || true",
        "npm",
    ),
    entry(
        "npm-changes-folder",
        "npm-cache",
        "RUN cd app && npm ci && cd /srv && tool1 build",
        "npm",
    ),
    entry(
        "npm-user",
        "npm-cache",
        r"""
        USER node
        WORKDIR /home/node
        RUN npm ci --omit=dev
        """,
        "npm@node",
    ),
    entry(
        "npm-su",
        "npm-cache",
        "RUN chown -R node:node /home/node && su node -c 'npm ci'",
        "npm@node",
    ),
    entry(
        "npm-su-login",
        "npm-cache",
        r"""
        RUN useradd -m app; \
            su - app -c "npm install -g yo && npm cache verify"; \
            ldconfig
        """,
        "npm@app",
    ),
    entry(
        "npm-sudo",
        "npm-cache",
        r"""
        USER app
        RUN sudo npm install -g yarn && npm install
        """,
        "npm@app",
    ),
    entry(
        "npm-exec-form",
        "npm-cache",
        'RUN --mount=type=secret,id=npmrc,target=/root/.npmrc ["npm", "ci"]',
        "npm",
    ),
    entry(
        "npm-secret",
        "npm-cache",
        r"""
        RUN --mount=type=secret,id=npm_token \
            NPM_TOKEN=$(cat /run/secrets/npm_token) npm ci && rm -f .npmrc
        """,
        "npm",
    ),
    entry(
        "npm-heredoc",
        "npm-cache",
        r"""
        RUN <<'EOF'
        npm ci
        for each in a b; do
          npm rebuild "$each"
        done
        EOF
        """,
        "npm",
    ),
    entry(
        "yarn-install",
        "yarn-cache",
        "RUN yarn install --frozen-lockfile --network-timeout 100000 && yarn build",
        "yarn",
    ),
    entry(
        "yarn-user",
        "yarn-cache",
        "USER node\nRUN yarn install --production",
        "yarn@node",
    ),
    entry(
        "pnpm-corepack",
        "pnpm-store",
        "RUN corepack enable && pnpm install --frozen-lockfile --prod",
        "pnpm",
    ),
    entry(
        "pnpm-user",
        "pnpm-store",
        "USER node\nWORKDIR /home/node\nRUN pnpm fetch && pnpm install -r --offline",
        "pnpm@node",
    ),
    entry(
        "go-build",
        "go-cache",
        'RUN CGO_ENABLED=0 GOOS=linux go build -ldflags="-s -w" -o /usr/local/bin/app ./cmd/app',
        "gobuild",
    ),
    entry(
        "go-make",
        "go-cache",
        "RUN set -e; go mod download; make build; go vet ./...",
        "gobuild gomod",
    ),
    entry(
        "go-user",
        "go-cache",
        "USER app\nRUN go build ./...",
        "gobuild@app",
    ),
    entry(
        "cargo-build",
        "cargo-registry",
        "WORKDIR /usr/src/app\nRUN cargo build --release && cp target/release/app /usr/local/bin/",
        "cargo",
    ),
    entry(
        "cargo-dummy",
        "cargo-registry",
        r"""
        WORKDIR /usr/src/app
        RUN mkdir src \
            && echo 'fn main() {println!("if you see this, the build broke; really")}' > /tmp/main.rs \
            && cargo build --release \
            && rm -f target/release/deps/app*
        """,
        "cargo",
    ),
    entry(
        "maven-package",
        "maven-repository",
        "RUN mvn -B -f pom.xml clean package -DskipTests",
        "maven",
    ),
    entry(
        "maven-wrapper",
        "maven-repository",
        "WORKDIR /app\nRUN ./mvnw dependency:go-offline && ./mvnw -q package; ls target",
        "maven",
    ),
    entry(
        "gradle-wrapper",
        "gradle-cache",
        "WORKDIR /app\nRUN chmod +x gradlew && ./gradlew --no-daemon build -x test",
        "gradle",
    ),
    entry(
        "composer-install",
        "composer-cache",
        "WORKDIR /var/www/html\nRUN composer install --no-dev --prefer-dist && composer dump-autoload -o",
        "composer",
    ),
    entry(
        "composer-echoed",
        "composer-cache",
        "RUN composer install --no-dev && echo 'run composer install' > README",
        "composer",
    ),
    entry(
        "gem-install",
        "gem-cache",
        "RUN gem install bundler -v 2.5.0 && bundle config set --local without 'development test' && bundle install",
        "gem",
    ),
    entry(
        "user-cache",
        "user-cache",
        "RUN tool1 fetch && tool2 fetch",
        "home",
    ),
    entry(
        "user-cache-of-user",
        "user-cache",
        "USER app\nRUN tool1 fetch; tool2 fetch",
        "home@app",
    ),
)

"""Files that usually contain secrets, by name, and where each keeps them. A new kind of file is one more row."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from layerscope.analysis.findings.secrets import configurations
from layerscope.analysis.findings.secrets import credential_formats as formats
from layerscope.analysis.findings.secrets.histories import HISTORIES, typed_secrets
from layerscope.analysis.findings.secrets.pairs import values_named
from layerscope.analysis.findings.secrets.values import Secret

CREDENTIALS = "credentials"
"""The kind of a secret in a credentials file."""
HISTORY = "typed secret"
"""The kind of a secret in a command history."""
CONFIGURATION = "password in a configuration"
"""The kind of a secret in the configuration file of an application."""

Find = Callable[[str], Iterable[Secret]]
"""Returns the values where a format keeps secrets."""


class KnownFile(Struct, frozen=True):
    """Files of one format."""

    patterns: tuple[str, ...]
    kind: str
    find: Find
    shortest: int = 1
    """Minimum length of a secret in it."""


def _credentials(*patterns: str, find: Find) -> KnownFile:
    return KnownFile(patterns, CREDENTIALS, find)


def _configuration(*patterns: str, find: Find) -> KnownFile:
    return KnownFile(patterns, CONFIGURATION, find, configurations.SHORTEST)


_PACKAGE_MANAGERS = (
    _credentials(
        *(".npmrc", "npmrc", ".yarnrc", ".yarnrc.yml", "**/pnpm/rc", "**/pnpm/auth.ini"),
        find=formats.npmrc,
    ),
    _credentials(".bunfig.toml", "bunfig.toml", find=values_named("token|password")),
    _credentials(
        *(".pypirc", "pip.conf", "pip.ini", "uv.toml", "**/pypoetry/config.toml"),
        *("**/pdm/config.toml", "**/uv/credentials/credentials.toml"),
        find=formats.named_secrets,
    ),
    _credentials("**/pypoetry/auth.toml", find=values_named("(?!username$|repository$|url$).*")),
    _credentials(".condarc", "condarc", "**/.conda/.condarc", find=formats.conda),
    _credentials("**/anaconda-client/tokens/*", find=formats.one_token),
    _credentials("**/.gem/credentials", "**/gem/credentials", find=values_named(".*")),
    _credentials("**/.bundle/config", "/usr/local/bundle/config", find=formats.bundler),
    _credentials(
        *("**/.cargo/credentials", "**/cargo/credentials", "credentials.toml"),
        find=values_named("token|secret_key|password"),
    ),
    _credentials("**/.m2/settings.xml", "**/maven/conf/settings.xml", find=formats.maven),
    _credentials("settings-security.xml", find=formats.maven_master),
    _credentials("gradle.properties", find=formats.settings),
    _credentials(
        *("**/.ivy2/.credentials", "**/.sbt/.credentials", "**/.ivy2/credentials"),
        *("**/.sbt/credentials", "**/.bintray/.credentials"),
        find=values_named("password|pass"),
    ),
    _credentials(
        "nuget.config", "NuGet.Config", "NuGet.config", "Nuget.Config", find=formats.nuget
    ),
    _credentials("**/.hex/hex.config", "hex.config", find=formats.erlang_terms),
    _credentials(
        *("**/.pub-cache/credentials.json", "pub-credentials.json", "pub-tokens.json"),
        find=values_named("access_token|refresh_token|token"),
    ),
    _credentials("**/.conan2/credentials.json", find=values_named("password")),
    _credentials("**/helm/repositories.yaml", find=values_named("password")),
    _credentials("**/.luarocks/upload_config.lua", find=values_named("key")),
    _credentials(".pause", find=formats.account_lines),
    _credentials(".Renviron", find=formats.settings),
    _credentials("**/.jfrog/jfrog-cli.conf*", find=formats.named_secrets),
)
_REGISTRIES = (
    _credentials(
        *(".dockercfg", ".dockerconfigjson", "auth.json", "**/.docker/config.json"),
        *("**/helm/registry/config.json", "**/helm/registry.json"),
        find=formats.registry,
    ),
    _credentials(
        *("kubeconfig", "*.kubeconfig", "**/.kube/config", "/etc/kubernetes/*.conf", "k3s.yaml"),
        find=formats.kubeconfig,
    ),
)
_CODE_HOSTS = (
    _credentials(".git-credentials", "**/git/credentials", find=formats.url_lines),
    _credentials(
        *(
            "**/.git/config",
            "**/.git/modules/*/config",
            "**/*.git/config",
            ".gitconfig",
            "/etc/gitconfig",
        ),
        *("**/git/config",),
        find=formats.git_config,
    ),
    _credentials("**/.git/FETCH_HEAD", "**/.git/logs/HEAD", find=formats.url_lines),
    _credentials("**/gh/hosts.yml", "**/.config/hub", find=values_named("oauth_token")),
    _credentials("**/glab-cli/config.yml", "**/tea/config.yml", find=values_named("token")),
    _credentials(".hgrc", "**/hg/hgrc", find=formats.named_secrets),
    _credentials("**/.subversion/auth/svn.simple/*", find=formats.subversion),
)
_CLOUDS = (
    _credentials("**/.aws/credentials", "**/.aws/config", find=formats.ini),
    _credentials(
        *("**/.aws/sso/cache/*", "**/.aws/cli/cache/*"),
        find=values_named(
            "access_token|refresh_token|client_secret|secret_access_key|session_token"
        ),
    ),
    _credentials(
        *("application_default_credentials.json", "adc.json"),
        find=values_named("refresh_token|client_secret|access_token"),
    ),
    _credentials(
        *("**/.azure/accessTokens.json", "**/.azure/msal_token_cache.json"),
        *("**/.azure/service_principal_entries.json", "**/.azure/servicePrincipalProfile"),
        find=values_named("access_?token|refresh_?token|secret|client_secret|.*certificate"),
    ),
    _credentials(
        ".s3cfg",
        ".boto",
        "rclone.conf",
        ".rclone.conf",
        find=values_named(
            "pass(?:word)?2?|token|.*secret(?:_access)?_?key|client_secret|gs_oauth2_refresh_token|access_token"
            "|gpg_passphrase|key|sas_url|service_account_credentials"
        ),
    ),
    _credentials(".passwd-s3fs", "passwd-s3fs", find=formats.account_lines),
    _credentials(
        *("**/doctl/config.yaml", "**/.fly/config.yml", "**/hcloud/cli.toml", "**/scw/config.yaml"),
        *(
            "**/.config/linode-cli",
            "**/exoscale/exoscale.toml",
            "**/.aliyun/config.json",
            "**/.mc/config.json",
        ),
        *("**/.tccli/default.credential", "**/.bluemix/config.json", "**/.oci/config"),
        *(".vultr-cli.yaml", "**/heroku/config.json"),
        find=values_named(
            "(?:.*_)?(?:access|refresh|api|auth|iam|uaa|oauth|app|session|security)?_?token|.*secret_?key"
            "|.*secret|secret_id|api_?key|key|pass_phrase|.*access_key_secret|password"
        ),
    ),
    _credentials(
        "clouds.yaml", "clouds.yml", "secure.yaml", find=values_named("password|.*secret")
    ),
    _credentials(
        *("credentials.tfrc.json", ".terraformrc", "terraform.rc"),
        find=values_named("token|password|secret"),
    ),
    _credentials("*.tfvars", "*.tfvars.json", find=formats.named_secrets),
    _credentials("**/.pulumi/credentials.json", find=formats.values_below("accessTokens")),
    _credentials(
        *("**/.wrangler/config/default.toml", "**/netlify/config.json", "firebase-tools.json"),
        *(
            "**/.railway/config.json",
            "**/.supabase/access-token",
            "**/ngrok/ngrok.yml",
            "ngrok.yml",
        ),
        *("**/.twilio-cli/config.json", "**/stripe/config.toml", ".sentryclirc", ".databrickscfg"),
        *("**/.circleci/cli.yml", "**/.travis/config.yml", "**/.snowsql/config"),
        *("**/.snowflake/config.toml", "**/.snowflake/connections.toml", "**/.dbt/profiles.yml"),
        find=values_named(
            "(?:.*_)?(?:token|authtoken|api_?key|api_?secret|secret|password|passphrase|pass)"
            "|(?:.*_)?(?:test|live)_mode_api_key"
        ),
    ),
    _credentials("kaggle.json", find=values_named("key")),
    _credentials(
        *(
            "**/huggingface/token",
            "**/.huggingface/token",
            ".vault-token",
            "**/.supabase/access-token",
        ),
        find=formats.one_token,
    ),
    _credentials("**/huggingface/stored_tokens", find=values_named("hf_token")),
)
_MACHINES = (
    _credentials(".netrc", "_netrc", find=formats.netrc),
    _credentials(".my.cnf", find=formats.ini),
    _credentials(".pgpass", "pgpass.conf", find=formats.pgpass),
    _credentials(".odbc.ini", "odbc.ini", find=values_named("password|pwd")),
    _credentials("sasl_passwd", find=formats.account_lines),
    _credentials(".msmtprc", "msmtprc", "ssmtp.conf", find=configurations.spaced),
    _credentials(".smbcredentials", "**/davfs2/secrets", find=values_named("password|pass")),
    _credentials(
        "sftp-config.json",
        "**/.vscode/sftp.json",
        ".ftpconfig",
        find=values_named("pass(?:word)?|passphrase"),
    ),
)
_HISTORIES = (KnownFile(HISTORIES, HISTORY, typed_secrets),)
_APPLICATIONS = (
    _configuration(
        *("application.properties", "application.yml", "application.yaml", "application-*"),
        *("bootstrap.properties", "bootstrap.yml", "bootstrap.yaml", "bootstrap-*"),
        *("db.properties", "database.properties", "jdbc.properties", "datasource.properties"),
        *(
            "hibernate.properties",
            "liquibase.properties",
            "secrets.properties",
            "config.properties",
        ),
        *(
            "flyway.conf",
            "flyway.toml",
            "sonar-project.properties",
            "keycloak.conf",
            "quarkus.properties",
        ),
        find=configurations.plain,
    ),
    _configuration(
        *("appsettings*", "*.config", "connectionStrings.json", "local.settings.json"),
        *("context.xml", "server.xml", "tomcat-users.xml", "persistence.xml", "hibernate.cfg.xml"),
        *("standalone.xml", "standalone-full.xml", "domain.xml", "*-ds.xml", "applicationContext*"),
        *("jetty.xml", "log4j2.xml", "credentials.xml", "sitemanager.xml"),
        find=configurations.plain,
    ),
    _configuration(
        *("database.yml", "database.yaml", "secrets.yml", "secrets.yaml", "credentials.yml"),
        *(
            "parameters.yml",
            "parameters.yaml",
            "mongoid.yml",
            "cable.yml",
            "storage.yml",
            "redis.yml",
        ),
        *("docker-compose*", "compose.yml", "compose.yaml", "compose.*", "values.yaml", "values-*"),
        *("config.yml", "config.yaml", "config.json", "config.toml", "config.ini", "config.conf"),
        *("secrets.json", "secrets.toml", ".secrets.toml", "secrets.ini", "settings.toml"),
        *("settings.ini", "settings.yml", "settings.yaml", "settings.json", "production.json"),
        *("production.yml", "production.yaml", "default.json", "local.json", "ormconfig.json"),
        *(
            "alembic.ini",
            "odoo.conf",
            "openerp-server.conf",
            "airflow.cfg",
            "grafana.ini",
            "app.ini",
        ),
        *("rabbitmq.conf", "elasticsearch.yml", "kibana.yml", "logstash.yml", "filebeat.yml"),
        *("metricbeat.yml", "prometheus.yml", "alertmanager.yml", "traefik.yml", "homeserver.yaml"),
        *("my.cnf", "**/mysql/conf.d/*", "mongod.conf", "app.yaml", "app.yml", "serverless.yml"),
        *("local.conf", "production.conf", "application.conf", "gitlab.rb"),
        find=configurations.plain,
    ),
    _configuration("redis.conf", "sentinel.conf", "users.acl", find=configurations.spaced),
    _configuration("userlist.txt", find=configurations.quoted_users),
    _configuration(
        *("settings.py", "local_settings.py", "settings_local.py", "**/settings/*", "config.py"),
        *(
            "secrets.py",
            "production.py",
            "superset_config.py",
            "webserver_config.py",
            "celeryconfig.py",
        ),
        *("jupyter_server_config.py", "jupyter_notebook_config.py", "jupyterhub_config.py"),
        *(
            "wp-config.php",
            "wp-config-*",
            "configuration.php",
            "settings.php",
            "settings.local.php",
        ),
        *("LocalSettings.php", "config.inc.php", "config.php", "database.php", "db.php", "env.php"),
        *(
            "config-db.php",
            "local.php",
            "parameters.php",
            "app.php",
            "app_local.php",
            "secrets.php",
        ),
        *("config.js", "config.ts", "config.cjs", "config.mjs", "knexfile.js", "knexfile.ts"),
        *("database.js", "database.ts", "ormconfig.js", "ormconfig.ts", "ecosystem.config.js"),
        *("secrets.rb", "secret_token.rb", "session_store.rb", "prod.secret.exs", "config.exs"),
        *("runtime.exs", "prod.exs", "config.rb"),
        find=configurations.program,
    ),
    _configuration("master.key", "**/config/credentials/*", find=formats.one_token),
)

KNOWN_FILES: tuple[KnownFile, ...] = (
    *_PACKAGE_MANAGERS,
    *_REGISTRIES,
    *_CODE_HOSTS,
    *_CLOUDS,
    *_MACHINES,
    *_HISTORIES,
    *_APPLICATIONS,
)
"""All known files; the first one with a matching pattern counts."""

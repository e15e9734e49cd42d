"""Files that are known to hold secrets are searched in their formats; dummies and placeholders are told apart."""

from __future__ import annotations

import base64
import json

import pytest

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.secrets.files import Formats
from layerscope.analysis.findings.secrets.known_files import KNOWN_FILES
from layerscope.report.schema import document
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import findings_of, opened_of
from tests.images import file

COPY = "COPY . /srv # buildkit"
SECRET = "x7K2p9Qm4Zt8"
"""What stands for a secret; it must be in no finding."""
TOKEN = "u9Fq2Lr7Xw4Bn8Tz1Kc5Vh3Ym6Jd0Gs"


def secrets_in(path: str, content: str | bytes) -> list[Finding]:
    """The findings about secrets in an image with one file."""
    data = content if isinstance(content, bytes) else content.encode()
    opened = opened_of([(COPY, [file(path, data)])])
    found = [one for one in findings_of(opened).found if one.rule.startswith("secret-")]
    said = json.dumps(document(opened)["findings"])
    assert SECRET not in said
    assert TOKEN not in said
    return found


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


CREDENTIALS = {
    # package managers
    "root/.npmrc": f"//r.corp.net/:_authToken={TOKEN}",
    "usr/local/etc/npmrc": f"//r.corp.net/:_auth={basic('me', SECRET)}",
    "srv/.yarnrc": f'"//r.corp.net/:_authToken" "{TOKEN}"',
    "srv/.yarnrc.yml": f"npmRegistries:\n  //r.corp.net:\n    npmAuthIdent: 'me:{SECRET}'\n",
    "root/.config/pnpm/rc": f"//r.corp.net/:_password={SECRET}",
    "srv/bunfig.toml": f'[install.registry]\nurl = "https://r.corp.net"\ntoken = "{TOKEN}"',
    "root/.pypirc": f"[corp]\nrepository = https://r.corp.net\nusername = me\npassword = {SECRET}",
    "root/.config/pip/pip.conf": f"[global]\nextra-index-url = https://me:{SECRET}@r.corp.net/simple",
    "srv/uv.toml": f'[[index]]\nurl = "https://me:{SECRET}@r.corp.net/simple"',
    "root/.config/pypoetry/auth.toml": f'[http-basic.corp]\nusername = "me"\npassword = "{SECRET}"',
    "root/.condarc": f"channels:\n  - https://conda.anaconda.org/t/{TOKEN}/corp\n",
    "srv/.condarc": f"channels:\n  - https://me:{SECRET}@conda.corp.net/main\n",
    "root/.continuum/anaconda-client/tokens/x.token": TOKEN,
    "root/.gem/credentials": f"---\n:rubygems_api_key: rubygems_{TOKEN}\n",
    "root/.local/share/gem/credentials": f"---\n:corp: {TOKEN}\n",
    "usr/local/bundle/config": f'---\nBUNDLE_GEMS__CORP__NET: "me:{SECRET}"\n',
    "srv/.bundle/config": f'---\nBUNDLE_RUBYGEMS__PKG__GITHUB__COM: "{TOKEN}"\n',
    "usr/local/cargo/credentials.toml": f'[registry]\ntoken = "{TOKEN}"',
    "root/.cargo/credentials": f'[registries.corp]\ntoken = "{TOKEN}"',
    "root/.config/composer/auth.json": json.dumps({"http-basic": {"r.corp.net": {"username": "me", "password": SECRET}}}),
    "srv/auth.json": json.dumps({"github-oauth": {"github.com": TOKEN}}),
    "root/.nuget/NuGet/NuGet.Config": f'<configuration><packageSourceCredentials><corp><add key="Username" value="me" /><add key="ClearTextPassword" value="{SECRET}" /></corp></packageSourceCredentials></configuration>',
    "root/.m2/settings.xml": f"<settings><servers><server><id>x</id><password>{SECRET}</password></server></servers></settings>",
    "root/.m2/settings-security.xml": f"<settingsSecurity><master>{{{TOKEN}=}}</master></settingsSecurity>",
    "root/.gradle/gradle.properties": f"corpUser=me\ncorpPassword={SECRET}",
    "root/.sbt/.credentials": f"realm=x\nhost=r.corp.net\nuser=me\npassword={SECRET}",
    "root/.hex/hex.config": f"{{'$write_key',<<\"{TOKEN}\">>}}.\n",
    "root/.config/dart/pub-tokens.json": json.dumps({"version": 1, "hosted": [{"url": "https://r.corp.net", "token": TOKEN}]}),
    "root/.pub-cache/credentials.json": json.dumps({"accessToken": TOKEN, "refreshToken": TOKEN}),
    "root/.conan2/credentials.json": json.dumps({"credentials": [{"remote": "x", "user": "me", "password": SECRET}]}),
    "root/.config/helm/repositories.yaml": f"repositories:\n- name: x\n  password: {SECRET}\n  username: me\n",
    "root/.Renviron": f"GITHUB_PAT_TOKEN={TOKEN}",
    "root/.jfrog/jfrog-cli.conf.v6": json.dumps({"servers": [{"accessToken": TOKEN}]}),
    # registries and clusters
    "root/.docker/config.json": json.dumps({"auths": {"r.corp.net": {"auth": basic("me", SECRET)}}}),
    "root/.config/helm/registry/config.json": json.dumps({"auths": {"r": {"auth": basic("me", SECRET)}}}),
    "root/.kube/config": f"users:\n- name: me\n  user:\n    token: {TOKEN}\n",
    "etc/kubernetes/admin.conf": f"users:\n- name: me\n  user:\n    client-key-data: {TOKEN}\n",
    # code hosts
    "srv/.git/config": f'[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic {basic("x-access-token", TOKEN)}\n',
    "app/.git/config": f'[remote "origin"]\n\turl = https://oauth2:{TOKEN}@git.corp.net/x.git\n',
    "opt/.git/config": f'[remote "origin"]\n\turl = https://{TOKEN}@github.com/x/y\n',
    "srv/.git/modules/lib/config": f'[remote "origin"]\n\turl = https://me:{SECRET}@git.corp.net/x.git\n',
    "srv/mirror.git/config": f'[remote "origin"]\n\turl = https://me:{SECRET}@git.corp.net/x.git\n',
    "root/.gitconfig": f'[url "https://me:{SECRET}@git.corp.net/"]\n\tinsteadOf = https://git.corp.net/\n',
    "home/me/.gitconfig": f'[credential]\n\thelper = "!f() {{ echo username=me; echo password={SECRET}; }}; f"\n',
    "etc/gitconfig": f"[http]\n\textraHeader = Authorization: Bearer {TOKEN}\n",
    "root/.git-credentials": f"https://me:{SECRET}@git.corp.net\n",
    "root/.config/git/credentials": f"https://me:{SECRET}@git.corp.net\n",
    "root/.config/gh/hosts.yml": f"github.com:\n    oauth_token: {TOKEN}\n    user: me\n",
    "root/.config/glab-cli/config.yml": f"hosts:\n  gitlab.com:\n    token: {TOKEN}\n",
    "root/.subversion/auth/svn.simple/0f": f"K 8\npasstype\nV 6\nsimple\nK 8\npassword\nV 12\n{SECRET}\nEND\n",
    # clouds and services
    "root/.aws/credentials": f"[default]\naws_access_key_id = x\naws_secret_access_key = {TOKEN}",
    "root/.aws/sso/cache/0f.json": json.dumps({"accessToken": TOKEN, "expiresAt": "2024-01-01T00:00:00Z"}),
    "root/.aws/cli/cache/0f.json": json.dumps({"Credentials": {"SecretAccessKey": TOKEN}}),
    "root/.config/gcloud/application_default_credentials.json": json.dumps({"client_id": "x", "refresh_token": TOKEN, "type": "authorized_user"}),
    "root/.config/gcloud/legacy_credentials/me/adc.json": json.dumps({"refresh_token": TOKEN}),
    "root/.config/gcloud/legacy_credentials/me/.boto": f"[Credentials]\ngs_oauth2_refresh_token = {TOKEN}",
    "root/.azure/msal_token_cache.json": json.dumps({"RefreshToken": {"a": {"secret": TOKEN}}}),
    "root/.azure/accessTokens.json": json.dumps([{"accessToken": TOKEN, "refreshToken": TOKEN}]),
    "root/.config/doctl/config.yaml": f"access-token: {TOKEN}\ncontext: default\n",
    "root/.fly/config.yml": f"access_token: {TOKEN}\n",
    "root/.config/hcloud/cli.toml": f'[[contexts]]\nname = "x"\ntoken = "{TOKEN}"\n',
    "root/.config/scw/config.yaml": f"access_key: SCWX\nsecret_key: {TOKEN}\n",
    "root/.terraform.d/credentials.tfrc.json": json.dumps({"credentials": {"app.terraform.io": {"token": TOKEN}}}),
    "root/.terraformrc": f'credentials "app.terraform.io" {{\n  token = "{TOKEN}"\n}}\n',
    "srv/prod.tfvars": f'db_password = "{SECRET}"\n',
    "root/.pulumi/credentials.json": json.dumps({"accessTokens": {"https://api.pulumi.com": TOKEN}}),
    "root/.config/rclone/rclone.conf": f"[s3]\ntype = s3\nsecret_access_key = {TOKEN}\n",
    "root/.s3cfg": f"[default]\naccess_key = x\nsecret_key = {TOKEN}\n",
    "root/.boto": f"[Credentials]\naws_secret_access_key = {TOKEN}\n",
    "etc/passwd-s3fs": f"AKIDX:{TOKEN}\n",
    "root/.mc/config.json": json.dumps({"aliases": {"x": {"accessKey": "a", "secretKey": TOKEN}}}),
    "root/.aliyun/config.json": json.dumps({"profiles": [{"access_key_secret": TOKEN}]}),
    "root/.bluemix/config.json": json.dumps({"IAMToken": f"Bearer-{TOKEN}"}),
    "etc/openstack/clouds.yaml": f"clouds:\n  x:\n    auth:\n      password: {SECRET}\n",
    "root/.vault-token": f"hvs.{TOKEN}",
    "root/.cache/huggingface/token": f"hf_{TOKEN}",
    "root/.kaggle/kaggle.json": json.dumps({"username": "me", "key": TOKEN}),
    "root/.sentryclirc": f"[auth]\ntoken={TOKEN}\n",
    "root/.databrickscfg": f"[DEFAULT]\nhost = https://x\ntoken = dapi{TOKEN}\n",
    "root/.config/configstore/firebase-tools.json": json.dumps({"tokens": {"refresh_token": TOKEN}}),
    "root/.config/ngrok/ngrok.yml": f"authtoken: {TOKEN}\n",
    # machines
    "root/.netrc": f"machine r.corp.net\n  login me\n  password {SECRET}\n",
    "root/.my.cnf": f"[client]\nuser=me\npassword={SECRET}\n",
    "root/.pgpass": f"db.corp.net:5432:app:me:{SECRET}\n",
    "etc/odbc.ini": f"[x]\nServer=db.corp.net\nPWD={SECRET}\n",
    "etc/postfix/sasl_passwd": f"[smtp.corp.net]:587 me@corp.net:{SECRET}\n",
    "root/.msmtprc": f"account x\nhost smtp.corp.net\npassword {SECRET}\n",
    "srv/master.key.d/../config/master.key": "0f3a9c1d2e4b5867798a6b5c4d3e2f1a",
}  # fmt: skip


@pytest.mark.parametrize("path", CREDENTIALS)
def test_credentials_are_an_error_and_never_shown(path: str) -> None:
    """They are found at the places where each program stores them; those of Rails belong to its configuration."""
    (finding,) = secrets_in(path, CREDENTIALS[path])
    assert finding.severity is Severity.ERROR
    assert finding.secret
    if not path.endswith("master.key"):
        assert (finding.rule, finding.confidence) == ("secret-credentials", Confidence.HIGH)


HISTORIES = {
    "root/.bash_history": f"ls\nexport AWS_SECRET_ACCESS_KEY={TOKEN}\n",
    "root/.ash_history": f"curl -u me:{SECRET} https://x.corp.net\n",
    "root/.zsh_history": f": 1700000000:0;mysql -uroot -p{SECRET} app\n",
    "root/.local/share/fish/fish_history": f"- cmd: set -gx GITHUB_TOKEN {TOKEN}\n  when: 1700000000\n",
    "root/.sh_history": f"docker login -u me -p {SECRET} r.corp.net\n",
    "root/.psql_history": f"ALTER USER me PASSWORD '{SECRET}';\n",
    "root/.mysql_history": f"ALTER\\040USER\\040me\\040IDENTIFIED\\040BY\\040'{SECRET}';\n",
    "root/.rediscli_history": f"keys *\nAUTH {SECRET}\n",
    "root/.dbshell": f'db.auth("me", "{SECRET}")\n',
    "root/.mongodb/mongosh/mongosh_repl_history": f'db.createUser({{user: "me", pwd: "{SECRET}"}})\n',
    "root/.sqlite_history": f"PRAGMA key = '{SECRET}';\n",
    "root/.python_history": f'import os\npassword = "{SECRET}"\n',
    "home/me/.python_history": f'boto3.client("s3", aws_secret_access_key="{TOKEN}")\n',
    "root/.node_repl_history": f"const apiKey = '{TOKEN}'\n",
    "root/.irb_history": f'ENV["API_TOKEN"] = "{TOKEN}"\n',
    "root/.local/share/powershell/PSReadLine/ConsoleHost_history.txt": f'$env:API_TOKEN = "{TOKEN}"\n',
    "root/.histfile": f"git clone https://me:{SECRET}@git.corp.net/x\n",
}


@pytest.mark.parametrize("path", HISTORIES)
def test_a_typed_secret_is_found_in_the_history(path: str) -> None:
    """Histories of shells, clients and interpreters are searched."""
    (finding,) = secrets_in(path, HISTORIES[path])
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.MEDIUM)
    assert finding.title == "Secret in a command history"


CONFIGURATIONS = {
    "srv/application.properties": f"spring.datasource.url=jdbc:postgresql://db.corp.net/app\nspring.datasource.password={SECRET}\n",
    "srv/application-prod.yml": f"spring:\n  datasource:\n    password: {SECRET}\n",
    "srv/bootstrap.yml": f"spring.cloud.config.password: '{SECRET}'\n",
    "srv/wp-config.php": f"<?php\ndefine( 'DB_PASSWORD', '{SECRET}' );\ndefine( 'DB_HOST', 'db.corp.net' );\n",
    "srv/config/database.yml": f"production:\n  adapter: postgresql\n  password: {SECRET}\n",
    "srv/config/secrets.yml": f"production:\n  secret_key_base: {TOKEN}\n",
    "srv/mysite/settings.py": f"DATABASES = {{'default': {{'HOST': 'db.corp.net', 'PASSWORD': '{SECRET}'}}}}\n",
    "srv/other/settings.py": f'SECRET_KEY = "{TOKEN}"\n',
    "srv/local_settings.py": f'SQLALCHEMY_DATABASE_URI = "postgresql://me:{SECRET}@db.corp.net/app"\n',
    "srv/web.config": f'<configuration><connectionStrings><add name="x" connectionString="Server=db.corp.net;User Id=me;Password={SECRET};" /></connectionStrings></configuration>',
    "srv/appsettings.json": json.dumps({"ConnectionStrings": {"Default": f"Server=db.corp.net;User Id=me;Password={SECRET}"}}),
    "srv/appsettings.Production.json": f'{{\n  // comment\n  "Smtp": {{"Password": "{SECRET}"}}\n}}\n',
    "srv/docker-compose.yml": f"services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {SECRET}\n",
    "srv/compose.yaml": f"services:\n  db:\n    environment:\n      - MYSQL_ROOT_PASSWORD={SECRET}\n",
    "opt/tomcat/conf/context.xml": f'<Context><Resource name="jdbc/x" username="me" password="{SECRET}" url="jdbc:mysql://db.corp.net/x"/></Context>',
    "opt/tomcat/conf/tomcat-users.xml": f'<tomcat-users><user username="me" password="{SECRET}" roles="manager"/></tomcat-users>',
    "srv/META-INF/persistence.xml": f'<properties><property name="javax.persistence.jdbc.password" value="{SECRET}"/></properties>',
    "srv/hibernate.cfg.xml": f'<hibernate-configuration><property name="connection.password">{SECRET}</property></hibernate-configuration>',
    "etc/redis/redis.conf": f"bind 0.0.0.0\nrequirepass {SECRET}\n",
    "etc/pgbouncer/userlist.txt": f'"me" "{SECRET}"\n',
    "etc/grafana/grafana.ini": f"[security]\nadmin_password = {SECRET}\n",
    "srv/odoo.conf": f"[options]\nadmin_passwd = {SECRET}\n",
    "srv/alembic.ini": f"[alembic]\nsqlalchemy.url = postgresql://me:{SECRET}@db.corp.net/app\n",
    "srv/sites/default/settings.php": f"<?php\n$databases['default']['default'] = array('host' => 'db.corp.net', 'password' => '{SECRET}');\n",
    "srv/configuration.php": f"<?php\nclass JConfig {{\n\tpublic $host = 'db.corp.net';\n\tpublic $password = '{SECRET}';\n}}\n",
    "srv/LocalSettings.php": f'<?php\n$wgDBpassword = "{SECRET}";\n',
    "srv/config.inc.php": f"<?php\n$cfg['Servers'][$i]['password'] = '{SECRET}';\n",
    "srv/config/production.json": json.dumps({"db": {"host": "db.corp.net", "password": SECRET}}),
    "srv/config.js": f"module.exports = {{ host: 'db.corp.net', dbPassword: '{SECRET}' }}\n",
    "srv/config/prod.secret.exs": f'config :app, App.Repo,\n  password: "{SECRET}"\n',
    "srv/ormconfig.json": json.dumps([{"host": "db.corp.net", "password": SECRET}]),
    "srv/.streamlit/secrets.toml": f'db_password = "{SECRET}"\n',
    "etc/mysql/conf.d/client.cnf": f"[client]\npassword = {SECRET}\n",
    "srv/config.yaml": f"jwtSecret: {TOKEN}\n",
}  # fmt: skip


@pytest.mark.parametrize("path", CONFIGURATIONS)
def test_a_password_in_the_configuration_of_an_application(path: str) -> None:
    """It is an error of medium confidence, because only its name identifies it."""
    (finding,) = secrets_in(path, CONFIGURATIONS[path])
    assert (finding.rule, finding.severity, finding.confidence) == (
        "secret-configuration", Severity.ERROR, Confidence.MEDIUM,
    )  # fmt: skip


DUMMIES = {
    "srv/application.properties": f"spring.datasource.url=jdbc:postgresql://localhost:5432/app\nspring.datasource.password={SECRET}\n",
    "srv/application.yml": "spring:\n  datasource:\n    password: postgres\n",
    "srv/settings.py": "SECRET_KEY = 'django-insecure-4k2p9x7m1z8q3w6n'\n",
    "srv/docker-compose.yml": "environment:\n  POSTGRES_PASSWORD: postgres\n",
    "srv/appsettings.Development.json": json.dumps({"ConnectionStrings": {"Default": f"Server=localhost,1433;Password={SECRET};User Id=sa"}}),
    "srv/.env": "DATABASE_URL=postgres://app:app@localhost/app\n",
    "srv/prod.env": "DATABASE_URL=mysql://root:rootpassword@db/app\n",
    "root/.my.cnf": "[client]\nhost=localhost\npassword=rootpassword\n",
    "root/.bash_history": f"psql postgres://me:{SECRET}@localhost/app\n",
    "root/.netrc": f"machine localhost\nlogin me\npassword {SECRET}\n",
}  # fmt: skip


@pytest.mark.parametrize("path", DUMMIES)
def test_a_file_of_dummies_is_a_warning_and_not_a_secret(path: str) -> None:
    """Dummies are passwords of services on the same machine, and placeholder values."""
    (finding,) = secrets_in(path, DUMMIES[path])
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LOW)
    assert not finding.secret
    assert "ummi" in finding.title or "ummy" in finding.title


NOTHING = {
    "srv/.git/config": '[remote "origin"]\n\turl = https://github.com/x/y.git\n[user]\n\tname = me\n',
    "app/.git/config": '[remote "origin"]\n\turl = git@github.com:x/y.git\n[credential]\n\thelper = store\n',
    "root/.bash_history": "ls\nexport TOKEN=$(cat /run/secrets/x)\nmysql -p\nssh me@x\ngit commit -m 'new password field'\n",
    "root/.python_history": "import getpass\npassword = getpass.getpass()\ntoken = os.environ['TOKEN']\n",
    "root/.yarnrc": 'registry "https://registry.yarnpkg.com"\nlastUpdateCheck 1700000000\n',
    "usr/local/bundle/config": '---\nBUNDLE_PATH__SYSTEM: "true"\nBUNDLE_BUILD__NOKOGIRI: "--use-system-libraries"\nBUNDLE_WITHOUT: "development:test"\n',
    "srv/auth.json": json.dumps({"http-basic": {"r": {"username": "me", "password": "${R_PASSWORD}"}}}),
    "srv/NuGet.Config": '<configuration><packageSources><add key="nuget.org" value="https://api.nuget.org/v3/index.json"/></packageSources></configuration>',
    "root/.m2/settings.xml": "<settings><!-- <password>x7K2p9Qm4Zt8</password> --><server><password>${env.PW}</password></server></settings>",
    "root/.condarc": "channels:\n  - conda-forge\n  - https://repo.anaconda.com/pkgs/main\n",
    "srv/application.properties": "spring.datasource.password=${DB_PASSWORD}\njasypt.password=ENC(x7K2p9Qm4Zt8)\nmanagement.token-uri=/oauth/token\n",
    "srv/application.yml": "password: ${DB_PASSWORD:}\ntoken: '{cipher}x7K2p9Qm4Zt8'\nsecretKeyRef: app-secret-name\n",
    "srv/settings.py": "SECRET_KEY = os.environ['SECRET_KEY']\nPASSWORD_HASHERS = ['django.contrib.auth.hashers.Argon2PasswordHasher']\nAUTH_PASSWORD_VALIDATORS = []\n",
    "srv/config.js": "module.exports = { password: process.env.DB_PASSWORD, tokenType: 'bearer-token-1', passwordField: 'password' }\n",
    "srv/config.json": json.dumps({"bos_token": "<s>", "pad_token": "[PAD]", "mask_token": "[MASK]", "eos_token": "<|endoftext|>"}),
    "opt/tomcat/conf/tomcat-users.xml": '<tomcat-users>\n<!--\n  <user username="admin" password="x7K2p9Qm4Zt8" roles="manager-gui"/>\n-->\n</tomcat-users>',
    "etc/redis/redis.conf": "# requirepass foobared\nport 6379\n",
    "etc/grafana/grafana.ini": ";admin_password = admin\n;secret_key = SW2YcwTIb9zpOOhoPsMm\n",
    "srv/docker-compose.yml": "environment:\n  POSTGRES_PASSWORD_FILE: /run/secrets/pw\n  POSTGRES_PASSWORD: ${PW:?}\n",
    "srv/wp-config.php": "define('DB_PASSWORD', getenv('DB_PASSWORD'));\ndefine('AUTH_KEY', 'put your unique phrase here');\n",
    "srv/config/database.yml": "password: <%= ENV['DB_PASSWORD'] %>\n",
    "srv/values.yaml": "existingSecret: app-secret-1\npasswordSecretKey: password-key-1\nimagePullSecrets: []\n",
    "etc/pgbouncer/userlist.txt": '"me" "SCRAM-SHA-256$4096:abc"\n"you" "md50123456789abcdef0123456789abcdef"\n',
    "root/.aws/config": "[default]\nregion = eu-central-1\noutput = json\n",
    "root/.azure/azureProfile.json": json.dumps({"subscriptions": [{"id": "x", "name": "token-service-1"}]}),
    "root/.config/gh/config.yml": "git_protocol: https\n",
    "srv/lang/ja/settings.php": "<?php\n$lang['admin_password'] = '上記ユーザーのパスワード。';\n",
    "srv/users.config": '<configuration><appSettings><add key="Password" value="#{DbPassword}#"/></appSettings></configuration>',
    "root/.docker/config.json": json.dumps({"auths": {"r": {}}, "credsStore": "pass", "HttpHeaders": {"User-Agent": "Docker-Client/19.03"}}),
}  # fmt: skip


@pytest.mark.parametrize("path", NOTHING)
def test_references_comments_and_other_settings_are_not_secrets(path: str) -> None:
    """Users turn off rules with false alarms."""
    assert secrets_in(path, NOTHING[path]) == []


@pytest.mark.parametrize(
    "path",
    ["usr/share/app/application.properties", "usr/lib/x/config.json", "srv/node_modules/x/config.js",
     "usr/local/lib/python3.12/site-packages/x/settings.py", "usr/share/doc/x/.bash_history"],
)  # fmt: skip
def test_files_of_packages_are_not_searched(path: str) -> None:
    """They are the same for everyone."""
    assert secrets_in(path, f'password = "{SECRET}"\n') == []


HOSTILE = [
    "a: b\n",
    '"a":"',
    "<a ",
    "a://b:c@",
    "password=",
    "'",
    "{",
    "token ",
    "<!--",
    "- cmd: a",
    "K 8\n",
]


@pytest.mark.parametrize("number", range(len(KNOWN_FILES)))
def test_hostile_texts_are_searched_quickly(number: int) -> None:
    """This holds for every format; a pattern that is not linear would take hours."""
    known = KNOWN_FILES[number]
    for part in HOSTILE:
        found = Formats(known).kinds(part * (65_536 // len(part)))
        assert found <= {known.kind, f"dummy {known.kind}"}

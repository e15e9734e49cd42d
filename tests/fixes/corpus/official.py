"""The long scripts of official images, cleanup left out."""

from __future__ import annotations

from tests.fixes.entry import entry

OFFICIAL = (
    entry(
        "postgres-gosu",
        "apt-lists",
        r"""
        ENV GOSU_VERSION=1.17
        RUN set -eux; \
        	savedAptMark="$(apt-mark showmanual)"; \
        	apt-get update; \
        	apt-get install -y --no-install-recommends ca-certificates wget; \
        	dpkgArch="$(dpkg --print-architecture | awk -F- '{ print $NF }')"; \
        	wget -O /usr/local/bin/gosu "https://github.com/tianon/gosu/releases/download/$GOSU_VERSION/gosu-$dpkgArch"; \
        	wget -O /usr/local/bin/gosu.asc "https://github.com/tianon/gosu/releases/download/$GOSU_VERSION/gosu-$dpkgArch.asc"; \
        	export GNUPGHOME="$(mktemp -d)"; \
        	gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys B42F6819007F00F88E364FD4036A9C25BF357DD4; \
        	gpg --batch --verify /usr/local/bin/gosu.asc /usr/local/bin/gosu; \
        	gpgconf --kill all; \
        	rm -rf "$GNUPGHOME" /usr/local/bin/gosu.asc; \
        	apt-mark auto '.*' > /dev/null; \
        	[ -z "$savedAptMark" ] || apt-mark manual $savedAptMark > /dev/null; \
        	apt-get purge -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false; \
        	chmod +x /usr/local/bin/gosu; \
        	gosu --version; \
        	gosu nobody true
        """,
        "apt",
    ),
    entry(
        "postgres-user",
        "apt-lists",
        r"""
        # explicitly set user/group IDs
        RUN set -eux; \
        	groupadd -r postgres --gid=999; \
        # https://salsa.debian.org/postgresql/postgresql-common/blob/997d842ee744687d99a2b2d95c1083a2615c79e8/debian/postgresql-common.postinst#L32-35
        	useradd -r -g postgres --uid=999 --home-dir=/var/lib/postgresql --shell=/bin/bash postgres; \
        # also create the postgres user's home directory with appropriate permissions

        	install --verbose --directory --owner postgres --group postgres --mode 1777 /var/lib/postgresql; \
        	apt-get update; \
        	apt-get install -y --no-install-recommends \
        		gnupg \
        # https://www.postgresql.org/docs/16/app-psql.html#APP-PSQL-META-COMMAND-PSET-PAGER
        		less \
        	; \
        	localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8
        """,
        "apt",
    ),
    entry(
        "postgres-architectures",
        "apt-lists",
        r"""
        ENV PG_MAJOR=16
        RUN set -ex; \
        	dpkgArch="$(dpkg --print-architecture)"; \
        	aptRepo="[ signed-by=/usr/local/share/keyrings/postgres.gpg.asc ] http://apt.postgresql.org/pub/repos/apt/ bookworm-pgdg main $PG_MAJOR"; \
        	case "$dpkgArch" in \
        		amd64 | arm64 | ppc64el | s390x) \
        # arches officialy built by upstream
        			echo "deb $aptRepo" > /etc/apt/sources.list.d/pgdg.list; \
        			apt-get update; \
        			;; \
        		*) \
        			savedAptMark="$(apt-mark showmanual)"; \
        			tempDir="$(mktemp -d)"; \
        			cd "$tempDir"; \
        			apt-get source --compile "postgresql-$PG_MAJOR"; \
        			;; \
        	esac; \
        	apt-get install -y --no-install-recommends postgresql-common; \
        	sed -ri 's/#(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf; \
        	apt-get install -y --no-install-recommends "postgresql-$PG_MAJOR=$PG_VERSION"; \
        	if [ -n "$tempDir" ]; then \
        # if we have leftovers from building, let's purge them
        		apt-get purge -y --auto-remove; \
        		rm -rf "$tempDir" /etc/apt/sources.list.d/temp.list; \
        	fi; \
        	find /usr -name '*.pyc' -type f -exec bash -c 'for pyc; do dpkg -S "$pyc" &> /dev/null || rm -vf "$pyc"; done' -- '{}' +; \
        	postgres --version
        """,
        "apt",
    ),
    entry(
        "redis-build",
        "apt-lists",
        r"""
        ENV REDIS_DOWNLOAD_URL=http://download.redis.io/releases/redis-7.2.4.tar.gz
        ENV REDIS_DOWNLOAD_SHA=8d104c26a154b29fd67d6568b4f375212212ad41e0c2caa3d66480e78dbd3b59
        RUN set -eux; \
        	savedAptMark="$(apt-mark showmanual)"; \
        	apt-get update; \
        	apt-get install -y --no-install-recommends \
        		ca-certificates \
        		wget \
        		\
        		dpkg-dev \
        		gcc \
        		libc6-dev \
        		libssl-dev \
        		make \
        	; \
        	wget -O redis.tar.gz "$REDIS_DOWNLOAD_URL"; \
        	echo "$REDIS_DOWNLOAD_SHA *redis.tar.gz" | sha256sum -c -; \
        	mkdir -p /usr/src/redis; \
        	tar -xzf redis.tar.gz -C /usr/src/redis --strip-components=1; \
        	rm redis.tar.gz; \
        	\
        # disable Redis protected mode [1] as it is unnecessary in context of Docker
        	grep -E '^ *createBoolConfig[(]"protected-mode",.*, *1 *,.*[)],$' /usr/src/redis/src/config.c; \
        	sed -ri 's!^( *createBoolConfig[(]"protected-mode",.*, *)1( *,.*[)],)$!\10\2!' /usr/src/redis/src/config.c; \
        	gnuArch="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)"; \
        	extraJemallocConfigureFlags="--build=$gnuArch"; \
        	dpkgArch="$(dpkg --print-architecture)"; \
        	case "${dpkgArch##*-}" in \
        		amd64 | i386 | x32) extraJemallocConfigureFlags="$extraJemallocConfigureFlags --with-lg-page=12" ;; \
        		*) extraJemallocConfigureFlags="$extraJemallocConfigureFlags --with-lg-page=16" ;; \
        	esac; \
        	grep -F 'cd jemalloc && ./configure ' /usr/src/redis/deps/Makefile; \
        	sed -ri 's!cd jemalloc && ./configure !&'"$extraJemallocConfigureFlags"' !' /usr/src/redis/deps/Makefile; \
        	export BUILD_TLS=yes; \
        	make -C /usr/src/redis -j "$(nproc)" all; \
        	make -C /usr/src/redis install; \
        	serverMd5="$(md5sum /usr/local/bin/redis-server | cut -d' ' -f1)"; export serverMd5; \
        	find /usr/local/bin/redis* -maxdepth 0 \
        		-type f -not -name redis-server \
        		-exec sh -eux -c ' \
        			md5="$(md5sum "$1" | cut -d" " -f1)"; \
        			test "$md5" = "$serverMd5"; \
        		' -- '{}' ';' \
        		-exec ln -svfT 'redis-server' '{}' ';' \
        	; \
        	rm -r /usr/src/redis; \
        	apt-mark auto '.*' > /dev/null; \
        	[ -z "$savedAptMark" ] || apt-mark manual $savedAptMark > /dev/null; \
        	find /usr/local -type f -executable -exec ldd '{}' ';' \
        		| awk '/=>/ { so = $(NF-1); if (index(so, "/usr/local/") == 1) { next }; gsub("^/(usr/)?", "", so); printf "*%s\n", so }' \
        		| sort -u \
        		| xargs -r dpkg-query --search \
        		| cut -d: -f1 \
        		| sort -u \
        		| xargs -r apt-mark manual \
        	; \
        	apt-get purge -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false; \
        	\
        	tool1 --version
        """,
        "apt",
    ),
    entry(
        "python-build",
        "apt-lists",
        r"""
        ENV PYTHON_VERSION=3.12.2
        RUN set -eux; \
        	apt-get update; apt-get install -y --no-install-recommends libbluetooth-dev tk-dev uuid-dev; \
        	wget -O python.tar.xz "https://www.python.org/ftp/python/${PYTHON_VERSION%%[a-z]*}/Python-$PYTHON_VERSION.tar.xz"; \
        	tar --extract --directory /usr/src/python --strip-components=1 --file python.tar.xz; \
        	cd /usr/src/python; \
        	gnuArch="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)"; \
        	./configure \
        		--build="$gnuArch" \
        		--enable-loadable-sqlite-extensions \
        		--with-ensurepip \
        	; \
        	nproc="$(nproc)"; \
        	EXTRA_CFLAGS="$(dpkg-buildflags --get CFLAGS || :)"; \
        	make -j "$nproc" \
        		"EXTRA_CFLAGS=${EXTRA_CFLAGS:-}" \
        		"PROFILE_TASK=${PROFILE_TASK:-}" \
        	; \
        	make install; \
        	cd /; \
        	rm -rf /usr/src/python; \
        	\
        	find /usr/local -depth \
        		\( \
        			\( -type d -a \( -name test -o -name tests -o -name idle_test \) \) \
        			-o \( -type f -a \( -name '*.pyc' -o -name '*.pyo' -o -name 'libpython*.a' \) \) \
        		\) -exec rm -rf '{}' + \
        	; \
        	ldconfig; \
        	python3 --version
        """,
        "apt",
    ),
    entry(
        "python-links",
        "temporary-files",
        r"""
        RUN set -eux; \
        	for src in idle3 pip3 pydoc3 python3 python3-config; do \
        		dst="$(echo "$src" | tr -d 3)"; \
        		[ -s "/usr/local/bin/$src" ] || ln -svT "$src" "/usr/local/bin/$dst"; \
        	done
        """,
        "tmp",
    ),
    entry(
        "python-get-pip",
        "pip-cache",
        r"""
        ENV PYTHON_PIP_VERSION=24.0 PYTHON_GET_PIP_URL=https://example.org/get-pip.py PYTHON_GET_PIP_SHA256=dfe9
        RUN set -eux; \
        	wget -O get-pip.py "$PYTHON_GET_PIP_URL"; \
        	echo "$PYTHON_GET_PIP_SHA256 *get-pip.py" | sha256sum -c -; \
        	export PYTHONDONTWRITEBYTECODE=1; \
        	python3 get-pip.py \
        		--disable-pip-version-check \
        		"pip==$PYTHON_PIP_VERSION" \
        	; \
        	rm -f get-pip.py; \
        	pip --version
        """,
        "pip",
    ),
    entry(
        "node-keys",
        "temporary-files",
        r"""
        ENV NODE_VERSION=20.11.1
        RUN ARCH= && dpkgArch="$(dpkg --print-architecture)" \
          && case "${dpkgArch##*-}" in \
            amd64) ARCH='x64';; \
            ppc64el) ARCH='ppc64le';; \
            *) echo "unsupported architecture"; exit 1 ;; \
          esac \
          # use pre-existing gpg directory, see https://github.com/nodejs/docker-node/pull/1895#issuecomment-1550389150
          && export GNUPGHOME="$(mktemp -d)" \
          # gpg keys listed at https://github.com/nodejs/node#release-keys
          && set -ex \
          && for key in \
            4ED778F539E3634C779C87C6D7062848A1AB005C \
            141F07595B7B3FFE74309A937405533BE57C7D57 \
          ; do \
              { gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys "$key" && gpg --batch --fingerprint "$key"; } || \
              { gpg --batch --keyserver keyserver.ubuntu.com --recv-keys "$key" && gpg --batch --fingerprint "$key"; } ; \
          done \
          && curl -fsSLO --compressed "https://nodejs.org/dist/v$NODE_VERSION/node-v$NODE_VERSION-linux-$ARCH.tar.xz" \
          && gpg --batch --decrypt --output SHASUMS256.txt SHASUMS256.txt.asc \
          && grep " node-v$NODE_VERSION-linux-$ARCH.tar.xz\$" SHASUMS256.txt | sha256sum -c - \
          && tar -xJf "node-v$NODE_VERSION-linux-$ARCH.tar.xz" -C /usr/local --strip-components=1 --no-same-owner \
          && ln -s /usr/local/bin/node /usr/local/bin/nodejs \
          # smoke tests
          && node --version \
          && npm --version
        """,
        "tmp",
    ),
    entry(
        "node-yarn",
        "yarn-cache",
        r"""
        ENV YARN_VERSION=1.22.19
        RUN set -ex \
          && curl -fsSLO --compressed "https://yarnpkg.com/downloads/$YARN_VERSION/yarn-v$YARN_VERSION.tar.gz" \
          && mkdir -p /opt \
          && tar -xzf yarn-v$YARN_VERSION.tar.gz -C /opt/ \
          && ln -s /opt/yarn-v$YARN_VERSION/bin/yarn /usr/local/bin/yarn \
          && rm yarn-v$YARN_VERSION.tar.gz.asc yarn-v$YARN_VERSION.tar.gz \
          && yarn --version
        """,
        "yarn",
    ),
    entry(
        "php-extensions",
        "apt-lists",
        r"""
        ENV PHPIZE_DEPS="autoconf dpkg-dev file g++ gcc libc-dev make pkg-config re2c"
        RUN set -eux; \
        	{ \
        		echo 'Package: php*'; \
        		echo 'Pin: release *'; \
        		echo 'Pin-Priority: -1'; \
        	} > /etc/apt/no-debian-php; \
        	savedAptMark="$(apt-mark showmanual)"; \
        	apt-get update; \
        	apt-get install -y --no-install-recommends $PHPIZE_DEPS libpng-dev; \
        	docker-php-ext-configure gd --with-jpeg; \
        	docker-php-ext-install -j "$(nproc)" bcmath gd; \
        	pecl install imagick-3.6.0; \
        	docker-php-ext-enable imagick; \
        	out="$(php -r 'exit(0);' 3>&1 1>&2 2>&3)"; \
        	[ -z "$out" ]; \
        	! { php -v | grep -q nothing && false; }
        """,
        "apt",
    ),
    entry(
        "wordpress-composer",
        "composer-cache",
        r"""
        RUN set -eux; \
        	{ \
        		echo 'opcache.memory_consumption=128'; \
        		echo 'opcache.revalidate_freq=2'; \
        	} > /usr/local/etc/opcache.ini; \
        	a2enmod rewrite expires; \
        	composer install --no-dev --optimize-autoloader; \
        	chown -R www-data:www-data /var/www/html
        """,
        "composer",
    ),
    entry(
        "nginx-keys",
        "apt-lists",
        r"""
        ENV NGINX_VERSION=1.25.4
        RUN set -x \
        # create nginx user/group first, to be consistent throughout docker variants
            && groupadd --system --gid 101 nginx \
            && useradd --system --gid nginx --no-create-home --home /nonexistent --comment "nginx user" --shell /bin/false --uid 101 nginx \
            && apt-get update \
            && apt-get install --no-install-recommends --no-install-suggests -y gnupg1 ca-certificates \
            && \
            NGINX_GPGKEYS="573BFD6B3D8FBC641079A6ABABF5BD827BD9BF62 8540A6F18833A80E9C1653A42FD21310B49F6B46"; \
            NGINX_GPGKEY_PATH=/etc/apt/keyrings/nginx-archive-keyring.gpg; \
            export GNUPGHOME="$(mktemp -d)"; \
            found=''; \
            for NGINX_GPGKEY in $NGINX_GPGKEYS; do \
            for server in \
                hkp://keyserver.ubuntu.com:80 \
                pgp.mit.edu \
            ; do \
                echo "Fetching GPG key $NGINX_GPGKEY from $server"; \
                gpg1 --keyserver "$server" --keyserver-options timeout=10 --recv-keys "$NGINX_GPGKEY" && found=yes && break; \
            done; \
            test -z "$found" && echo >&2 "error: failed to fetch GPG key $NGINX_GPGKEY" && exit 1; \
            done; \
            gpg1 --export "$NGINX_GPGKEYS" > "$NGINX_GPGKEY_PATH" ; \
            rm -rf "$GNUPGHOME"; \
            apt-get remove --purge --auto-remove -y gnupg1 \
            && dpkgArch="$(dpkg --print-architecture)" \
            && nginxPackages=" nginx=${NGINX_VERSION} " \
            && case "$dpkgArch" in \
                amd64|arm64) \
                    echo "deb [signed-by=$NGINX_GPGKEY_PATH] https://nginx.org/packages/mainline/debian/ bookworm nginx" >> /etc/apt/sources.list.d/nginx.list \
                    && apt-get update \
                    ;; \
                *) \
                    tempDir="$(mktemp -d)" \
                    && chmod 777 "$tempDir" \
                    && ( \
                        cd "$tempDir" \
                        && apt-get source --compile $nginxPackages \
                    ) \
                    ;; \
            esac \
            \
            && apt-get install --no-install-recommends --no-install-suggests -y \
                                $nginxPackages \
                                gettext-base \
            && if [ -n "$tempDir" ]; then \
                apt-get purge -y --auto-remove \
                && rm -rf "$tempDir" /etc/apt/sources.list.d/temp.list; \
            fi \
        # forward request and error logs to docker log collector
            && ln -sf /dev/stdout /var/log/nginx/access.log \
            && mkdir /docker-entrypoint.d
        """,
        "apt",
    ),
    entry(
        "temurin-download",
        "temporary-files",
        r"""
        RUN set -eux; \
            ARCH="$(dpkg --print-architecture)"; \
            case "${ARCH}" in \
               aarch64|arm64) \
                 ESUM='da0d0a95fa7c7f8b9e5a4f0e'; \
                 BINARY_URL='https://github.com/adoptium/aarch64.tar.gz'; \
                 ;; \
               amd64|i386:x86-64) \
                 ESUM='82f64c53acaa045370d6'; \
                 BINARY_URL='https://github.com/adoptium/x64.tar.gz'; \
                 ;; \
               *) \
                 echo "Unsupported arch: ${ARCH}"; \
                 exit 1; \
                 ;; \
            esac; \
            wget --progress=dot:giga -O /tmp/openjdk.tar.gz ${BINARY_URL}; \
            echo "${ESUM} */tmp/openjdk.tar.gz" | sha256sum -c -; \
            mkdir -p "/opt/java"; \
            tar --extract \
                --file /tmp/openjdk.tar.gz \
                --directory "/opt/java" \
                --strip-components 1 \
                --no-same-owner \
            ; \
            find "/opt/java/lib" -maxdepth 1 -name '*.so' -exec dirname '{}' ';' | sort -u > /etc/ld.so.conf; \
            ldconfig; \
            java -Xshare:dump;
        """,
        "tmp",
    ),
    entry(
        "golang-download",
        "apt-lists",
        r"""
        ENV GOLANG_VERSION=1.22.0
        RUN set -eux; \
        	apt-get update; apt-get install -y g++ gcc; \
        	now="$(date '+%s')"; \
        	arch="$(dpkg --print-architecture)"; arch="${arch##*-}"; \
        	url=; \
        	case "$arch" in \
        		'amd64') \
        			url='https://dl.google.com/go/go1.22.0.linux-amd64.tar.gz'; \
        			sha256='f6c8a87aa03b92c4b0bf3d558e28ea03006eb29db78917daec5cfb6ec1046265'; \
        			;; \
        		*) echo >&2 "error: unsupported architecture '$arch' (likely packaging update needed)"; exit 1 ;; \
        	esac; \
        	\
        	wget -O go.tgz.asc "$url.asc"; \
        	wget -O go.tgz "$url" --progress=dot:giga; \
        	echo "$sha256 *go.tgz" | sha256sum -c -; \
        	tar -C /usr/local -xzf go.tgz; \
        	rm go.tgz*; \
        	SOURCE_DATE_EPOCH="$(stat -c '%Y' /usr/local/go)"; export SOURCE_DATE_EPOCH; \
        	if [ "$arch" = 'armhf' ]; then \
        		[ -s /usr/local/go/go.env ]; \
        		before="$(go env GOARM)"; [ "$before" != '7' ]; \
        	fi; \
        	find /usr/local/go -exec touch -h -d "@0" '{}' +
        """,
        "apt",
    ),
    entry(
        "rust-init",
        "cargo-registry",
        r"""
        ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo RUST_VERSION=1.76.0
        RUN set -eux; \
            dpkgArch="$(dpkg --print-architecture)"; \
            case "${dpkgArch##*-}" in \
                amd64) rustArch='x86_64-unknown-linux-gnu'; rustupSha256='0b2f6c8f85a3d02fde2efc0ced4657869d73fccfce59defb4e8d29233116e6db' ;; \
                *) echo >&2 "unsupported architecture: ${dpkgArch}"; exit 1 ;; \
            esac; \
            url="https://static.rust-lang.org/rustup/archive/1.26.0/${rustArch}/rustup-init"; \
            wget "$url"; \
            echo "${rustupSha256} *rustup-init" | sha256sum -c -; \
            chmod +x rustup-init; \
            ./rustup-init -y --no-modify-path --profile minimal --default-toolchain $RUST_VERSION --default-host ${rustArch}; \
            rm rustup-init; \
            chmod -R a+w $RUSTUP_HOME $CARGO_HOME; \
            cargo install cargo-chef; \
            rustc --version;
        """,
        "cargo",
    ),
    entry(
        "ruby-gems",
        "gem-cache",
        r"""
        ENV GEM_HOME=/usr/local/bundle
        RUN set -eux; \
        	mkdir -p /usr/local/etc; \
        	{ \
        		echo 'install: --no-document'; \
        		echo 'update: --no-document'; \
        	} >> /usr/local/etc/gemrc; \
        	bundle config --global frozen 1; \
        	bundle install --jobs 4
        """,
        "gem",
    ),
    entry(
        "elastic-retry",
        "apt-lists",
        r"""
        RUN for iter in 1 2 3; do \
              export DEBIAN_FRONTEND=noninteractive && \
              apt-get update && \
              apt-get upgrade -y && \
              apt-get install -y --no-install-recommends \
                ca-certificates curl netcat p11-kit unzip zip && \
              exit_code=0 && break || exit_code=$? && \
              echo "apt error: retry $iter in 10s" && \
              sleep 10; \
            done; \
            exit $exit_code
        """,
        "apt",
    ),
    entry(
        "mongo-keys",
        "apt-lists",
        r"""
        RUN set -ex; \
        	export GNUPGHOME="$(mktemp -d)"; \
        	set -- '39BD841E4BE5FB195A65400E6A26B1AE64C3C388'; \
        	for key; do \
        		gpg --batch --keyserver keyserver.ubuntu.com --recv-keys "$key"; \
        	done; \
        	mkdir -p /etc/apt/keyrings; \
        	gpg --batch --export "$@" > /etc/apt/keyrings/mongodb.gpg; \
        	gpgconf --kill all; \
        	rm -rf "$GNUPGHOME"; \
        	set -x \
        # installing "mongodb-enterprise" pulls in "tzdata" which prompts for input
        	&& export DEBIAN_FRONTEND=noninteractive \
        	&& apt-get update \
        	&& apt-get install -y \
        		mongodb-org=7.0.5 \
        		mongodb-org-server=7.0.5 \
        	&& rm -rf /var/lib/mongodb \
        	&& mv /etc/mongod.conf /etc/mongod.conf.orig
        """,
        "apt",
    ),
    entry(
        "rabbitmq-subshells",
        "apt-lists",
        r"""
        RUN set -eux; \
        	apt-get update; \
        	( cd /usr/src/x && ./configure --prefix=/opt/openssl && make -j "$(getconf _NPROCESSORS_ONLN || echo 1)" ); \
        	( \
        		cd /tmp/build; \
        		./configure; \
        		make install \
        	); \
        	ldconfig; \
        	sh -c 'if ! tool1 version; then exit 1; fi'
        """,
        "apt",
    ),
    entry(
        "tomcat-natives",
        "apt-lists",
        r"""
        WORKDIR /usr/src/x
        RUN set -eux; \
        	apt-get update; \
        	xargs -rt apt-get install -y --no-install-recommends < /packages.txt; \
        	nativeLines="$(catalina.sh configtest 2>&1)"; \
        	nativeLines="$(echo "$nativeLines" | grep 'Apache Tomcat Native')"; \
        	if ! echo "$nativeLines" | grep -E 'INFO: Loaded' >&2; then \
        		echo >&2 "$nativeLines"; \
        		exit 1; \
        	fi
        """,
        "apt",
    ),
    entry(
        "jenkins-user",
        "temporary-files",
        r"""
        ARG user=jenkins
        ARG uid=1000
        RUN mkdir -p /data \
          && chown ${uid}:${uid} /data \
          && groupadd -g ${uid} ${user} \
          && useradd -d "/data" -u ${uid} -g ${uid} -l -m -s /bin/bash ${user} \
          && curl -fsSL https://repo.jenkins-ci.org/war.war -o /tmp/jenkins.war \
          && echo "abc  /tmp/jenkins.war" >/tmp/jenkins_sha \
          && sha256sum -c --strict /tmp/jenkins_sha
        """,
        "tmp",
    ),
    entry(
        "airflow-bash",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-o", "pipefail", "-o", "errexit", "-o", "nounset", "-o", "nolog", "-c"]
        ARG DEV_APT_DEPS="gcc libpq-dev"
        RUN apt-get update \
            && mapfile -t packages < <(echo ${DEV_APT_DEPS} | tr ' ' '\n') \
            && apt-get install --no-install-recommends -yqq ${DEV_APT_DEPS}
        """,
        "apt",
    ),
    entry(
        "jupyter-conda",
        "conda-packages",
        r"""
        SHELL ["/bin/bash", "-o", "pipefail", "-c"]
        RUN set -x && \
            arch=$(uname -m) && \
            if [ "${arch}" = "x86_64" ]; then \
                # Should be simpler, see <https://github.com/mamba-org/mamba/issues/1437>
                arch="64"; \
            fi && \
            wget --progress=dot:giga -O - "https://micro.mamba.pm/api/micromamba/linux-${arch}/latest" | tar -xvj -C /tmp/ --strip-components=1 bin/micromamba && \
            PYTHON_SPECIFIER="python=3.11" && \
            if [[ "default" == "default" ]]; then PYTHON_SPECIFIER="python"; fi && \
            micromamba install --root-prefix=/opt/conda --yes "${PYTHON_SPECIFIER}" 'mamba<2.0.0' 'jupyter_core' && \
            rm /tmp/micromamba && \
            mamba list --full-name 'python' | tail -1 | tr -s ' ' | cut -d ' ' -f 1,2
        """,
        "conda",
    ),
)

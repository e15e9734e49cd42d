"""The libraries of the base: a table for `packages.parse`."""

from __future__ import annotations

BASE_LIBRARIES = """\
libacl1 2.3.1-3 libs optional access control list - shared library
  usr/lib/x86_64-linux-gnu/ libacl.so.1.1.2301 libacl.so.1>libacl.so.1.1.2301
libapt-pkg6.0 2.6.2 libs optional package management runtime library
  usr/lib/x86_64-linux-gnu/ libapt-pkg.so.6.0.0*151 libapt-pkg.so.6.0>libapt-pkg.so.6.0.0
libattr1 1:2.5.1-4 libs optional extended attribute handling - shared library
  etc/ xattr.conf
  usr/lib/x86_64-linux-gnu/ libattr.so.1.1.2501 libattr.so.1>libattr.so.1.1.2501
libaudit-common 1:3.0.9-1 libs optional Dynamic library for security auditing - common files
  etc/ libaudit.conf
libaudit1 1:3.0.9-1 libs optional Dynamic library for security auditing
  usr/lib/x86_64-linux-gnu/ libaudit.so.1.0.0*22 libaudit.so.1>libaudit.so.1.0.0
libblkid1 2.38.1-5+deb12u3 libs optional block device ID library
  usr/lib/x86_64-linux-gnu/ libblkid.so.1.1.0*45 libblkid.so.1>libblkid.so.1.1.0
libbz2-1.0 1.0.8-5+b1 libs important high-quality block-sorting file compressor library - runtime
  usr/lib/x86_64-linux-gnu/ libbz2.so.1.0.4*15 libbz2.so.1.0>libbz2.so.1.0.4
    libbz2.so.1>libbz2.so.1.0.4
libc-bin 2.36-9+deb12u13 libs required GNU C Library: Binaries
  etc/ bindresvport.blacklist gai.conf*2 ld.so.conf
  etc/default/ nss
  etc/ld.so.conf.d/ libc.conf
  usr/bin/ getconf* getent* iconv*14 ld.so>/lib64/ld-linux-x86-64.so.2 ldd~3 locale* localedef*40
    pldd* tzselect~5 zdump*
  usr/lib/locale/C.utf8/ LC_ADDRESS LC_COLLATE LC_CTYPE*14 LC_IDENTIFICATION LC_MEASUREMENT
    LC_MONETARY LC_NAME LC_NUMERIC LC_PAPER LC_TELEPHONE LC_TIME*3
  usr/lib/locale/C.utf8/LC_MESSAGES/ SYS_LC_MESSAGES
  usr/sbin/ iconvconfig* ldconfig*91 zic*13
  usr/share/libc-bin/ nsswitch.conf
libc6 2.36-9+deb12u13 libs optional GNU C Library: Shared libraries
  etc/ld.so.conf.d/ x86_64-linux-gnu.conf
  usr/lib/x86_64-linux-gnu/ ld-linux-x86-64.so.2*32 libBrokenLocale.so.1*5 libanl.so.1*5
    libc.so.6*144 libc_malloc_debug.so.0*12 libdl.so.2*5 libm.so.6*86 libmemusage.so
    libmvec.so.1*93 libnsl.so.1*18 libnss_compat.so.2 libnss_dns.so.2*5 libnss_files.so.2*5
    libnss_hesiod.so.2 libpcprofile.so*5 libpthread.so.0*5 libresolv.so.2*13 librt.so.1*5
    libthread_db.so.1 libutil.so.1*5
  usr/lib/x86_64-linux-gnu/gconv/ BIG5.so*18 CP1250.so CP1251.so CP1252.so CP1253.so CP1254.so
    CP1255.so CP1256.so CP1257.so CP1258.so EUC-JP-MS.so*18 EUC-JP.so GBK.so*21 ISO8859-1.so*5
    ISO8859-15.so ISO8859-2.so KOI8-R.so KOI8-RU.so SJIS.so*19 UNICODE.so UTF-16.so UTF-32.so
    UTF-7.so gconv-modules*3 gconv-modules.cache*7
  usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d/ gconv-modules-extra.conf*11
  usr/lib64/ ld-linux-x86-64.so.2>/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
libcap-ng0 0.8.3-1+b3 libs optional alternate POSIX capabilities library
  usr/lib/x86_64-linux-gnu/ libcap-ng.so.0.0.0 libcap-ng.so.0>libcap-ng.so.0.0.0
    libdrop_ambient.so.0.0.0*5 libdrop_ambient.so.0>libdrop_ambient.so.0.0.0
libcap2 1:2.66-4+deb12u3+b1 libs optional POSIX 1003.1e capabilities (library)
  usr/lib/x86_64-linux-gnu/ libcap.so.2.66 libcap.so.2>libcap.so.2.66 libpsx.so.2.66
    libpsx.so.2>libpsx.so.2.66
libcom-err2 1.47.0-2+b2 libs optional common error description library
  usr/lib/x86_64-linux-gnu/ libcom_err.so.2.1 libcom_err.so.2>libcom_err.so.2.1
libcrypt1 1:4.4.33-2 libs optional libcrypt shared library
  usr/lib/x86_64-linux-gnu/ libcrypt.so.1.1.0*31 libcrypt.so.1>libcrypt.so.1.1.0
libdb5.3 5.3.28+dfsg2-1 libs standard Berkeley v5.3 Database Libraries [runtime]
  usr/lib/x86_64-linux-gnu/ libdb-5.3.so*140
libffi8 3.4.4-1 libs optional Foreign Function Interface library runtime
  usr/lib/x86_64-linux-gnu/ libffi.so.8.1.2 libffi.so.8>libffi.so.8.1.2
libgcc-s1 12.2.0-14+deb12u1 libs optional GCC support library
  usr/lib/x86_64-linux-gnu/ libgcc_s.so.1*22
libgcrypt20 1.10.1-3+deb12u1 libs optional LGPL Crypto library - runtime library
  usr/lib/x86_64-linux-gnu/ libgcrypt.so.20.4.1*112 libgcrypt.so.20>libgcrypt.so.20.4.1
  usr/share/libgcrypt20/ clean-up-unmanaged-libraries~3
libgmp10 2:6.2.1+dfsg1-1.1 libs optional Multiprecision arithmetic library
  usr/lib/x86_64-linux-gnu/ libgmp.so.10.4.1*59 libgmp.so.10>libgmp.so.10.4.1
libgnutls30 3.7.9-2+deb12u7 libs optional GNU TLS library - main runtime library
  usr/lib/x86_64-linux-gnu/ libgnutls.so.30.34.3*158 libgnutls.so.30>libgnutls.so.30.34.3
libgpg-error0 1.46-1 libs optional GnuPG development runtime library
  usr/lib/x86_64-linux-gnu/ libgpg-error.so.0.33.1*26 libgpg-error.so.0>libgpg-error.so.0.33.1
libhogweed6 3.8.1-2 libs optional low level cryptographic library (public-key cryptos)
  usr/lib/x86_64-linux-gnu/ libhogweed.so.6.6*39 libhogweed.so.6>libhogweed.so.6.6
libidn2-0 2.3.3-1+b1 libs optional Internationalized domain names (IDNA2008/TR46) library
  usr/lib/x86_64-linux-gnu/ libidn2.so.0.3.8*30 libidn2.so.0>libidn2.so.0.3.8
liblz4-1 1.9.4-1 libs optional Fast LZ compression algorithm library - runtime
  usr/lib/x86_64-linux-gnu/ liblz4.so.1.9.4*25 liblz4.so.1>liblz4.so.1.9.4
liblzma5 5.4.1-1+deb12u2 libs optional XZ-format compression library
  usr/lib/x86_64-linux-gnu/ liblzma.so.5.4.1*29 liblzma.so.5>liblzma.so.5.4.1
libmd0 1.0.4-2 libs optional message digest functions from BSD systems - shared library
  usr/lib/x86_64-linux-gnu/ libmd.so.0.0.5 libmd.so.0>libmd.so.0.0.5
libmount1 2.38.1-5+deb12u3 libs optional device mounting library
  usr/lib/x86_64-linux-gnu/ libmount.so.1.1.0*49 libmount.so.1>libmount.so.1.1.0
libnettle8 3.8.1-2 libs optional low level cryptographic library (symmetric and one-way cryptos)
  usr/lib/x86_64-linux-gnu/ libnettle.so.8.6*42 libnettle.so.8>libnettle.so.8.6
libp11-kit0 0.24.1-2 libs optional library for loading and coordinating access to PKCS#11 modules
  usr/lib/x86_64-linux-gnu/ libp11-kit.so.0.3.0*108 libp11-kit.so.0>libp11-kit.so.0.3.0
libpam-modules 1.5.2-6+deb12u2 admin required Pluggable Authentication Modules for PAM
  etc/security/ access.conf*3 faillock.conf*2 group.conf*3 limits.conf*2 namespace.conf
    namespace.init~ pam_env.conf*2 sepermit.conf time.conf*2
  usr/lib/x86_64-linux-gnu/security/ pam_access.so pam_debug.so*5 pam_deny.so*5 pam_echo.so*5
    pam_env.so pam_exec.so pam_faildelay.so*5 pam_faillock.so pam_filter.so pam_ftp.so*5
    pam_group.so pam_issue.so*5 pam_keyinit.so*5 pam_lastlog.so pam_limits.so pam_listfile.so*5
    pam_localuser.so*5 pam_loginuid.so*5 pam_mail.so*5 pam_mkhomedir.so*5 pam_motd.so*5
    pam_namespace.so pam_nologin.so*5 pam_permit.so*5 pam_pwhistory.so pam_rhosts.so*5
    pam_rootok.so*5 pam_securetty.so*5 pam_selinux.so pam_sepermit.so pam_setquota.so*5
    pam_shells.so*5 pam_stress.so pam_succeed_if.so pam_time.so pam_timestamp.so
    pam_tty_audit.so*5 pam_umask.so*5 pam_unix.so*12 pam_userdb.so*5 pam_usertype.so*5
    pam_warn.so*5 pam_wheel.so*5 pam_xauth.so
  usr/share/pam-configs/ mkhomedir
libpam-modules-bin 1.5.2-6+deb12u2 admin required Pluggable Authentication Modules for PAM
  usr/lib/systemd/system/ pam_namespace.service
  usr/sbin/ faillock*5 mkhomedir_helper* pam_namespace_helper~ pam_timestamp_check*5
    pwhistory_helper* unix_chkpwd*!2755@42 unix_update*
libpam-runtime 1.5.2-6+deb12u2 admin required Runtime support for the PAM library
  etc/ pam.conf
  etc/pam.d/ other
  usr/sbin/ pam-auth-update%6 pam_getenv%2
  usr/share/pam/ common-account common-account.md5sums common-auth common-auth.md5sums
    common-password common-password.md5sums common-session common-session-noninteractive
    common-session-noninteractive.md5sums common-session.md5sums
  usr/share/pam-configs/ unix
libpam0g 1.5.2-6+deb12u2 libs optional Pluggable Authentication Modules library
  usr/lib/x86_64-linux-gnu/ libpam.so.0.85.1*14 libpam.so.0>libpam.so.0.85.1
    libpam_misc.so.0.82.1*5 libpam_misc.so.0>libpam_misc.so.0.82.1 libpamc.so.0.82.1
    libpamc.so.0>libpamc.so.0.82.1
libpcre2-8-0 10.42-1+deb12u2 libs optional New Perl Compatible Regular Expression Library- 8 bit
  usr/lib/x86_64-linux-gnu/ libpcre2-8.so.0.11.2*67 libpcre2-8.so.0>libpcre2-8.so.0.11.2
libseccomp2 2.5.4-1+deb12u1 libs optional high level interface to Linux seccomp filter
  usr/lib/x86_64-linux-gnu/ libseccomp.so.2.5.4*22 libseccomp.so.2>libseccomp.so.2.5.4
libselinux1 3.4-1+b6 libs optional SELinux runtime shared libraries
  usr/lib/x86_64-linux-gnu/ libselinux.so.1*27
libsemanage-common 3.4-1 libs optional Common files for SELinux policy management libraries
  etc/selinux/ semanage.conf*2
libsemanage2 3.4-1+b5 libs optional SELinux policy management library
  usr/lib/x86_64-linux-gnu/ libsemanage.so.2*37
libsepol2 3.4-2.1 libs optional SELinux library for manipulating binary security policies
  usr/lib/x86_64-linux-gnu/ libsepol.so.2*76
libsmartcols1 2.38.1-5+deb12u3 libs optional smart column output alignment library
  usr/lib/x86_64-linux-gnu/ libsmartcols.so.1.1.0*34 libsmartcols.so.1>libsmartcols.so.1.1.0
libstdc++6 12.2.0-14+deb12u1 libs optional GNU Standard C++ Library v3
  usr/lib/x86_64-linux-gnu/ libstdc++.so.6.0.30*157 libstdc++.so.6>libstdc++.so.6.0.30
  usr/share/gcc/python/libstdcxx/ __init__.py
  usr/share/gcc/python/libstdcxx/v6/ __init__.py printers.py*14 xmethods.py*7
libsystemd0 252.39-1~deb12u2 libs optional systemd utility library
  usr/lib/x86_64-linux-gnu/ libsystemd.so.0.35.0*82 libsystemd.so.0>libsystemd.so.0.35.0
libtasn1-6 4.19.0-2+deb12u1 libs optional Manage ASN.1 structures (runtime)
  usr/lib/x86_64-linux-gnu/ libtasn1.so.6.6.3*17 libtasn1.so.6>libtasn1.so.6.6.3
libtinfo6 6.4-4 libs optional shared low-level terminfo library for terminal handling
  usr/lib/x86_64-linux-gnu/ libtic.so.6.4*15 libtic.so.6>libtic.so.6.4 libtinfo.so.6.4*31
    libtinfo.so.6>libtinfo.so.6.4
libudev1 252.39-1~deb12u2 libs optional libudev shared library
  usr/lib/x86_64-linux-gnu/ libudev.so.1.7.5*28 libudev.so.1>libudev.so.1.7.5
libunistring2 1.0-2 libs optional Unicode string library for C
  usr/lib/x86_64-linux-gnu/ libunistring.so.2.2.0*137 libunistring.so.2>libunistring.so.2.2.0
libuuid1 2.38.1-5+deb12u3 libs optional Universally Unique ID library
  usr/lib/x86_64-linux-gnu/ libuuid.so.1.3.0 libuuid.so.1>libuuid.so.1.3.0
libxxhash0 0.8.1-1 libs optional shared library for xxhash
  usr/lib/x86_64-linux-gnu/ libxxhash.so.0.8.1*16 libxxhash.so.0>libxxhash.so.0.8.1
libzstd1 1.5.4+dfsg2-5 libs optional fast lossless compression algorithm
  usr/lib/x86_64-linux-gnu/ libzstd.so.1.5.4*76 libzstd.so.1>libzstd.so.1.5.4
"""

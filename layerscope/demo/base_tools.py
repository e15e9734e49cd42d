"""The programs of the base: a table for `packages.parse`."""

from __future__ import annotations

BASE_TOOLS = """\
adduser 3.134 admin important add and remove users and groups
  etc/ adduser.conf*2 deluser.conf
  usr/sbin/ addgroup>adduser adduser%10 delgroup>deluser deluser%5
  usr/share/perl5/Debian/ AdduserCommon.pm*4
apt 2.6.2 admin important commandline package manager
  etc/apt/apt.conf.d/ 01autoremove
  etc/cron.daily/ apt-compat~
  etc/logrotate.d/ apt
  usr/bin/ apt* apt-cache*17 apt-cdrom* apt-config* apt-get*12 apt-key~7 apt-mark*13
  usr/lib/apt/ apt-helper* apt.systemd.daily~5
  usr/lib/apt/methods/ cdrom*15 copy*13 file*14 ftp*24 gpgv*20 http*30 https>http mirror*21
    mirror+copy>mirror mirror+file>mirror mirror+ftp>mirror mirror+http>mirror mirror+https>mirror
    rred*17 rsh*15 ssh>rsh store*14
  usr/lib/apt/planners/ dump>../solvers/dump
  usr/lib/apt/solvers/ dump*
  usr/lib/dpkg/methods/apt/ desc.apt install~2 names setup%4 update~
  usr/lib/systemd/system/ apt-daily-upgrade.service apt-daily-upgrade.timer apt-daily.service
    apt-daily.timer
  usr/lib/x86_64-linux-gnu/ libapt-private.so.0.0.0*57
    libapt-private.so.0.0>libapt-private.so.0.0.0
  usr/share/bash-completion/completions/ apt*4
  usr/share/bug/apt/ script~
base-files 12.4+deb12u13 admin required Debian base system miscellaneous files
  etc/ debian_version host.conf issue issue.net os-release>../usr/lib/os-release
  etc/dpkg/origins/ debian
  etc/update-motd.d/ 10-uname~
  usr/lib/ os-release
  usr/share/base-files/ info.dir motd staff-group-for-usr-local
  usr/share/common-licenses/ Artistic*4 BSD GPL-2*5 GPL-3*8 GPL>GPL-3 LGPL-2*6 LGPL-2.1*7 LGPL-3*4
    LGPL>LGPL-3 MPL-2.0*5
  var/ lock>/run/lock run>/run
base-passwd 3.6.1 admin required Debian base system master password and group files
  usr/sbin/ update-passwd*
  usr/share/base-passwd/ group.master passwd.master
bash 5.2.15-2+b13 shells required GNU Bourne Again SHell
  etc/ bash.bashrc*2
  etc/skel/ .bash_logout .bashrc*3 .profile
  usr/bin/ bash*108 bashbug~4 clear_console*5 rbash>bash
  usr/share/debianutils/shells.d/ bash
bsdutils 1:2.38.1-5+deb12u3 utils required basic utilities from 4.4BSD-Lite
  usr/bin/ logger*13 renice*5 script*15 scriptlive*12 scriptreplay* wall*
  usr/share/bash-completion/completions/ logger
coreutils 9.1-1 utils required GNU core utilities
  usr/bin/ [*14 arch* b2sum*13 base32* base64* basename* basenc*13 cat* chcon*14 chgrp*14 chmod*14
    chown*15 cksum*24 comm* cp*25 csplit*21 cut* date*21 dd*17 df*19 dir*25 dircolors*12 dirname*
    du*28 echo* env* expand* expr*21 factor*17 false* fmt* fold* groups* head* hostid* id*
    install*26 join*13 link* ln*15 logname* ls*25 md5sum*12 md5sum.textutils>md5sum mkdir*18
    mkfifo*14 mknod*15 mktemp* mv*24 nice* nl*20 nohup* nproc* numfmt*14 od*16 paste* pathchk*
    pinky* pr*16 printenv* printf*14 ptx*23 pwd* readlink*12 realpath*12 rm*15 rmdir*13 runcon*
    seq*13 sha1sum*13 sha224sum*13 sha256sum*13 sha384sum*14 sha512sum*14 shred*14 shuf*13 sleep*
    sort*21 split*13 stat*18 stdbuf*13 stty*17 sum*12 sync* tac*20 tail*16 tee* test*13 timeout*
    touch*20 tr*13 true* truncate* tsort*13 tty* uname* unexpand* uniq* unlink* users* vdir*25
    wc*12 who*13 whoami* yes*
  usr/libexec/coreutils/ libstdbuf.so*5
  usr/sbin/ chroot*
dash 0.5.12-2 shells required POSIX-compliant shell
  usr/bin/ dash*22 sh>dash
  usr/share/debianutils/shells.d/ dash
debconf 1.5.82 admin important Debian configuration management system
  etc/ debconf.conf*2
  etc/apt/apt.conf.d/ 70debconf
  usr/bin/ debconf%2 debconf-apt-progress%4 debconf-communicate% debconf-copydb% debconf-escape%
    debconf-set-selections%2 debconf-show%
  usr/sbin/ dpkg-preconfigure%3 dpkg-reconfigure%3
  usr/share/bash-completion/completions/ debconf
  usr/share/debconf/ confmodule.sh*2 confmodule~2 debconf.conf fix_db.pl*2 frontend%2
  usr/share/perl5/Debconf/ AutoSelect.pm*2 Base.pm ConfModule.pm*5 Config.pm*4 Db.pm DbDriver.pm*2
    Element.pm Encoding.pm Format.pm FrontEnd.pm*2 Gettext.pm Iterator.pm Log.pm Path.pm
    Priority.pm Question.pm*3 Template.pm*4 TmpFile.pm
  usr/share/perl5/Debconf/Client/ ConfModule.pm*3
  usr/share/perl5/Debconf/DbDriver/ Backup.pm Cache.pm*3 DirTree.pm*2 Directory.pm*3 File.pm*3
    PackageDir.pm*3 Stack.pm*3
  usr/share/perl5/Debconf/Element/ Multiselect.pm Noninteractive.pm Select.pm*2
  usr/share/perl5/Debconf/Element/Dialog/ Boolean.pm Error.pm Multiselect.pm*2 Note.pm Password.pm
    Progress.pm Select.pm String.pm Text.pm
  usr/share/perl5/Debconf/Element/Editor/ Boolean.pm Error.pm Multiselect.pm Note.pm Password.pm
    Progress.pm Select.pm String.pm Text.pm
  usr/share/perl5/Debconf/Element/Noninteractive/ Boolean.pm Error.pm Multiselect.pm Note.pm
    Password.pm Progress.pm Select.pm String.pm Text.pm
  usr/share/perl5/Debconf/Format/ 822.pm*2
  usr/share/perl5/Debconf/FrontEnd/ Dialog.pm*4 Editor.pm*2 Kde.pm*2 Noninteractive.pm
    Passthrough.pm*4 Readline.pm*3 ScreenSize.pm Teletype.pm Text.pm
  usr/share/perl5/Debconf/Template/ Transient.pm
  usr/share/perl5/Debian/DebConf/Client/ ConfModule.pm
debian-archive-keyring 2023.3+deb12u2 misc important GnuPG archive keys of the Debian archive
  etc/apt/trusted.gpg.d/ debian-archive-bookworm-automatic.asc*4
    debian-archive-bookworm-security-automatic.asc*4 debian-archive-bookworm-stable.asc
    debian-archive-bullseye-automatic.asc*4 debian-archive-bullseye-security-automatic.asc*4
    debian-archive-bullseye-stable.asc*3 debian-archive-trixie-automatic.asc*4
    debian-archive-trixie-security-automatic.asc*4 debian-archive-trixie-stable.asc
  usr/share/keyrings/ debian-archive-bookworm-automatic.gpg*4
    debian-archive-bookworm-security-automatic.gpg*4 debian-archive-bookworm-stable.gpg
    debian-archive-bullseye-automatic.gpg*4 debian-archive-bullseye-security-automatic.gpg*4
    debian-archive-bullseye-stable.gpg*2 debian-archive-keyring.gpg*11
    debian-archive-removed-keys.gpg*13 debian-archive-trixie-automatic.gpg*4
    debian-archive-trixie-security-automatic.gpg*4 debian-archive-trixie-stable.gpg
debianutils 5.7-0.5~deb12u1 utils required Miscellaneous utilities specific to Debian
  usr/bin/ ischroot*5 run-parts* savelog~4 tempfile*5 which.debianutils~
  usr/sbin/ add-shell~ installkernel~2 remove-shell~ update-shells~3
  usr/share/debianutils/ shells
diffutils 1:3.8-4 utils required File comparison utilities
  usr/bin/ cmp*12 diff*25 diff3*14 sdiff*13
dpkg 1.21.23 admin required Debian package management system
  etc/alternatives/ README
  etc/cron.daily/ dpkg~
  etc/dpkg/ dpkg.cfg
  etc/logrotate.d/ alternatives dpkg
  usr/bin/ dpkg*42 dpkg-deb*27 dpkg-divert*26 dpkg-maintscript-helper~6 dpkg-query*26
    dpkg-realpath~3 dpkg-split*22 dpkg-statoverride*14 dpkg-trigger*17 update-alternatives*13
  usr/lib/systemd/system/ dpkg-db-backup.service dpkg-db-backup.timer
  usr/libexec/dpkg/ dpkg-db-backup~2
  usr/sbin/ dpkg-fsys-usrunmess%5 start-stop-daemon*
  usr/share/bug/ dpkg~
  usr/share/dpkg/ abitable cputable*2 ostable*2 tupletable*2
  usr/share/dpkg/sh/ dpkg-error.sh*2
  usr/share/polkit-1/actions/ org.dpkg.pkexec.update-alternatives.policy*3
findutils 4.9.0-4 utils required utilities for finding files--find, xargs
  usr/bin/ find*33 xargs*15
gcc-12-base 12.2.0-14+deb12u1 libs optional GCC, the GNU Compiler Collection (base package)
gpgv 2.2.40-1.1+deb12u2 utils important GNU privacy guard - signature verification tool
  usr/bin/ gpgv*55
grep 3.8-5 utils required GNU grep, egrep and fgrep
  usr/bin/ egrep~ fgrep~ grep*31 rgrep~
gzip 1.12-1 utils required GNU compression utilities
  usr/bin/ gunzip~2 gzexe~4 gzip*18 uncompress=usr/bin/gunzip zcat~2 zcmp~ zdiff~4 zegrep~ zfgrep~
    zforce~2
    zgrep~4 zless~2 zmore~ znew~3
hostname 3.23+nmu1 admin required utility to set/show the host name or domain name
  usr/bin/ dnsdomainname>hostname domainname>hostname hostname* nisdomainname>hostname
    ypdomainname>hostname
init-system-helpers 1.65.2+deb12u1 admin required helper tools for all init systems
  usr/bin/ deb-systemd-helper%6 deb-systemd-invoke%4
  usr/sbin/ invoke-rc.d~5 service~4 update-rc.d%5
  usr/share/bug/init-system-helpers/ control
login 1:4.13+dfsg1-1+deb12u2 admin required system login tools
  etc/ login.defs*4
  etc/pam.d/ login*3
  usr/bin/ faillog* lastlog* login*12 newgrp*!4755 sg>newgrp
  usr/sbin/ nologin*5
mawk 1.3.4.20200120-3.1 interpreters required Pattern scanning and text processing language
  usr/bin/ mawk*26
mount 2.38.1-5+deb12u3 admin required tools for mounting and manipulating filesystems
  usr/bin/ mount*13!4755 umount*!4755
  usr/sbin/ losetup*21 swapoff* swapon*12
  usr/share/bash-completion/completions/ losetup mount*2
ncurses-base 6.4-4 misc required basic terminal type definitions
  etc/terminfo/ README
  usr/lib/terminfo/E/ Eterm*2 Eterm-color>Eterm
  usr/lib/terminfo/a/ ansi
  usr/lib/terminfo/c/ cons25 cons25-debian cygwin
  usr/lib/terminfo/d/ dumb
  usr/lib/terminfo/h/ hurd
  usr/lib/terminfo/l/ linux
  usr/lib/terminfo/m/ mach mach-bold mach-color mach-gnu mach-gnu-color
  usr/lib/terminfo/p/ pcansi
  usr/lib/terminfo/r/ rxvt*2 rxvt-basic*2 rxvt-m>rxvt-basic rxvt-unicode*2 rxvt-unicode-256color*2
  usr/lib/terminfo/s/ screen screen-256color screen-256color-bce screen-bce screen-s screen-w
    screen.xterm-256color*3 sun
  usr/lib/terminfo/t/ tmux*3 tmux-256color*3
  usr/lib/terminfo/v/ vt100 vt102 vt220 vt52
  usr/lib/terminfo/w/ wsvt25 wsvt25m
  usr/lib/terminfo/x/ xterm*3 xterm-256color*3 xterm-color xterm-debian>xterm xterm-mono xterm-r5
    xterm-r6 xterm-vt220*2 xterm-xfree86*2
  usr/share/tabset/ std stdcrt vt100 vt300
ncurses-bin 6.4-4 utils required terminal-related programs and man pages
  usr/bin/ captoinfo>tic clear*5 infocmp*14 infotocap>tic reset>tset tabs* tic*18 toe* tput* tset*
passwd 1:4.13+dfsg1-1+deb12u2 admin required change and administer password and group data
  etc/default/ useradd
  etc/pam.d/ chfn chpasswd chsh newusers passwd
  usr/bin/ chage*16!2755@42 chfn*14!4755 chsh*12!4755 expiry*!2755@42 gpasswd*17!4755
    passwd*14!4755
  usr/lib/tmpfiles.d/ passwd.conf
  usr/sbin/ chgpasswd*14 chpasswd*14 cpgr>cppw cppw*13 groupadd*19 groupdel*17 groupmems*14
    groupmod*19 grpck*14 grpconv*13 grpunconv*13 newusers*19 pwck*13 pwconv*12 pwunconv*12
    shadowconfig~2 useradd*26 userdel*20 usermod*24 vigr>vipw vipw*15
perl-base 5.36.0-7+deb12u4 perl required minimal Perl system
  usr/bin/ perl*231 perl5.36.0=usr/bin/perl
  usr/lib/x86_64-linux-gnu/perl-base/ AutoLoader.pm*3 Carp.pm*6 Config.pm*3 Config_git.pl
    Config_heavy.pl*11 Cwd.pm*5 DynaLoader.pm*4 Errno.pm*3 Exporter.pm*2 Fcntl.pm*2
    FileHandle.pm*2 IO.pm POSIX.pm*6 SelectSaver.pm Socket.pm*5 Symbol.pm*2 XSLoader.pm*3
    attributes.pm*2 base.pm*4 builtin.pm bytes.pm bytes_heavy.pl constant.pm*3 feature.pm*4
    fields.pm*3 integer.pm lib.pm*2 locale.pm*3 overload.pm*3 overloading.pm parent.pm re.pm*4
    strict.pm utf8.pm vars.pm warnings.pm*7
  usr/lib/x86_64-linux-gnu/perl-base/Carp/ Heavy.pm
  usr/lib/x86_64-linux-gnu/perl-base/Exporter/ Heavy.pm*4
  usr/lib/x86_64-linux-gnu/perl-base/File/ Basename.pm*3 Glob.pm Path.pm*6 Spec.pm Temp.pm*14
  usr/lib/x86_64-linux-gnu/perl-base/File/Spec/ Unix.pm*4
  usr/lib/x86_64-linux-gnu/perl-base/Getopt/ Long.pm*9
  usr/lib/x86_64-linux-gnu/perl-base/Hash/ Util.pm*4
  usr/lib/x86_64-linux-gnu/perl-base/IO/ File.pm Handle.pm*4 Pipe.pm*3 Seekable.pm Select.pm*3
    Socket.pm*4
  usr/lib/x86_64-linux-gnu/perl-base/IO/Socket/ INET.pm*4 IP.pm*6 UNIX.pm
  usr/lib/x86_64-linux-gnu/perl-base/IPC/ Open2.pm Open3.pm*4
  usr/lib/x86_64-linux-gnu/perl-base/List/ Util.pm
  usr/lib/x86_64-linux-gnu/perl-base/Scalar/ Util.pm
  usr/lib/x86_64-linux-gnu/perl-base/Text/ ParseWords.pm*3 Tabs.pm Wrap.pm*2
  usr/lib/x86_64-linux-gnu/perl-base/Tie/ Hash.pm*2
  usr/lib/x86_64-linux-gnu/perl-base/auto/Cwd/ Cwd.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/Fcntl/ Fcntl.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/File/Glob/ Glob.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/Hash/Util/ Util.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/IO/ IO.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/List/Util/ Util.so*13
  usr/lib/x86_64-linux-gnu/perl-base/auto/POSIX/ POSIX.so*20
  usr/lib/x86_64-linux-gnu/perl-base/auto/Socket/ Socket.so
  usr/lib/x86_64-linux-gnu/perl-base/auto/attributes/ attributes.so*5
  usr/lib/x86_64-linux-gnu/perl-base/auto/re/ re.so*69
  usr/lib/x86_64-linux-gnu/perl-base/unicore/To/ Age.pl*6 Bc.pl*4 Gc.pl*8 Lc.pl*4 Uc.pl*5
  usr/lib/x86_64-linux-gnu/perl-base/unicore/lib/Bc/ AL.pl AN.pl B.pl BN.pl CS.pl EN.pl ES.pl
    ET.pl L.pl*3 NSM.pl*3 ON.pl*2 R.pl WS.pl
  usr/lib/x86_64-linux-gnu/perl-base/unicore/lib/Gc/ C.pl*4 Cf.pl Cn.pl*4 L.pl*4 LC.pl*2 Ll.pl*4
    Lm.pl Lo.pl*4 Lu.pl*4 M.pl*3 Mc.pl*2 Me.pl Mn.pl*3 N.pl*2 Nd.pl Nl.pl No.pl P.pl*2 Pc.pl Pd.pl
    Pe.pl Pf.pl Pi.pl Po.pl*2 Ps.pl S.pl*3 Sc.pl Sk.pl Sm.pl So.pl*2 Z.pl Zs.pl
  usr/lib/x86_64-linux-gnu/perl-base/unicore/lib/Perl/ Alnum.pl*4 Assigned.pl*4 Blank.pl
    Graph.pl*4 PerlWord.pl PosixPun.pl Print.pl*4 SpacePer.pl Title.pl Word.pl*4 XPosixPu.pl*2
  usr/lib/x86_64-linux-gnu/perl-base/warnings/ register.pm
sed 4.9-1+deb12u1 utils required GNU stream editor for filtering/transforming text
  usr/bin/ sed*22
sysvinit-utils 3.06-4 admin required System-V-like utilities
  usr/bin/ pidof>/sbin/killall5
  usr/lib/init/ init-d-script~4 vars.sh
  usr/lib/lsb/ init-functions*4
  usr/lib/lsb/init-functions.d/ 00-verbose
  usr/sbin/ fstab-decode*5 killall5*
tar 1.34+dfsg-1.2+deb12u1 utils required GNU version of the tar archiving utility
  etc/ rmt>/usr/sbin/rmt
  usr/bin/ tar*59
  usr/lib/mime/packages/ tar
  usr/sbin/ rmt-tar*13 tarcat~
tzdata 2026a-0+deb12u1 localization required time zone and daylight-saving time data
util-linux 2.38.1-5+deb12u3 utils required miscellaneous system utilities
  etc/pam.d/ runuser runuser-l su*2 su-l
  usr/bin/ addpart* choom*12 chrt*14 delpart* dmesg*17 fallocate* findmnt*17 flock* getopt*
    hardlink*12 i386>setarch ionice* ipcmk* ipcrm* ipcs*15 last*12 lastb>last linux32>setarch
    linux64>setarch lsblk*31 lscpu*22 lsipc*19 lslocks*15 lslogins*18 lsmem*14 lsns*17 mcookie*
    mesg* more*13 mountpoint* namei* nsenter* partx*21 prlimit* rename.ul* resizepart*15 rev*5
    setarch* setpriv*16 setsid*5 setterm* su*15!4755 taskset*14 uclampset*14 unshare*17 utmpdump*
    wdctl*15 whereis* x86_64>setarch
  usr/lib/mime/packages/ util-linux
  usr/lib/systemd/system/ fstrim.service fstrim.timer
  usr/sbin/ agetty*15 blkdiscard* blkid*22 blkzone*16 blockdev*16 chcpu* chmem*14 ctrlaltdel*
    findfs*5 fsck*12 fsck.cramfs* fsck.minix*22 fsfreeze*5 fstrim*15 getty>agetty isosize*
    ldattach* mkfs*5 mkfs.bfs* mkfs.cramfs* mkfs.minix*20 mkswap*21 pivot_root*5 readprofile*
    rtcwake* runuser*15 sulogin*12 swaplabel* switch_root* wipefs* zramctl*21
  usr/share/bash-completion/completions/ addpart blockdev chcpu chmem chrt ctrlaltdel delpart
    dmesg fallocate findfs findmnt*3 flock fsck fsfreeze fstrim getopt hardlink ionice ipcmk ipcrm
    ipcs isosize last lastb>last ldattach lscpu lsipc lslocks lslogins lsmem lsns su whereis
  usr/share/util-linux/logcheck/ignore.d.server/ util-linux
zlib1g 1:1.2.13.dfsg-1 libs required compression library - runtime
  usr/lib/x86_64-linux-gnu/ libz.so.1.2.13*21 libz.so.1>libz.so.1.2.13
"""

"""The compilers that build-essential brings: a table for `packages.parse`."""

from __future__ import annotations

BUILD_PACKAGES = """\
perl-modules-5.36 5.36.0-7+deb12u4 libs optional Core Perl modules
  usr/share/perl/5.36.0/ AnyDBM_File.pm*2 AutoLoader.pm*5 AutoSplit.pm*6 Benchmark.pm*7 CPAN.pm*14
    Carp.pm*8 DB.pm*5 DBM_Filter.pm*5 Digest.pm*4 DirHandle.pm*2 Dumpvalue.pm*5 English.pm*3
    Env.pm*3 Exporter.pm*5 Fatal.pm*11 FileCache.pm*3 FileHandle.pm*4 FindBin.pm*3 Memoize.pm*8
    NEXT.pm*5 PerlIO.pm*5 Safe.pm*6 SelectSaver.pm SelfLoader.pm*5 Symbol.pm*3 Test.pm*7
    Test2.pm*4 Thread.pm*4 UNIVERSAL.pm*4 XSLoader.pm*4
  usr/share/perl/5.36.0/Digest/ base.pm*2 file.pm
  usr/share/perl/5.36.0/File/ Basename.pm*4 Compare.pm*3 Copy.pm*5 Fetch.pm*10 Find.pm*8
    GlobMapper.pm*5 Path.pm*9 Temp.pm*14 stat.pm*4
  usr/share/perl/5.36.0/HTTP/ Tiny.pm*14
  usr/share/perl/5.36.0/IO/ Zlib.pm*5
  usr/share/perl/5.36.0/JSON/ PP.pm*14
  usr/share/perl/5.36.0/Module/ Load.pm*4 Loaded.pm*3 Metadata.pm*8
  usr/share/perl/5.36.0/Term/ ANSIColor.pm*11 Cap.pm*6 Complete.pm*3 ReadLine.pm*5
  usr/share/perl/5.36.0/Time/ Local.pm*5 gmtime.pm*2 localtime.pm*2 tm.pm
libgdbm6 1.23-3 libs optional GNU dbm database routines (runtime version)
  usr/lib/x86_64-linux-gnu/ libgdbm.so.6.0.0*15 libgdbm.so.6>libgdbm.so.6.0.0
libgdbm-compat4 1.23-3 libs optional GNU dbm database routines (legacy support runtime version)
  usr/lib/x86_64-linux-gnu/ libgdbm_compat.so.4.0.0*5 libgdbm_compat.so.4>libgdbm_compat.so.4.0.0
libperl5.36 5.36.0-7+deb12u4 libs optional shared Perl library
  usr/bin/ cpan5.36-x86_64-linux-gnu%4 perl5.36-x86_64-linux-gnu*5
  usr/lib/x86_64-linux-gnu/ libperl.so.5.36.0*231 libperl.so.5.36>libperl.so.5.36.0
  usr/lib/x86_64-linux-gnu/perl/5.36.0/ Config.pm*3 Cwd.pm*6 DB_File.pm*13 DynaLoader.pm*7
    Encode.pm*7 Errno.pm*4 Fcntl.pm*3 GDBM_File.pm*6 IO.pm NDBM_File.pm*2 ODBM_File.pm*2
    Opcode.pm*5 POSIX.pm*6 SDBM_File.pm*3 Socket.pm*8 Storable.pm*10
  usr/lib/x86_64-linux-gnu/perl/5.36.0/Data/ Dumper.pm*9
  usr/lib/x86_64-linux-gnu/perl/5.36.0/Digest/ MD5.pm*4 SHA.pm*6
  usr/lib/x86_64-linux-gnu/perl/5.36.0/File/ DosGlob.pm*4 Glob.pm*4 Spec.pm*4
  usr/lib/x86_64-linux-gnu/perl/5.36.0/IO/ Dir.pm*3 File.pm*3 Handle.pm*5 Pipe.pm*3 Poll.pm*3
    Seekable.pm*2 Select.pm*4 Socket.pm*7
  usr/lib/x86_64-linux-gnu/perl/5.36.0/Time/ HiRes.pm*6 Piece.pm*7 Seconds.pm*3
perl 5.36.0-7+deb12u4 perl standard Larry Wall's Practical Extraction and Report Language
  etc/perl/Net/ libnet.cfg
  usr/bin/ corelist%5 cpan%4 enc2xs%9 encguess%2 h2ph%7 h2xs%12 instmodsh%3 json_pp%3 libnetcfg%5
    perlbug%9 perldoc~ perlivp%4 piconv%4 pl2pm%3 pod2html%3 pod2man%5 pod2text%4 pod2usage%3
    podchecker%3 prove%5 ptar%3 ptardiff%2 ptargrep%3 shasum%4 splain%6 streamzip%4 xsubpp%3
    zipdetails%13
bzip2 1.0.8-5+b1 utils standard high-quality block-sorting file compressor - utilities
  usr/bin/ bunzip2* bzcat=usr/bin/bunzip2 bzcmp>bzdiff bzdiff~2 bzegrep>bzgrep bzexe~3
    bzfgrep>bzgrep bzgrep~3
    bzip2=usr/bin/bunzip2 bzip2recover*5 bzless>bzmore bzmore~
xz-utils 5.4.1-1 utils standard XZ-format compression utilities
  usr/bin/ lzmainfo*5 unxz>xz xz*17 xzcat>xz xzcmp>xzdiff xzdiff~4 xzegrep>xzgrep xzfgrep>xzgrep
    xzgrep~4 xzless~ xzmore~2
libisl23 0.25-1.1 libs optional manipulating sets and relations of integer points bounded by
  usr/lib/x86_64-linux-gnu/ libisl.so.23.2.0*155 libisl.so.23>libisl.so.23.2.0
libmpfr6 4.2.0-1 libs optional multiple precision floating-point computation
  usr/lib/x86_64-linux-gnu/ libmpfr.so.6.2.0*76 libmpfr.so.6>libmpfr.so.6.2.0
libmpc3 1.3.1-1 libs optional multiple precision complex floating-point library
  usr/lib/x86_64-linux-gnu/ libmpc.so.3.3.1*23 libmpc.so.3>libmpc.so.3.3.1
libjansson4 2.14-2 libs optional C library for encoding, decoding and manipulating JSON data
  usr/lib/x86_64-linux-gnu/ libjansson.so.4.14.0*13 libjansson.so.4>libjansson.so.4.14.0
binutils-common 2.40-2 devel optional Common files for the GNU assembler, linker and binary
libbinutils 2.40-2 devel optional GNU binary utilities (private shared library)
  usr/lib/x86_64-linux-gnu/ libbfd-2.40-system.so*122 libopcodes-2.40-system.so*85
libctf0 2.40-2 devel optional Compact C Type Format library (runtime, BFD dependency)
  usr/lib/x86_64-linux-gnu/ libctf.so.0.0.0*32 libctf.so.0>libctf.so.0.0.0
binutils-x86-64-linux-gnu 2.40-2 devel optional GNU binary utilities, for x86-64-linux-gnu target
  usr/bin/ x86_64-linux-gnu-addr2line* x86_64-linux-gnu-ar*12 x86_64-linux-gnu-as*86
    x86_64-linux-gnu-c++filt* x86_64-linux-gnu-elfedit* x86_64-linux-gnu-gprof*20
    x86_64-linux-gnu-ld.bfd*112 x86_64-linux-gnu-ld>x86_64-linux-gnu-ld.bfd x86_64-linux-gnu-nm*
    x86_64-linux-gnu-objcopy*26 x86_64-linux-gnu-objdump*46 x86_64-linux-gnu-ranlib*12
    x86_64-linux-gnu-readelf*76 x86_64-linux-gnu-size* x86_64-linux-gnu-strings*
    x86_64-linux-gnu-strip*26
  usr/lib/x86_64-linux-gnu/bfd-plugins/ libdep.so*5
  usr/lib/x86_64-linux-gnu/ldscripts/ elf_i386.x*4 elf_i386.xc*4 elf_i386.xn*4 elf_i386.xs*4
    elf_x86_64.x*4 elf_x86_64.xc*4 elf_x86_64.xn*4 elf_x86_64.xs*4
binutils 2.40-2 devel optional GNU assembler, linker and binary utilities
  usr/bin/ addr2line>x86_64-linux-gnu-addr2line ar>x86_64-linux-gnu-ar as>x86_64-linux-gnu-as
    c++filt>x86_64-linux-gnu-c++filt elfedit>x86_64-linux-gnu-elfedit gprof>x86_64-linux-gnu-gprof
    ld.bfd>x86_64-linux-gnu-ld.bfd ld>x86_64-linux-gnu-ld nm>x86_64-linux-gnu-nm
    objcopy>x86_64-linux-gnu-objcopy objdump>x86_64-linux-gnu-objdump
    ranlib>x86_64-linux-gnu-ranlib readelf>x86_64-linux-gnu-readelf size>x86_64-linux-gnu-size
    strings>x86_64-linux-gnu-strings strip>x86_64-linux-gnu-strip
  usr/lib/compat-ld/ ld>../../bin/ld.bfd
  usr/share/bug/binutils/ presubj
libcc1-0 12.2.0-14+deb12u1 libs optional GCC cc1 plugin for GDB
  usr/lib/x86_64-linux-gnu/ libcc1.so.0.0.0*22 libcc1.so.0>libcc1.so.0.0.0
libgomp1 12.2.0-14+deb12u1 libs optional GCC OpenMP (GOMP) support library
  usr/lib/x86_64-linux-gnu/ libgomp.so.1.0.0*39 libgomp.so.1>libgomp.so.1.0.0
libitm1 12.2.0-14+deb12u1 libs optional GNU Transactional Memory Library
  usr/lib/x86_64-linux-gnu/ libitm.so.1.0.0*19 libitm.so.1>libitm.so.1.0.0
libatomic1 12.2.0-14+deb12u1 libs optional support library providing __atomic built-in functions
  usr/lib/x86_64-linux-gnu/ libatomic.so.1.2.0 libatomic.so.1>libatomic.so.1.2.0
libasan8 12.2.0-14+deb12u1 libs optional AddressSanitizer -- a fast memory error detector
  usr/lib/x86_64-linux-gnu/ libasan.so.8.0.0*391 libasan.so.8>libasan.so.8.0.0
libubsan1 12.2.0-14+deb12u1 libs optional UBSan -- undefined behaviour sanitizer (runtime)
  usr/lib/x86_64-linux-gnu/ libubsan.so.1.0.0*182 libubsan.so.1>libubsan.so.1.0.0
libquadmath0 12.2.0-14+deb12u1 libs optional GCC Quad-Precision Math Library
  usr/lib/x86_64-linux-gnu/ libquadmath.so.0.0.0*39 libquadmath.so.0>libquadmath.so.0.0.0
cpp-12 12.2.0-14+deb12u1 interpreters optional GNU C preprocessor
  usr/bin/ cpp-12>x86_64-linux-gnu-cpp-12 x86_64-linux-gnu-cpp-12*110
  usr/lib/gcc/x86_64-linux-gnu/12/ cc1*1030
cpp 4:12.2.0-3 interpreters optional GNU C preprocessor (cpp)
  usr/bin/ cpp>cpp-12 x86_64-linux-gnu-cpp>cpp-12
libgcc-12-dev 12.2.0-14+deb12u1 libdevel optional GCC support library (development files)
  usr/lib/gcc/x86_64-linux-gnu/12/ crtbegin.o*1 crtbeginS.o*2 crtbeginT.o*2 crtend.o*1 crtendS.o*1
    crtfastmath.o*2 crtoffloadbegin.o*1 crtoffloadend.o*1 crtoffloadtable.o*1 crtprec32.o*2
    crtprec64.o*2 crtprec80.o*2 libasan.so>../../../x86_64-linux-gnu/libasan.so.8
    libatomic.so>../../../x86_64-linux-gnu/libatomic.so.1 libbacktrace.a*19 libgcc.a*199
    libgcc_eh.a*12 libgcc_s.so libgcov.a*14 libgomp.so>../../../x86_64-linux-gnu/libgomp.so.1
    libitm.so>../../../x86_64-linux-gnu/libitm.so.1
    libquadmath.so>../../../x86_64-linux-gnu/libquadmath.so.0 libssp_nonshared.a*1
    libubsan.so>../../../x86_64-linux-gnu/libubsan.so.1
  usr/lib/gcc/x86_64-linux-gnu/12/include/ ammintrin.h*3 bmmintrin.h cpuid.h*4 emmintrin.h*10
    float.h*6 immintrin.h*2 limits.h*4 nmmintrin.h pmmintrin.h*3 smmintrin.h*7 stdalign.h
    stdarg.h*3 stdatomic.h*4 stdbool.h stddef.h*5 stdfix.h*4 stdint.h stdnoreturn.h tmmintrin.h*4
    unwind.h*4 wmmintrin.h*3 x86gprintrin.h*4 x86intrin.h xmmintrin.h*9
gcc-12 12.2.0-14+deb12u1 devel optional GNU C compiler
  usr/bin/ gcc-12>x86_64-linux-gnu-gcc-12 gcc-ar-12>x86_64-linux-gnu-gcc-ar-12
    gcc-nm-12>x86_64-linux-gnu-gcc-nm-12 gcc-ranlib-12>x86_64-linux-gnu-gcc-ranlib-12
    gcov-12>x86_64-linux-gnu-gcov-12 gcov-dump-12>x86_64-linux-gnu-gcov-dump-12
    gcov-tool-12>x86_64-linux-gnu-gcov-tool-12 x86_64-linux-gnu-gcc-12*110
    x86_64-linux-gnu-gcc-ar-12* x86_64-linux-gnu-gcc-nm-12* x86_64-linux-gnu-gcc-ranlib-12*
    x86_64-linux-gnu-gcov-12*74 x86_64-linux-gnu-gcov-dump-12*63 x86_64-linux-gnu-gcov-tool-12*65
  usr/lib/gcc/x86_64-linux-gnu/12/ collect2*67 libcc1.so>../../../x86_64-linux-gnu/libcc1.so.0
    libgomp.spec libitm.spec liblto_plugin.so*17
gcc 4:12.2.0-3 devel optional GNU C compiler
  usr/bin/ c89-gcc~ c99-gcc~ gcc-ar>gcc-ar-12 gcc-nm>gcc-nm-12 gcc-ranlib>gcc-ranlib-12 gcc>gcc-12
    gcov-dump>gcov-dump-12 gcov-tool>gcov-tool-12 gcov>gcov-12 x86_64-linux-gnu-gcc-ar>gcc-ar-12
    x86_64-linux-gnu-gcc-nm>gcc-nm-12 x86_64-linux-gnu-gcc-ranlib>gcc-ranlib-12
    x86_64-linux-gnu-gcc>gcc-12 x86_64-linux-gnu-gcov-dump>gcov-dump-12
    x86_64-linux-gnu-gcov-tool>gcov-tool-12 x86_64-linux-gnu-gcov>gcov-12
  usr/lib/bfd-plugins/ liblto_plugin.so>../gcc/x86_64-linux-gnu/12/liblto_plugin.so
g++-12 12.2.0-14+deb12u1 devel optional GNU C++ compiler
  usr/bin/ g++-12>x86_64-linux-gnu-g++-12 x86_64-linux-gnu-g++-12*110
  usr/lib/gcc/x86_64-linux-gnu/12/ cc1plus*1075 g++-mapper-server*32
g++ 4:12.2.0-3 devel optional GNU C++ compiler
  usr/bin/ g++>g++-12 x86_64-linux-gnu-g++>g++-12
make 4.3-4.1 devel optional utility for directing compilation
  usr/bin/ gmake>make make*34 make-first-existing-target%3
  usr/include/ gnumake.h*2
libdpkg-perl 1.21.23 perl optional Dpkg perl modules
  usr/share/bug/ libdpkg-perl~
  usr/share/dpkg/ no-pie-compile.specs no-pie-link.specs pie-compile.specs pie-link.specs
  usr/share/perl5/ Dpkg.pm*3
  usr/share/perl5/Dpkg/ Arch.pm*5 BuildEnv.pm*2 BuildFlags.pm*5 BuildInfo.pm*2 BuildOptions.pm*4
    BuildProfiles.pm*3 BuildTypes.pm*4 Changelog.pm*6 Checksums.pm*4 Compression.pm*4 Conf.pm*3
    Control.pm*4 Deps.pm*5 ErrorHandling.pm*3 Exit.pm*2 File.pm Getopt.pm Gettext.pm*4 IPC.pm*4
    Index.pm*4 Lock.pm*2 OpenPGP.pm*3 Package.pm Path.pm*4 Shlibs.pm*3 Substvars.pm*4 Vars.pm
    Vendor.pm*4 Version.pm*5
  usr/share/perl5/Dpkg/Control/ Changelog.pm Fields.pm*2 FieldsCore.pm*8 Hash.pm HashCore.pm*5
    Info.pm*3 Tests.pm Types.pm*2
  usr/share/perl5/Dpkg/Control/Tests/ Entry.pm*2
  usr/share/perl5/Dpkg/Source/ Archive.pm*4 BinaryFiles.pm*3 Format.pm*3 Functions.pm*3
    Package.pm*6 Patch.pm*6 Quilt.pm*4
patch 2.7.6-7 vcs optional Apply a diff file to an original
  usr/bin/ patch*29
dpkg-dev 1.21.23 utils optional Debian package development tools
  etc/dpkg/ shlibs.default shlibs.override
  usr/bin/ dpkg-architecture%5 dpkg-buildflags%4 dpkg-buildpackage%8 dpkg-checkbuilddeps%4
    dpkg-distaddfile%2 dpkg-genbuildinfo%5 dpkg-genchanges%5 dpkg-gencontrol%5 dpkg-gensymbols%4
    dpkg-mergechangelogs%4 dpkg-name%4 dpkg-parsechangelog%3 dpkg-scanpackages%4
    dpkg-scansources%4 dpkg-shlibdeps%7 dpkg-source%6 dpkg-vendor%3
  usr/share/bug/ dpkg-dev~
  usr/share/dpkg/ architecture.mk buildflags.mk buildopts.mk buildtools.mk*2 default.mk
    pkg-info.mk vendor.mk
  usr/share/zsh/vendor-completions/ _dpkg-parsechangelog
build-essential 12.9 devel optional Informational list of build-essential packages
  usr/share/build-essential/ essential-packages-list list*3
"""

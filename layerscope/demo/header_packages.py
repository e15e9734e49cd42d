"""The C and C++ headers that build-essential brings: a table for `packages.parse`."""

from __future__ import annotations

HEADER_PACKAGES = """\
linux-libc-dev 6.1.164-1 devel optional Linux support headers for userspace development
  usr/include/asm-generic/ auxvec.h bitsperlong.h bpf_perf_event.h errno-base.h errno.h*3
    fcntl.h*3 hugetlb_encode.h int-l64.h int-ll64.h ioctl.h*3 ioctls.h*3 ipcbuf.h
  usr/include/linux/ acct.h*3 audit.h*6 auxvec.h bpf.h*14 bpfilter.h capability.h*5 capi.h*2
    cdrom.h*7 errno.h fanotify.h*4 fcntl.h*3 fs.h*4 fscrypt.h*4 fsi.h*2 fsmap.h*3 fsverity.h*3
    futex.h*3 if_addr.h*2 if_addrlabel.h if_alg.h if_arcnet.h*3 if_arp.h*4 if_bonding.h*3
    if_bridge.h*6 if_cablemodem.h if_eql.h if_ether.h*4 if_packet.h*4 if_phonet.h if_plip.h
    if_ppp.h if_pppol2tp.h*3 if_pppox.h*3 in.h*4 in6.h*4 inotify.h*3 input.h*5 io_uring.h*5
    ioctl.h ip.h*3 ipc.h*2 ipmi.h*5 ipsec.h ipv6.h*3 kernel.h kernelcapi.h kvm.h*12 limits.h
    membarrier.h*4 memfd.h mempolicy.h*2 mman.h mount.h*3 netfilter.h netlink.h*4 poll.h prctl.h*4
    ptrace.h*3 random.h rtnetlink.h*6 sched.h*4 seccomp.h*3 signal.h signalfd.h socket.h
    sockios.h*4 stat.h*4 sysctl.h*7 tcp.h*4 time.h timerfd.h times.h timex.h*4 types.h udp.h uio.h
    un.h unistd.h version.h wait.h xattr.h*2
  usr/include/x86_64-linux-gnu/asm/ a.out.h amd_hsmp.h*4 auxvec.h bitsperlong.h boot.h
    bootparam.h*4 bpf_perf_event.h byteorder.h debugreg.h*3 e820.h*2 errno.h
libcrypt-dev 1:4.4.33-2 libdevel optional libcrypt development files
  usr/include/ crypt.h*4
  usr/lib/x86_64-linux-gnu/ libcrypt.a*37 libcrypt.so>/lib/x86_64-linux-gnu/libcrypt.so.1
  usr/lib/x86_64-linux-gnu/pkgconfig/ libcrypt.pc>libxcrypt.pc libxcrypt.pc
libc-dev-bin 2.36-9+deb12u13 libdevel optional GNU C Library: Development binaries
  usr/bin/ gencat*
libc6-dev 2.36-9+deb12u13 libdevel optional GNU C Library: Development Libraries and Header Files
  usr/include/ aio.h*4 aliases.h*2 alloca.h ar.h argp.h*6 argz.h*4 assert.h*3 byteswap.h
    complex.h*4 cpio.h*2 ctype.h*4 dirent.h*4 dlfcn.h*4 elf.h*14 endian.h*2 envz.h*2 err.h*2
    errno.h error.h*2 execinfo.h fcntl.h*4 features.h*5 fenv.h*3 fmtmsg.h*3 fnmatch.h*2 fstab.h*2
    fts.h*4 ftw.h*4 gconv.h*3 getopt.h glob.h*4 grp.h*4 gshadow.h*3 iconv.h*2 ifaddrs.h*2
    inttypes.h*4 langinfo.h*5 lastlog.h libgen.h libintl.h*3 limits.h*3 link.h*4 locale.h*4
    malloc.h*3 math.h*10 mcheck.h*2 memory.h mntent.h*3 monetary.h*2 mqueue.h*3 netdb.h*7
    nl_types.h nss.h*5 obstack.h*6 paths.h*2 poll.h printf.h*4 proc_service.h*3 pthread.h*10 pty.h
    pwd.h*4 re_comp.h regex.h*6 regexp.h resolv.h*4 sched.h*3 search.h*3 semaphore.h*3 setjmp.h*3
    sgtty.h shadow.h*3 signal.h*5 spawn.h*4 stab.h stdint.h*4 stdio.h*7 stdio_ext.h*2 stdlib.h*8
    string.h*6 strings.h*3 syscall.h sysexits.h*3 syslog.h tar.h*3 termio.h termios.h*3 tgmath.h*9
    thread_db.h*5 threads.h*4 time.h*5 ttyent.h*2 uchar.h*2 ucontext.h*2 ulimit.h unistd.h*9
    utime.h*2 utmp.h*3 utmpx.h*3 values.h*2 wait.h wchar.h*7 wctype.h*3 wordexp.h*2
  usr/include/netinet/ icmp6.h*4 if_ether.h*3 if_fddi.h if_tr.h*3 igmp.h*3 in.h*6 in_systm.h
    ip.h*4 ip6.h*3 ip_icmp.h*4
  usr/include/x86_64-linux-gnu/bits/ a.out.h atomic_wide_counter.h auxv.h*3 byteswap.h*2
  usr/include/x86_64-linux-gnu/gnu/ lib-names-64.h lib-names.h libc-version.h stubs-64.h stubs.h
  usr/include/x86_64-linux-gnu/sys/ acct.h*3 auxv.h bitypes.h cdefs.h*7 debugreg.h*3 dir.h elf.h
    epoll.h*3 errno.h eventfd.h fanotify.h fcntl.h file.h fsuid.h gmon.h*4 gmon_out.h*2
    inotify.h*3 io.h*3 ioctl.h*2 ipc.h kd.h klog.h mman.h*3 mount.h*4 msg.h*2 mtio.h*4 param.h*3
    pci.h perm.h personality.h*2 pidfd.h poll.h*2 prctl.h procfs.h*3 profil.h*2 ptrace.h*4
    queue.h*6 quota.h*3
  usr/include/x86_64-linux-gnu/sys/platform/ x86.h*2
  usr/lib/x86_64-linux-gnu/ Mcrt1.o*1 Scrt1.o*1 crt1.o*1 crti.o*1 crtn.o*1 gcrt1.o*1 grcrt1.o*1
    libBrokenLocale.so>/lib/x86_64-linux-gnu/libBrokenLocale.so.1
    libanl.so>/lib/x86_64-linux-gnu/libanl.so.1 libc.a*295 libc.so
    libc_malloc_debug.so>/lib/x86_64-linux-gnu/libc_malloc_debug.so.0 libc_nonshared.a*2 libm.so
    libmvec.so>/lib/x86_64-linux-gnu/libmvec.so.1
    libnss_compat.so>/lib/x86_64-linux-gnu/libnss_compat.so.2
    libnss_hesiod.so>/lib/x86_64-linux-gnu/libnss_hesiod.so.2
    libresolv.so>/lib/x86_64-linux-gnu/libresolv.so.2
    libthread_db.so>/lib/x86_64-linux-gnu/libthread_db.so.1 rcrt1.o*1
  usr/lib/x86_64-linux-gnu/audit/ sotruss-lib.so*5
libstdc++-12-dev 12.2.0-14+deb12u1 libdevel optional GNU Standard C++ Library v3 (development
  usr/include/c++/12/ algorithm*2 any*5 array*5 atomic*10 barrier*4 bit*5 bitset*9 cassert
    ccomplex cctype*2 cerrno cfenv*2 cfloat*2 charconv*6 chrono*12 cinttypes*2 climits*2 clocale*2
    cmath*10 codecvt*3 compare*8 complex*11 complex.h concepts*4 condition_variable*5 coroutine*4
    csetjmp*2 csignal cstdalign cstdarg cstdbool cstddef*4 cstdint*2 cstdio*3 cstdlib*4 cstring*3
    ctgmath ctime*2 cuchar*2 cwchar*4 cwctype*2 cxxabi.h*6 deque*3 exception*3 execution
    expected*8 fenv.h*2 filesystem forward_list*2 fstream*9 functional*9 future*10
    initializer_list*2 iomanip*5 ios iosfwd*4 iostream*2 istream*8 iterator*2 latch*2 limits*13
    list*3 locale map*3 math.h*3 memory*3 memory_resource*6 mutex*7 new*4 numbers*4 numeric*6
    optional*9 ostream*6 queue*2 random ranges*14 ratio*6 regex*2 scoped_allocator*5 semaphore*2
    set*3 shared_mutex*6 source_location*2 span*5 spanstream*4 sstream*8 stack*2 stacktrace*6
    stdatomic.h*3 stdexcept*4 stdlib.h*2 stop_token*5 streambuf*7 string*3 string_view*7
    syncstream*4 system_error*5 tgmath.h thread*4 tuple*12 type_traits*14 typeindex*3 typeinfo*4
    unordered_map*3 unordered_set*3 utility*4 valarray*9 variant*12 vector*3 version*4
  usr/include/c++/12/bits/ algorithmfwd.h*6 align.h*3 alloc_traits.h*7 allocated_ptr.h*3
    allocator.h*4 atomic_base.h*11 atomic_futex.h*4 atomic_lockfree_defines.h*2
    atomic_timed_wait.h*5 atomic_wait.h*4 basic_ios.h*5 basic_ios.tcc*4 basic_string.h*14
    basic_string.tcc*8 boost_concept_check.h*7
  usr/include/x86_64-linux-gnu/c++/12/bits/ atomic_word.h basic_file.h*3
  usr/lib/gcc/x86_64-linux-gnu/12/ libstdc++.a*317
    libstdc++.so>../../../x86_64-linux-gnu/libstdc++.so.6
"""

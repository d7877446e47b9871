# SPDX-License-Identifier: GPL-2.0-only
# The way in for people; what the kernel's build reads is Kbuild.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
DKMS_SOURCE = /usr/src/efh-$(VERSION)

KERNEL ?= 6.1 6.12 newest
TEST ?=
PART ?=
CAPTURE ?=

all: module tools

help:
	@echo 'Build and install (for the running kernel, or KVER=release, or KDIR=headers):'
	@echo '  make                  the module and the tools'
	@echo '  make module | tools   one of them'
	@echo '  make install          both, and the manual pages; DESTDIR= and PREFIX= count'
	@echo '  make uninstall        takes those out again, of the same KVER=, DESTDIR= and PREFIX='
	@echo '  make dkms-install     the module by DKMS, rebuilt with each new kernel'
	@echo '  make dkms-remove      takes that out again'
	@echo '  make clean'
	@echo 'Try, as root, in VMs with kernels of Debian; nothing is loaded into this one:'
	@echo '  make demo             hosts, then sites joined by links; real data over EFH'
	@echo '       CAPTURE=FILE     keeps what travelled; KERNEL=6.1|6.12|newest'
	@echo '  make check            builds and selftests on three kernels'
	@echo '       KERNEL="6.1 6.12 newest"  TEST="native ..."  narrow it'
	@echo '  make check-debug      selftests where memory, locks and leaks are watched and where'
	@echo '                        allocations fail, hosts are killed and the module goes'
	@echo '       TEST="native ..."  PART="debug rounds ..."  narrow it'
	@echo '  make fuzz TIME=60     the hot path under libFuzzer, and packets in a debug kernel; seconds'
	@echo '  make bench            EFH beside what the stack has, into results/; ROUNDS=7'
	@echo '  make uml | uml-debug  kernels for scripts/uml, where the module runs at full speed'
	@echo '                        or under all that looks for faults'

module: $(KDIR)/Makefile
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# The one thing most often missing, named
$(KDIR)/Makefile:
	@echo 'No kernel headers in $(KDIR).' >&2
	@echo 'On Debian: apt install linux-headers-$(KVER); elsewhere: make KDIR=the folder that has them.' >&2
	@false

tools:
	$(MAKE) -C tools

# Debian's headers ask to sign with a key that only Debian has
install: module tools
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) \
		CONFIG_MODULE_SIG_ALL= modules_install
	$(MAKE) -C tools install
ifeq ($(DESTDIR),)
	depmod -a $(KVER)
endif

# updates/ or, by kernels before 6.3, extra/
uninstall:
	$(MAKE) -C tools uninstall
	rm -f $(addprefix $(DESTDIR)/lib/modules/$(KVER)/,updates/efh.ko* extra/efh.ko*)
ifeq ($(DESTDIR),)
	depmod -a $(KVER)
endif

dkms-install:
	@command -v dkms >/dev/null || { echo 'dkms is missing. On Debian: apt install dkms' >&2; false; }
	rm -rf $(DKMS_SOURCE)
	install -d $(DKMS_SOURCE)
	cp -r dkms.conf Kbuild COPYING efh include $(DKMS_SOURCE)/
	dkms install -m efh -v $(VERSION) -k $(KVER)

dkms-remove:
	dkms remove -m efh -v $(VERSION) --all
	rm -rf $(DKMS_SOURCE)

# What Kbuild leaves, found without the kernel's headers
clean:
	find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name .module-common.o -o -name Module.symvers -o -name modules.order \) \
		-type f -exec rm -f {} +
	$(MAKE) -C tools clean
	if [ -e selftests/Makefile ]; then $(MAKE) -C selftests clean; fi

check:
	scripts/check -k '$(KERNEL)' $(TEST)

check-debug:
	scripts/check-debug $(if $(PART),-p '$(PART)') $(TEST)

demo:
	scripts/demo -k '$(firstword $(KERNEL))' $(CAPTURE)

fuzz:
	scripts/fuzz -t '$(or $(TIME),60)'

bench:
	scripts/bench $(if $(ROUNDS),-n '$(ROUNDS)')

uml:
	scripts/uml speed

uml-debug:
	scripts/uml debug

.PHONY: all help module tools install uninstall dkms-install dkms-remove clean check check-debug demo fuzz bench uml uml-debug

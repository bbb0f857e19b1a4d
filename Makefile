# Makefile - for people; kbuild reads Kbuild.
#
# "make run" and "make test" set up all they need. The scripts behind them can
# be called without make.

KDIR ?= /lib/modules/$(shell uname -r)/build

# Of make install-tools. Each has scripts/TOOL, Documentation/man/TOOL.8 and
# scripts/completion/TOOL.bash.
TOOLS = goslabtop goslab-profile goslab-record goslab-report goslab-drgn
PREFIX ?= /usr/local
DEST = $(DESTDIR)$(PREFIX)

export KSRC TRACE CPUS MEM BED BEDS SHORT
# Of make client; see the top of scripts/client.sh.
CLIENT = SRC RUN ARGS CONFIG BED BOOT FILES NAME EXPECT
# Of make escape; see the top of scripts/escape.sh.
ESCAPE = KSRC M RULES BOUND KNOWN WHY MODE CPPFLAGS

.DEFAULT_GOAL := help
.PHONY: help run test quick check-builds escape bench demo client clients modules shell check clean \
	clean-cache install-tools

help:
	@echo 'make run       boot User-Mode Linux, replay a trace, print the figures'
	@echo '                 TRACE=FILE  another .kmt or .kmt.xz   CPUS=N  MEM=SIZE'
	@echo 'make test      every test on every kernel; BEDS="uml-smp ..." for some'
	@echo 'make quick     check, build, all suites on one kernel: a minute or so'
	@echo 'make bench     goslab beside every peer, limits, plots; SHORT=1: counts only'
	@echo 'make clients   unedited kernel modules run on goslab instead of slab'
	@echo 'make demo      a client that leaks, and each tool on it; BED=qemu-6.1: stock'
	@echo 'make client    yours: SRC=DIR of a module, RUN=SCRIPT to run inside,'
	@echo '                 ARGS="..." for its make, CONFIG=FILE of kernel options'
	@echo 'make shell     a shell in User-Mode Linux with goslab loaded'
	@echo 'make modules   the modules for any kernel: KDIR=DIR (default: this one)'
	@echo 'make check     what can be checked without building'
	@echo 'make check-builds   the modules by stricter compilers: W=1, sparse, clang'
	@echo 'make escape    escape analysis by Coccinelle: M="DIR..." or files, KSRC=DIR;'
	@echo '                 default: these sources (Documentation/escape.rst)'
	@echo 'make install-tools   $(TOOLS) for this machine:'
	@echo '                 PREFIX=/usr/local  DESTDIR=DIR of a package'
	@echo 'make clean     remove build/; kernels stay in ~/.cache/goslab'
	@echo 'make clean-cache   remove the kernels, too'
	@echo
	@echo 'KSRC=DIR builds User-Mode Linux from that tree, not from linux-source.'

run:
	@scripts/run.sh

test:
	@scripts/test.sh

quick:
	@scripts/quick.sh

bench:
	@scripts/bench.sh

client:
	@$(foreach v,$(CLIENT),$(if $($v),$v='$($v)')) scripts/client.sh

demo:
	@scripts/demo.sh

clients:
	@scripts/clients.sh $(NAME)

shell:
	@scripts/shell.sh

check:
	@scripts/check.sh

check-builds:
	@scripts/builds.sh

escape:
	@$(foreach v,$(ESCAPE),$(if $($v),$v='$($v)')) scripts/escape.sh

modules:
	@[ -e "$(KDIR)/Makefile" ] || { echo "no kernel build tree in" \
		"$(KDIR): say KDIR=DIR, or install linux-headers-$$(uname -r)"; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

install-tools:
	install -d "$(DEST)/bin" "$(DEST)/share/man/man8" \
		"$(DEST)/share/bash-completion/completions" "$(DEST)/share/goslab"
	install -m 755 $(TOOLS:%=scripts/%) "$(DEST)/bin"
	install -m 644 $(TOOLS:%=Documentation/man/%.8) "$(DEST)/share/man/man8"
	install -m 644 scripts/report/*.* "$(DEST)/share/goslab"
	for tool in $(TOOLS); do install -m 644 scripts/completion/$$tool.bash \
		"$(DEST)/share/bash-completion/completions/$$tool" || exit 1; done

clean-cache: clean
	@scripts/clean-cache.sh

clean:
	rm -rf build
	find goslab kunit Documentation/examples \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name modules.order \
		-o -name Module.symvers \) -delete
	rm -f modules.order Module.symvers .module-common.o .*.cmd

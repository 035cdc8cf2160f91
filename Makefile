# One command each. The work is done by packaging/setup/setup.py, which also runs where there is no Make.
SETUP := sh packaging/setup/python.sh packaging/setup/setup.py

.PHONY: help run test lint bench bench-desktop screenshots translations lock package test-packages clean

help:
	@echo "make run [DATA=folder]           set up and start: the app where there is a display, else the relay"
	@echo "make test [ARGS='-k name']       set up and run the tests"
	@echo "make lint                        ruff, mypy, import-linter"
	@echo "make bench [QUICK=1] [REPEAT=n]  measure Gatepost and Postfix side by side"
	@echo "make bench-desktop [QUICK=1]     measure the window on a spool of a million rows"
	@echo "make screenshots [ARGS=scene]    write every page as pictures into build/screenshots"
	@echo "make translations                collect the app's texts and say what is not translated"
	@echo "make lock                        resolve the dependencies anew and write requirements/*.lock"
	@echo "make package                     build the bundle and the Debian package into dist/"
	@echo "make test-packages               install, use, upgrade and remove what make package builds (as root, minutes)"
	@echo "make clean                       remove .venv, build/, dist/ and caches"

run:
	@exec $(SETUP) run $(if $(DATA),--data '$(DATA)') $(ARGS)

test:
	@exec $(SETUP) test $(ARGS)

lint:
	@exec $(SETUP) lint

bench:
	@exec $(SETUP) bench $(if $(QUICK),--quick) $(if $(REPEAT),--repeat '$(REPEAT)') $(ARGS)

bench-desktop:
	@exec $(SETUP) bench-desktop $(if $(QUICK),--quick) $(ARGS)

screenshots:
	@exec $(SETUP) screenshots $(ARGS)

translations:
	@exec $(SETUP) translations

lock:
	@exec sh packaging/setup/python.sh packaging/setup/lock.py

package:
	@exec $(SETUP) package $(ARGS)

test-packages:
	@exec $(SETUP) test-packages $(ARGS)

clean:
	rm -rf .venv build dist app/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find app tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +

# Every command. INSTANCE=<name> runs a second copy of the platform beside the main one.
# The first Python that is one of the two versions the packages are locked for.
PYTHON = $(shell for name in python3.11 python3.12 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& command -v $$name && break; done)
VENV := .venv/.complete
export PYTHONDONTWRITEBYTECODE := # processes start again and again: what is compiled for one is kept
RUN = .venv/bin/python -m$(if $(and $(filter docker,$(RUNTIME)),$(filter demo run stream verify quality prove,$@)), infra.docker run)
.DEFAULT_GOAL := help
.PHONY: help doctor venv up down status logs reset demo run stream verify backfill quality months docs prove audit lint test-fast test chaos bench

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
doctor: ## say what is missing on this machine and how to get it
	@python3 infra/native/doctor.py
venv: $(VENV) ## install the Python packages of uv.lock into .venv
$(VENV): uv.lock infra/native/bootstrap.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is missing; make doctor says how to get it."; exit 1; }
	@$(PYTHON) infra/native/bootstrap.py $(if $(filter docker,$(RUNTIME)),,$(filter up demo verify quality months docs prove test chaos bench,$(MAKECMDGOALS)))

up: ## start the platform and wait until every service is healthy
down: ## stop the platform; its data stays
status: ## show services, ports, uptime and memory
logs: ## show logs: S=<service> for one, FOLLOW=1 to go on
reset: ## stop the platform and delete its data
up down status logs reset: $(VENV)
	@$(RUN) infra.native $@

demo: up ## send a day of the shop through the platform, end with a ledger that balances
	@$(RUN) infra.demo
run: $(VENV) ## bring tables up to date without Airflow: T="silver.orders gold.daily_revenue"
	@$(RUN) jobs $(T)
stream: $(VENV) ## the stream and its near-real-time marts: S=start, stop, restart or status
	@$(RUN) jobs.stream.control $(or $(S),status)
verify: up ## let ClickHouse compute every mart again from silver and compare to the cent
	@$(RUN) jobs.verify $(T)
backfill: $(VENV) ## compute past days again through Airflow: FROM=2026-01-05 TO=2026-01-11
	@$(RUN) infra.airflow.backfill $(FROM) $(TO)
quality: up ## judge the tables as they stand and print their scores
	@$(RUN) quality $(T)
months: up ## months of the shop against the truth, with backfill, replay and rebuild: DAYS=90
	@$(RUN) infra.demo.months
prove: up ## run the proofs of answers: A=<name> or T=<topic>, T=all; without, list them
	@$(RUN) answers
docs: up ## write docs/dictionary.md and the contracts from the table specs
	@$(RUN) jobs.contracts && $(RUN) jobs.lineage && $(RUN) jobs.dictionary
audit: $(VENV) ## check hashes, jars, licences, secrets and vulnerabilities; write .state/sbom.json
	@$(RUN) infra.audit
lint: $(VENV) ## check style and types
	@$(RUN) ruff check . && $(RUN) ruff format --check --quiet . && echo "checking types, half a minute at first" && $(RUN) mypy
test-fast: $(VENV) ## run the tests that need no service
	@$(RUN) pytest -m "not integration" -n auto

test: $(VENV) ## check style and types, run all tests on an instance of their own, gone afterwards
	@$(RUN) tests
chaos: $(VENV) ## kill, freeze and lose parts of the running platform, count every order: SEEDS=10
	@INSTANCE=chaos $(RUN) infra.chaos
bench: $(VENV) ## measure the platform into docs/bench.json; PARTS="start demo freshness ..."
	@INSTANCE=bench $(RUN) infra.bench $(PARTS)

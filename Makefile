# Two commands matter: `make demo` and `make test`. Each makes the environment if need be.

PYTHON ?= python3.11
CORES ?= $(shell nproc)
BIN := .venv/bin
RUN := context-shapes
# of VOC 2012 with SBD's, a folder or an archive; beside it the lists train_aug.txt and val.txt
MASKS ?= ../shared/data/voc12_aug/SegmentationClassAug.tar

SHARE = --max-threads 1
COMPARE = $(BIN)/snakemake evidence --cores $(CORES) $(SHARE) --quiet rules host --configfile

# $(call publish,NAME,PAGE): the tables of a comparison into evidence/PAGE.md, its numbers beside them
define publish
	$(BIN)/python -m conta_core.evaluation.comparison.publish results/$(1)/comparison.md evidence/$(2).md
	cp results/$(1)/comparison.json evidence/$(1).json
endef

.PHONY: demo evidence evidence-variants evidence-full-size evidence-large evidence-photographs evidence-seeds evidence-painted pictures test test-slurm test-faults lint format config clean
.DELETE_ON_ERROR:

demo: .venv/installed ## the default experiment, then its table of scores and the path of its report
	$(BIN)/snakemake --cores $(CORES) --quiet rules host
	@$(BIN)/python -m conta_core.evaluation.summary results/$(RUN)/summary.json

# many small jobs: one thread each, as many at once as there are cores
evidence: export OMP_NUM_THREADS = 1
evidence: .venv/installed ## arms x levels x seeds; its tables into evidence/tables.md
	$(COMPARE) configs/evidence.yaml
	$(call publish,evidence,tables)

evidence-variants: export OMP_NUM_THREADS = 1
evidence-variants: .venv/installed ## one thing changed at a time; its tables into evidence/variants.md
	$(COMPARE) configs/evidence.yaml configs/evidence/variants.yaml
	$(call publish,variants,variants)

# one pair at the default's size
evidence-full-size: export OMP_NUM_THREADS = 1
evidence-full-size: .venv/installed ## one pair at the default's size; likewise
	$(COMPARE) configs/evidence/full_size.yaml
	$(call publish,full-size,tables)

# larger, on a GPU that up to eight stages share
evidence-large: SHARE = --max-threads 3 --resources gpu=8
evidence-large: export OMP_NUM_THREADS = 1
evidence-large: .venv/installed ## larger than the default, on a GPU; likewise
	$(COMPARE) configs/evidence/large.yaml
	$(call publish,large,tables)

# on photographs: a smaller copy of them, then arms x seeds
evidence-photographs: export OMP_NUM_THREADS = 1
evidence-photographs: .venv/installed data/animals ## on photographs of VOC 2012; likewise
	$(COMPARE) configs/evidence/photographs.yaml
	$(call publish,photographs,tables)

evidence-seeds: export OMP_NUM_THREADS = 1
evidence-seeds: .venv/installed data/animals ## other seeds on photographs of VOC 2012; likewise
	$(COMPARE) configs/evidence/photographs.yaml configs/evidence/seeds.yaml
	$(call publish,seeds,tables)

data/animals: | .venv/installed
	$(BIN)/conta excerpt configs/voc_animals.yaml $@ --train 400 --val 140 --long-side 224

# on VOC's masks, painted: real shapes and companions, known contexts
evidence-painted: export OMP_NUM_THREADS = 1
evidence-painted: .venv/installed data/painted ## on painted masks of VOC 2012; likewise
	$(COMPARE) configs/evidence/painted.yaml
	$(call publish,painted,tables)

data/painted: | .venv/installed
	$(BIN)/conta paint $(MASKS) $@ --train 800 --confounding 0.5

ablation-%: export OMP_NUM_THREADS = 1
ablation-%: .venv/installed configs/evidence/ablation_%.yaml ## rounds, blocks, confounders, shape: the paper's; weights
	$(COMPARE) configs/evidence.yaml configs/evidence/ablation_$*.yaml
	$(call publish,ablation-$*,variants)

pictures: .venv/installed results/$(RUN)/summary.json ## what docs/ and README.md show, from the demo's results
	$(BIN)/python docs/pictures/make_pictures.py

results/$(RUN)/summary.json:
	$(MAKE) demo

# several at once, one thread each; then, alone, what compares times
test: .venv/installed ## every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal \
		--ignore tests/performance
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/performance

test-slurm: .venv/installed ## the loop on a real SLURM, installed from Debian's packages if need be
	$(BIN)/python -m pytest tests/slurm/run_on_slurm.py

test-faults: .venv/installed ## kills, full disks, spoiled files: what docs/reliability.md tells
	$(BIN)/python tests/faults --write

lint: .venv/installed ## what must be clean before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

config: .venv/installed ## config.yaml and its schema, from conta_core/settings; envs/conta.yaml
	$(BIN)/python -m conta_core.settings.render
	$(BIN)/python envs/pin.py

.venv/installed: pyproject.toml envs/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint envs/constraints.txt --editable ".[dev]"
	touch $@

clean: ## results, logs and benchmarks; the environment stays
	rm -rf results logs benchmarks checkpoints tensorboard .snakemake

# Tổng hợp danh sách “Trang cộng đồng” của Mặt trận các cấp. Gõ “make” để xem các lệnh.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

ROUND ?= dien-bien-2022
SOAK ?= 60
PYTHON ?= python3
export PYTHONUTF8 := 1

# Ngày tính kết quả; của đợt định kỳ: một ngày bất kỳ trong kỳ muốn làm.
AS_OF = $(if $(DAY),--as-of="$$DAY")

# Chữ người dùng gõ được chuyển nguyên văn qua biến môi trường: không lệnh nào trong đó được chạy, dấu $ vẫn là dấu $.
TYPED := ROUND DAY FILE UNIT RULE COLUMN BY WHY UNTIL NUMBER SEVERITY POLICY AGAIN ARRIVED
$(foreach name,$(TYPED),$(if $(value $(name)),$(eval override $(name) := $$(value $(name)))$(eval export $(name))))

VENV := .venv
RUN := $(VENV)/bin/python -m pipeline
DEMO := demo

.PHONY: help setup demo run check forms pdf send fetch watch status history purge rounds rules rulebook waive decisions withdraw close reopen rehearse test soak lint screenshots bench clean

help: ## xem các lệnh này
	@echo "Đợt đang chọn: $$ROUND (đổi bằng: make run ROUND=tên-đợt)"
	@echo "Kỳ đã qua của đợt định kỳ: thêm một ngày trong kỳ, ví dụ: make run DAY=2026-09-30"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready ## cài đặt (tự chạy khi cần)

$(VENV)/ready: requirements.lock pyproject.toml
	@echo "Đang cài đặt, mất khoảng một phút…"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

demo: setup ## chạy thử trên tệp ví dụ (người và số liệu bịa), kết quả trong thư mục demo/
	@echo "Đợt: $$ROUND"
	@rm -rf $(DEMO)
	@$(RUN) demo --round "$$ROUND" --folder $(DEMO)

run: setup ## xử lý data/inbox, kết quả trong data/outbox
	@echo "Đợt: $$ROUND"
	@$(RUN) run --round "$$ROUND" $(AS_OF)

check: setup ## kiểm tra thử, không ghi gì: make check FILE="tệp.xlsx", FILE="thư mục"
	@$(RUN) check --round "$$ROUND" $(AS_OF) $(if $(FILE),"$$FILE") $(FILES) || test $$? -eq 3

forms: setup ## biểu mẫu cho từng đơn vị (trống, hoặc ghi sẵn số liệu đã đạt)
	@echo "Đợt: $$ROUND"
	@$(RUN) forms --round "$$ROUND" $(AS_OF)

send: setup ## gửi các thư đã chuẩn bị, mỗi thư một lần (xem trước: make send DRY=1)
	@echo "Đợt: $$ROUND"
	@$(RUN) send --round "$$ROUND" $(AS_OF) $(if $(DRY),--dry-run) $(if $(AGAIN),--again="$$AGAIN") $(if $(ARRIVED),--arrived="$$ARRIVED")

fetch: setup ## lấy tệp đính kèm của thư mới vào data/inbox
	@$(RUN) fetch --round "$$ROUND"

watch: setup ## tự chạy mỗi khi data/inbox có tệp mới (dừng: Ctrl-C); lấy cả thư mỗi 10 phút: make watch FETCH_EVERY=600
	@echo "Đợt: $$ROUND"
	@exec $(RUN) watch --round "$$ROUND" $(AS_OF) $(if $(FETCH_EVERY),--fetch-every $(FETCH_EVERY))

pdf: setup ## chuyển các văn bản Word trong data/outbox sang PDF (cần LibreOffice)
	@$(RUN) pdf --round "$$ROUND" $(AS_OF)

status: setup ## đơn vị nào đã gửi, chưa gửi, phải sửa
	@echo "Đợt: $$ROUND"
	@$(RUN) status --round "$$ROUND" $(AS_OF)

history: setup ## lịch sử của một đơn vị: make history UNIT=102 hoặc UNIT="Mường Ảng"
	@$(RUN) history --round "$$ROUND" $(AS_OF) --unit="$${UNIT:-}"

purge: setup ## xóa dữ liệu cá nhân của đợt đã xong, giữ số liệu: make purge ROUND=tên-đợt (cả tệp trong hộp thư đến: WITH_INBOX=1)
	@$(RUN) purge --round "$$ROUND" $(AS_OF) $(if $(WITH_INBOX),--with-inbox) $(if $(YES),--yes)

rounds: setup ## các đợt đã cài đặt
	@$(RUN) rounds

rules: setup ## các quy tắc kiểm tra
	@$(RUN) rules

rulebook: setup ## ghi lại RULES.md sau khi sửa câu chữ, mức độ, biểu mẫu hoặc tệp đợt
	@$(RUN) rulebook

waive: setup ## miễn một nội dung: make waive UNIT=03217 RULE=phone.masked BY="…" WHY="…" UNTIL=2027-06-30
	@$(RUN) waive --round "$$ROUND" $(AS_OF) --unit="$${UNIT:-}" --rule="$${RULE:-}" --column="$${COLUMN:-}" --by="$${BY:-}" --why="$${WHY:-}" --until="$${UNTIL:-}"

decisions: setup ## mọi quyết định của đợt: miễn, trả lời của đơn vị, chốt, mở lại
	@$(RUN) decisions --round "$$ROUND" $(AS_OF)

withdraw: setup ## bỏ một quyết định theo số: make withdraw NUMBER=3 BY="…"
	@$(RUN) withdraw --round "$$ROUND" $(AS_OF) --number="$${NUMBER:-}" --by="$${BY:-}"

rehearse: setup ## diễn tập một quy tắc trước khi bật: make rehearse RULE=link.profile-id (hoặc SEVERITY=…, POLICY=tệp.toml)
	@$(RUN) rehearse --round "$$ROUND" $(AS_OF) --rule="$${RULE:-}" --severity="$${SEVERITY:-}" --policy="$${POLICY:-}"

close: setup ## chốt đợt: make close BY="…"
	@$(RUN) close --round "$$ROUND" $(AS_OF) --by="$${BY:-}"

reopen: setup ## mở lại đợt đã chốt: make reopen BY="…" WHY="…"
	@$(RUN) reopen --round "$$ROUND" $(AS_OF) --by="$${BY:-}" --why="$${WHY:-}"

test: setup lint ## chạy mọi phép thử của chương trình
	@$(VENV)/bin/python -m pytest -n auto --dist worksteal

soak: setup ## thử độ bền thật lâu (hàng trăm lần dừng, hỏng giữa chừng): make soak SOAK=60
	@SOAK=$(SOAK) $(VENV)/bin/python -m pytest tests/test_strength.py

lint: setup ## kiểm tra mã nguồn
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

bench: setup ## đo tốc độ trên 705 tệp của cả nước, ghi docs/benchmark.md: make bench BENCH="--large"
	@$(VENV)/bin/python -m bench --page docs/benchmark.md $(BENCH)

screenshots: setup ## chụp lại các hình trong docs/ (cần LibreOffice, poppler-utils, Chromium)
	@PYTHONPATH=. $(VENV)/bin/python tests/screenshots.py

clean: ## xóa kết quả chạy thử
	@rm -rf $(DEMO)

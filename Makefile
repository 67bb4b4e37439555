# Tổng hợp danh sách “Trang cộng đồng” của Mặt trận các cấp. Gõ “make” để xem các lệnh.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

ROUND ?= dien-bien-2022
DEMO_DATE ?= 2022-04-05
PYTHON ?= python3
export PYTHONUTF8 := 1

VENV := .venv
RUN := $(VENV)/bin/python -m pipeline
DEMO := demo

.PHONY: help setup demo run check forms status history purge rounds rules test lint gold lock clean

help: ## xem các lệnh này
	@echo "Đợt đang chọn: $(ROUND) (đổi bằng: make run ROUND=tên-đợt)"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready ## cài đặt (tự chạy khi cần)

$(VENV)/ready: requirements.lock pyproject.toml
	@echo "Đang cài đặt, mất khoảng một phút…"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

demo: setup ## chạy thử trên tệp ví dụ (người và số liệu bịa), kết quả trong thư mục demo/
	@echo "Đợt: $(ROUND)"
	@rm -rf $(DEMO)
	@$(RUN) example --round $(ROUND) --inbox $(DEMO)/inbox
	@$(RUN) run --round $(ROUND) --inbox $(DEMO)/inbox --outbox $(DEMO)/outbox --state $(DEMO)/state --as-of $(DEMO_DATE)

run: setup ## xử lý data/inbox, kết quả trong data/outbox
	@echo "Đợt: $(ROUND)"
	@$(RUN) run --round $(ROUND)

check: setup ## kiểm tra thử, không ghi gì: make check FILES="tệp1.xlsx tệp2.xlsx"
	@$(RUN) check --round $(ROUND) $(FILES)

forms: setup ## biểu mẫu cho từng đơn vị (trống, hoặc ghi sẵn số liệu đã đạt)
	@echo "Đợt: $(ROUND)"
	@$(RUN) forms --round $(ROUND)

status: setup ## đơn vị nào đã gửi, chưa gửi, phải sửa
	@echo "Đợt: $(ROUND)"
	@$(RUN) status --round $(ROUND)

history: setup ## lịch sử của một đơn vị: make history UNIT=102
	@$(RUN) history --round $(ROUND) --unit $(UNIT)

purge: setup ## xóa dữ liệu cá nhân của đợt đã xong, giữ số liệu: make purge ROUND=tên-đợt
	@$(RUN) purge --round $(ROUND) $(OPTIONS)

rounds: setup ## các đợt đã cài đặt
	@$(RUN) rounds

rules: setup ## các quy tắc kiểm tra
	@$(RUN) rules

test: setup lint ## chạy mọi phép thử của chương trình
	@$(VENV)/bin/python -m pytest

lint: setup ## kiểm tra mã nguồn
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

clean: ## xóa kết quả chạy thử
	@rm -rf $(DEMO)

@echo off
rem Windows: lam viec cua "make run" tren may khong co make. Go: chay.cmd [ten-dot]
chcp 65001 >nul
setlocal
cd /d "%~dp0"
set PYTHONUTF8=1
set ROUND=%1
if "%ROUND%"=="" set ROUND=dien-bien-2022
if not exist .venv\Scripts\python.exe (
  py -3 -m venv .venv || python -m venv .venv || goto failed
)
if not exist .venv\ready (
  .venv\Scripts\python.exe -m pip install --quiet --disable-pip-version-check --requirement requirements.lock || goto failed
  echo ready> .venv\ready
)
.venv\Scripts\python.exe -m pipeline run --round %ROUND%
exit /b %ERRORLEVEL%
:failed
echo Chua cai dat duoc. Can co Python 3.11 tro len va ket noi mang.
exit /b 2

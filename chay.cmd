@echo off
rem Windows: thay cho make. chay.cmd: chay dot dat san; chay.cmd TEN-DOT: chay dot khac; chay.cmd LENH ...: lenh khac.
rem Bam dup (khong co chu gi theo sau) thi cua so cho bam mot phim roi moi dong; chay theo lich thi ghi TEN-DOT.
chcp 65001 >nul
setlocal
cd /d "%~dp0"
set PYTHONUTF8=1
set ROUND=dien-bien-2022
set COMMAND=%*
if "%~1"=="" set COMMAND=run --round %ROUND%
if exist "schemas\rounds\%~1.toml" set COMMAND=run --round %~1
set STATUS=2
if not exist .venv\Scripts\python.exe (
  py -3 -m venv .venv || python -m venv .venv || goto failed
)
fc /b requirements.lock .venv\ready >nul 2>nul && goto ready
.venv\Scripts\python.exe -m pip install --quiet --disable-pip-version-check --requirement requirements.lock || goto failed
copy /y requirements.lock .venv\ready >nul
:ready
.venv\Scripts\python.exe -m pipeline %COMMAND%
set STATUS=%ERRORLEVEL%
goto end
:failed
echo Chua cai dat duoc. Can co Python 3.11 tro len va ket noi mang.
:end
if "%~1"=="" pause
exit /b %STATUS%

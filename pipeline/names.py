"""What the files of a result are called. Some of the words for users (`messages.toml`) call them by their names too."""

REPORT, DISPATCH, NOTICE = "bao-cao.docx", "cong-van-don-doc.docx", "thong-bao-ket-qua.docx"
INTERNAL = "phu-luc-noi-bo.docx"
PAPERS = (REPORT, DISPATCH, NOTICE, INTERNAL)
OVERVIEW, ROLLUP = "tong-quan.html", "tong-hop.xlsx"

RESULTS = "ket-qua"
"""The folder of the results for machines."""
FINDINGS_CSV, ROWS_CSV, SUMMARY_JSON = "findings.csv", "rows.csv", "summary.json"

SENDERS = "don-vi"
"""The folder with a folder for every sender."""
LETTER, MESSAGE = "thu.eml", "tin-nhan.txt"
RETURNED, FORM = "phieu-sua.xlsx", "bieu-mau.xlsx"

LATE = "sau-khi-chot"
"""The folder of what came after the closing."""

"""Lists in shapes that only their senders know: one run reads a file of each, and all say the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import docx
import openpyxl
from building import KEYS, ROUND, Row, right_rows, saved
from conftest import Outcome, Run

from schemas.round import load_round

SENDERS = [code for code in ROUND.submitting_units if len(ROUND.expected[code]) > 10]
PERSON = ["Họ và tên", "Số điện thoại", "Email"]
BOTH = [f"{part} {whose}" for whose in ("lãnh đạo phụ trách", "cán bộ quản lý") for part in PERSON]
HEADER = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", *BOTH]

Grid = list[list[str]]
Shape = Callable[[str, list[Row]], bytes]


def _title(sender: str) -> list[str]:
    return [f"UBMTTQ {ROUND.submitting_units[sender].full_name.upper()}"]


def _lines(rows: list[Row], keys: list[str] = KEYS, first: int = 0) -> Grid:
    return [[str(number), *(row[key] for key in keys)] for number, row in enumerate(rows, start=first)]


def _book(*sheets: Grid, names: tuple[str, ...] = (), merges: tuple[str, ...] = (), links: Any = ()) -> bytes:
    """A workbook of sheets; `links` are (cell, address) on the first one."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, grid in enumerate(sheets):
        sheet = book.create_sheet(names[number] if names else f"Sheet{number + 1}")
        for row, texts in enumerate(grid, start=1):
            for column, text in enumerate(texts, start=1):
                sheet.cell(row, column, text or None)
    for area in merges:
        book.worksheets[0].merge_cells(area)
    for cell, address in links:
        book.worksheets[0][cell].hyperlink = address
    return saved(book)


def _word(*blocks: Grid | str) -> bytes:
    """A Word document of paragraphs and tables."""
    document = docx.Document()
    for block in blocks:
        if isinstance(block, str):
            document.add_paragraph(block)
            continue
        table = document.add_table(rows=0, cols=max(map(len, block)))
        for texts in block:
            for cell, text in zip(table.add_row().cells, texts, strict=False):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _sent(run: Run, shapes: list[Shape], suffix: str = "xlsx") -> Outcome:
    """What a run says of these shapes, each the faultless list of a sender of its own."""
    senders = SENDERS[: len(shapes)]
    files = {_file(s, suffix): shape(s, right_rows(s)) for s, shape in zip(senders, shapes, strict=True)}
    return run(files)


def _file(sender: str, suffix: str = "xlsx") -> str:
    return f"2022-03-20/danh-sach-{SENDERS.index(sender)}.{suffix}"


def _reads_all(outcome: Outcome, number: int) -> None:
    """The lists of that many senders are read wholly, and nothing is told of them."""
    for place, sender in enumerate(SENDERS[:number]):
        assert outcome.told(sender=sender) == [], f"shape {place}"
        for unit, row in zip(ROUND.expected[sender], right_rows(sender), strict=True):
            got = outcome.rows[unit.code]
            assert {k: got[k] for k in KEYS[1:]} == {k: row[k] for k in KEYS[1:]}, f"shape {place}: {unit.full_name}"


# --- a sheet that goes on with the table of the sheet before it


def _two_sheets(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows[:4])], _lines(rows[4:], first=4))


def _two_sheets_and_a_title(sender: str, rows: list[Row]) -> bytes:
    below = [["(Tiếp theo)"], [], *_lines(rows[4:], first=4), [], ["", "", "", "Nơi nhận:"]]
    return _book([_title(sender), HEADER, *_lines(rows[:4])], [["Ghi chú"]], below)


def _one_row_more(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows[:-1])], _lines(rows[-1:], first=len(rows) - 1))


def _only_names_and_links_more(sender: str, rows: list[Row]) -> bytes:
    """The columns of the second sheet are those of the first one, also where persons stand in one cell."""
    header = [*HEADER[:4], "Lãnh đạo phụ trách (họ tên, SĐT, email)", *BOTH[3:]]
    one = [row | {"leader": "\n".join(row[key] for key in KEYS[3:6])} for row in rows]
    grid = _lines(one, [*KEYS[:3], "leader", *KEYS[6:]])
    return _book([_title(sender), header, *grid[:3]], grid[3:6], grid[6:])


def test_a_sheet_without_a_header_goes_on_with_the_table_before_it(run: Run) -> None:
    shapes = [_two_sheets, _two_sheets_and_a_title, _one_row_more, _only_names_and_links_more]
    outcome = _sent(run, shapes)
    _reads_all(outcome, len(shapes))
    assert outcome.rows[ROUND.expected[SENDERS[0]][5].code]["sheet"] == "Sheet2"


def test_a_fault_on_such_a_sheet_stands_at_its_own_cell(run: Run) -> None:
    rows = right_rows(SENDERS[0])
    rows[5]["leader_phone"] = "0912xxxxxx"
    outcome = run({"2022-03-20/a.xlsx": _two_sheets(SENDERS[0], rows)})
    found = outcome.of_rule("phone.masked")
    assert [(f["sheet"], f["row"], f["cell"]) for f in found] == [("Sheet2", "2", "F2")]
    assert outcome.told() == [("2022-03-20/a.xlsx", "F2", "phone.masked")]


def test_odd_running_numbers_stop_no_run(run: Run) -> None:
    def shape(ordinals: list[str], sender: str, rows: list[Row]) -> bytes:
        lines = [[ordinal, *line[1:]] for ordinal, line in zip(ordinals, _lines(rows[:7]), strict=True)]
        return _book([_title(sender), HEADER, *lines[:4]], lines[4:])

    circled = ["1", "2", "3", "4", "①", "②", "³"]
    outcome = _sent(run, [partial(shape, circled), partial(shape, ["9" * 5000] * 7)])
    for sender in SENDERS[:2]:
        assert all(unit.code in outcome.rows for unit in ROUND.expected[sender][:7])


def test_the_line_that_our_form_shows_may_say_anything(run: Run) -> None:
    def shape(sender: str, rows: list[Row]) -> bytes:
        said = f"Mã đơn vị: {sender} | Đợt: {ROUND.id} | Bản số: {'9' * 5000}"
        return _book([[said], _title(sender), HEADER, *_lines(rows)])

    _reads_all(_sent(run, [shape]), 1)


def _shifted(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows[:4])], [line[1:] for line in _lines(rows[4:])])


def _other_order(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows[:4])], _lines(rows[4:], ["unit", *KEYS[2:4], "page_name"]))


def _one_column_more(sender: str, rows: list[Row]) -> bytes:
    return _book(
        [_title(sender), HEADER, *_lines(rows[:4])], [[*line, "0987000111"] for line in _lines(rows[4:], first=4)]
    )


def _names_alone(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows[:4])], _lines(rows[4:], KEYS[:2], first=4))


def _again(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), HEADER, *_lines(rows)], _lines(rows[2:]))


def test_a_sheet_whose_cells_do_not_bear_it_out_is_not_read_but_told(run: Run) -> None:
    outcome = _sent(run, [_shifted, _other_order, _one_column_more, _again, _names_alone])
    told = {f["submitter_code"]: f["sheet"] for f in outcome.of_rule("file.no-table")}
    assert told == dict.fromkeys(SENDERS[:3], "Sheet2")
    assert outcome.told(sender=SENDERS[3]) == []
    assert {rule for _, _, rule in outcome.told(sender=SENDERS[4])} == {"unit.missing"}


def test_a_word_table_goes_on_after_a_page_without_its_header(run: Run) -> None:
    def shape(sender: str, rows: list[Row]) -> bytes:
        return _word(*_title(sender), [HEADER, *_lines(rows[:4])], "", _lines(rows[4:], first=4))

    _reads_all(_sent(run, [shape], "docx"), 1)


# --- a page's name and address in one cell


def _in_one_cell(header: str, template: str) -> Shape:
    def shape(sender: str, rows: list[Row]) -> bytes:
        both = [row | {"page": template.format(name=row["page_name"], link=row["page_link"])} for row in rows]
        grid = _lines(both, ["unit", "page", *KEYS[3:]])
        return _book([_title(sender), ["TT", "Đơn vị", header, *BOTH], *grid])

    return shape


def test_a_page_in_one_cell(run: Run) -> None:
    shapes = [
        _in_one_cell("Tên Trang và đường link", "{name} {link}"),
        _in_one_cell("Trang cộng đồng (tên, link)", "{name}\n{link}"),
        _in_one_cell("Tên và địa chỉ Trang", "{link}\n{name}"),
        _in_one_cell("Trang cộng đồng", "“{name}”: {link}"),
        _in_one_cell("Địa chỉ Trang", "{name} ({link})"),
        _in_one_cell("Fanpage", "Tên Trang: {name}\nĐường link: {link}"),
        _in_one_cell("Tên Trang, địa chỉ liên kết", "- {name};\n- {link};"),
        _in_one_cell("Tên Trang, link", "{link} - {name}"),
        _in_one_cell("Link Trang", "{link} {name}"),
    ]
    _reads_all(_sent(run, shapes), len(shapes))


def _link_behind(header: list[str], keys: list[str], column: str) -> Shape:
    """The address is a hyperlink behind the page's name."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        grid = [_title(sender), header, *_lines([row | {"none": ""} for row in rows], keys)]
        links = [(f"{column}{number}", row["page_link"]) for number, row in enumerate(rows, start=3)]
        return _book(grid, links=links)

    return shape


def _in_the_wrong_column(template: str, filled: str, blank: str) -> Shape:
    """Some rows have both in one of the two columns; the other one is blank there."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        for row in rows[2:5]:
            row |= {filled: template.format(name=row["page_name"], link=row["page_link"]), blank: ""}
        return _book([_title(sender), HEADER, *_lines(rows)])

    return shape


def test_an_address_behind_the_name_or_in_its_column(run: Run) -> None:
    shapes = [
        _link_behind(HEADER, [*KEYS[:2], "none", *KEYS[3:]], "C"),
        _link_behind([*HEADER[:3], *BOTH], [*KEYS[:2], *KEYS[3:]], "C"),
        _in_the_wrong_column("{name} {link}", "page_name", "page_link"),
        _in_the_wrong_column("{link}\n{name}", "page_name", "page_link"),
        _in_the_wrong_column("{name}: {link}", "page_link", "page_name"),
    ]
    _reads_all(_sent(run, shapes), len(shapes))


def test_where_a_cell_does_not_surely_hold_both_it_is_told(run: Run) -> None:
    rows = right_rows(SENDERS[0])
    link, name = rows[2]["page_link"], rows[2]["page_name"]
    rows[2] |= {"page_link": f"{link} {link}.moi {name}", "page_name": ""}  # which one
    rows[3] |= {"page_link": "https://www.facebook.com/Mat tran Pu Nhi", "page_name": ""}  # an address with blanks
    rows[4] |= {"page_link": f"Đường link: {link}.4", "page_name": ""}
    rows[5] |= {"page_name": f"{link}.5", "page_link": ""}
    rows[6] |= {"page_link": f"{link}.6 (đang bị khóa)", "page_name": ""}  # a remark
    rows[7]["page_link"] = "không có"  # whatever was left behind the name
    grid = [_title(SENDERS[0]), HEADER, *_lines(rows)]
    outcome = run({"2022-03-20/a.xlsx": _book(grid, links=[("C10", link)])})
    told = [(cell, rule) for _, cell, rule in outcome.told()]
    assert told == [
        ("C5", "page-name.missing"),
        ("C6", "page-name.missing"),
        ("C7", "page-name.missing"),
        ("C8", "page-name.pattern"),
        ("C9", "page-name.missing"),
        ("D10", "link.missing"),
        ("D5", "link.invalid"),
        ("D6", "link.invalid"),
        ("D8", "link.missing"),
    ]


# --- labels down the left column, one column a unit


def _turned(grid: Grid) -> Grid:
    return [list(column) for column in zip(*grid, strict=True)]


def _columns_of_units(sender: str, rows: list[Row]) -> bytes:
    return _book([_title(sender), [], *_turned([HEADER[1:], *(line[1:] for line in _lines(rows))])])


def _numbered_columns(sender: str, rows: list[Row]) -> bytes:
    body = _turned([["STT", "", *HEADER[2:]], *_lines(rows)])
    return _book([_title(sender), *body, [], ["", "", "TM. BAN THƯỜNG TRỰC"], ["", "", "Lò A"]])


def _numbered_labels(sender: str, rows: list[Row]) -> bytes:
    body = _turned([["Nội dung", *HEADER[2:]], *(line[1:] for line in _lines(rows))])
    return _book([_title(sender), *([str(number), *line] for number, line in enumerate(body, start=1))])


def _under_headings(sender: str, rows: list[Row]) -> bytes:
    body = _turned([["Tên đơn vị", "Tên Trang", "Link"], *([row[key] for key in KEYS[:3]] for row in rows)])
    for heading, group in (("I. Lãnh đạo phụ trách", "leader"), ("II. Cán bộ quản lý, vận hành", "manager")):
        keys = [f"{group}_{part}" for part in ("name", "phone", "email")]
        body += [[heading], *_turned([[f"- {p}" for p in PERSON], *([row[key] for key in keys] for row in rows)])]
    return _book([_title(sender), *body])


def _in_two_label_columns(sender: str, rows: list[Row]) -> bytes:
    head = [["Đơn vị", ""], ["Tên Trang", ""], ["Địa chỉ liên kết", ""], ["Lãnh đạo phụ trách", PERSON[0]]]
    head += [["", PERSON[1]], ["", PERSON[2]], ["Cán bộ quản lý", PERSON[0]], ["", PERSON[1]], ["", PERSON[2]]]
    body = _turned([[row[key] for key in KEYS] for row in rows])
    return _book([_title(sender), *([*left, *line] for left, line in zip(head, body, strict=True))])


def _in_two_blocks(sender: str, rows: list[Row]) -> bytes:
    blocks = [_turned([HEADER[1:], *(line[1:] for line in _lines(some))]) for some in (rows[:6], rows[6:])]
    return _book([_title(sender), *blocks[0], [], *blocks[1]])


# --- one form below the other


def _told_of(row: Row) -> list[tuple[str, str]]:
    persons = [(whose, [row[f"{group}_{part}"] for part in ("name", "phone", "email")]) for group, whose in WHOSE]
    told = [(whose, " - ".join(person)) for whose, person in persons if any(person)]
    return [("Tên trang", row["page_name"]), ("Link", row["page_link"]), *told]


WHOSE = [("leader", "Lãnh đạo phụ trách"), ("manager", "Cán bộ quản lý")]


def _as_a_message(sender: str, rows: list[Row]) -> bytes:
    """As clerks write into a chat."""
    lines = ["Em gửi danh sách Trang cộng đồng ạ", *_title(sender)]
    for number, row in enumerate(rows, start=1):
        lines += ["", f"{number}. {row['unit']}", *(f"{label}: {value}" for label, value in _told_of(row))]
    return "\n".join(lines).encode()


def _forms_below_each_other(sender: str, rows: list[Row]) -> bytes:
    grid = [_title(sender)]
    for number, row in enumerate(rows, start=1):
        told = [("Đơn vị", row["unit"]), *_told_of(row)]
        grid += [[], *([str(number) if place == 0 else "", f"{k}:", v] for place, (k, v) in enumerate(told))]
    return _book(grid)


def _forms_under_names(sender: str, rows: list[Row]) -> bytes:
    grid = [_title(sender)]
    for row in rows:
        grid += [[], [f"UBMTTQ {row['unit'].upper()}"], *([label, value] for label, value in _told_of(row))]
    return _book(grid)


def test_one_form_below_the_other(run: Run) -> None:
    _reads_all(_sent(run, [_as_a_message, _forms_below_each_other, _forms_under_names]), 3)


def test_one_column_a_unit(run: Run) -> None:
    shapes = [
        _columns_of_units, _numbered_columns, _numbered_labels, _under_headings, _in_two_label_columns, _in_two_blocks
    ]  # fmt: skip
    _reads_all(_sent(run, shapes), len(shapes))


def test_a_form_for_one_unit_may_name_the_place_above_it(run: Run) -> None:
    sender = SENDERS[0]
    unit, row = ROUND.expected[sender][1], right_rows(sender)[1]
    body = [[label, row[key]] for label, key in zip(HEADER[1:7], KEYS[:6], strict=True)]
    body[0].append(ROUND.expected[sender][0].full_name)
    outcome = run({_file(sender): _book([["PHIẾU"], *body])})
    assert [u.code for u in ROUND.expected[sender] if outcome.rows[u.code]["status"] != "not-listed"] == [unit.code]
    assert outcome.rows[unit.code]["leader_email"] == row["leader_email"]


def test_a_form_for_one_unit_may_name_it_in_its_title_alone(run: Run) -> None:
    unit, row = ROUND.expected[SENDERS[0]][2], right_rows(SENDERS[0])[2]
    body = [[label, row[key]] for label, key in zip(HEADER[2:7], KEYS[1:6], strict=True)]
    title = f"ỦY BAN MTTQ VIỆT NAM {unit.full_name.upper()}"
    outcome = run({"2022-03-20/phieu.docx": _word(title, body)})
    assert {key: outcome.rows[unit.code][key] for key in KEYS[1:6]} == {key: row[key] for key in KEYS[1:6]}


def test_findings_of_such_a_sheet_stand_at_its_own_cells(run: Run) -> None:
    rows = right_rows(SENDERS[0])
    rows[3]["leader_phone"] = "0912xxxxxx"
    rows[4]["leader_name"] = rows[4]["page_link"] = ""
    rows[5]["unit"] = "Xã Không Tên"
    rows.append(rows[1])
    body = _turned([[*HEADER[1:], "Ghi chú"], *([*line[1:], "tốt"] for line in _lines(rows))])
    outcome = run({"2022-03-20/a.xlsx": _book([_title(SENDERS[0]), *body])})
    told = [(f["cell"], f["row"], f["rule"]) for f in outcome.findings if f["file"] and f["rule"] != "unit.missing"]
    assert sorted(told) == [
        ("A11", "11", "form.extra-column"),
        ("C2", "2", "unit.duplicate"),
        ("E6", "6", "phone.masked"),
        ("F4", "4", "link.missing"),
        ("F5", "5", "name.missing"),
        ("G2", "2", "unit.unknown"),
        ("O2", "2", "unit.duplicate"),
    ]
    assert "2 (C2), 2 (O2)" in outcome.of_rule("unit.duplicate")[0]["message"]


def test_a_person_merged_over_several_columns_speaks_for_each(run: Run) -> None:
    rows = right_rows(SENDERS[0])
    rows[3] |= {key: rows[2][key] for key in KEYS[3:6]}
    body = _turned([HEADER[1:], *(line[1:] for line in _lines(rows))])
    merges = tuple(f"D{row}:E{row}" for row in (5, 6, 7))
    outcome = run({"2022-03-20/a.xlsx": _book([_title(SENDERS[0]), *body], merges=merges)})
    assert outcome.told() == []
    units = ROUND.expected[SENDERS[0]]
    assert outcome.rows[units[3].code]["leader_email"] == rows[2]["leader_email"]


# --- headings between the rows in the place of a column

NGHE_AN = load_round("nghe-an-2022")
TOWNS = [code for code in NGHE_AN.submitting_units if len(NGHE_AN.expected[code]) < 30]
GROUPS = ["Cán bộ chuyên trách", "Cán bộ bán chuyên trách"]
CHANNELS = ["Facebook", "Zalo", "Fanpage"]
ANSWERS = [["có", "không", "có", "có", "có", "không"], ["x", "", "x", "", "x", "x"]]
SAID = [["có", "không", "có", "có", "có", "không"], ["có", "", "có", "", "có", "có"]]
PERSONS = ["Lò Văn Pánh", "Giàng Thị Dua", "Tòng Văn Xôm"]


def _people(town: str) -> list[tuple[str, str, str, int]]:
    """Unit, group, name and the number of the answers: three persons a unit."""
    groups = [GROUPS[0], GROUPS[0], GROUPS[1]]
    return [
        (unit.full_name, group, name, number % 2)
        for unit in NGHE_AN.expected[town]
        for number, (group, name) in enumerate(zip(groups, PERSONS, strict=True))
    ]


def _channels(*left: str) -> Grid:
    blank = [""] * len(left)
    return [[*blank, "Tham gia", "", "", "Tương tác với Mặt trận Nghệ An"], [*left, *CHANNELS, *CHANNELS]]


def _by_unit_and_group(mark_unit: str = "{}", mark_group: str = "{}", *, outer_groups: bool = False) -> Shape:
    def shape(town: str, _rows: list[Row]) -> bytes:
        grid = [[f"UBMTTQ {NGHE_AN.submitting_units[town].full_name.upper()}"], *_channels("TT", "Họ và tên")]
        last: list[str] = []
        people = sorted(_people(town), key=lambda one: GROUPS.index(one[1])) if outer_groups else _people(town)
        for number, (unit, group, name, answer) in enumerate(people, start=1):
            headings = [mark_group.format(group), mark_unit.format(unit)]
            headings = headings if outer_groups else headings[::-1]
            for place in range(2):
                if headings[: place + 1] != last[: place + 1]:
                    grid.append(["", headings[place]])
            last = headings
            grid.append([str(number), name, *ANSWERS[answer]])
        return _book(grid)

    return shape


def _by_group_beside_the_unit(town: str, _rows: list[Row]) -> bytes:
    grid = [[f"UBMTTQ {NGHE_AN.submitting_units[town].full_name.upper()}"], *_channels("TT", "Đơn vị", "Họ và tên")]
    for group in GROUPS:
        grid.append(["", group.upper()])
        grid += [["1", unit, name, *ANSWERS[n]] for unit, of, name, n in _people(town) if of == group]
    return _book(grid)


def _a_table_a_unit(mark: str) -> Shape:
    """Each unit with a header of its own, under its name."""

    def shape(town: str, _rows: list[Row]) -> bytes:
        grid: Grid = [[f"UBMTTQ {NGHE_AN.submitting_units[town].full_name.upper()}"]]
        for number, unit in enumerate(NGHE_AN.expected[town], start=1):
            people = [one for one in _people(town) if one[0] == unit.full_name]
            grid += [[], [mark.format(number=number, unit=unit.full_name)], *_channels("TT", "Họ và tên", "Đối tượng")]
            grid += [[str(n), name, of, *ANSWERS[a]] for n, (_, of, name, a) in enumerate(people, start=1)]
        return _book(grid)

    return shape


def _a_sheet_a_unit(town: str, _rows: list[Row]) -> bytes:
    """Each unit on a sheet of its own, under a letterhead of two lines."""
    district, sheets = NGHE_AN.submitting_units[town].full_name.upper(), []
    for number, unit in enumerate(NGHE_AN.expected[town]):
        people = [one for one in _people(town) if one[0] == unit.full_name]
        head = [[f"UBMTTQ {unit.full_name.upper()}"], [district]][number % 2 :]  # or the sheet's name alone tells
        grid = [*head, *_channels("TT", "Họ và tên", "Đối tượng")]
        sheets.append([*grid, *([str(n), name, of, *ANSWERS[a]] for n, (_, of, name, a) in enumerate(people, start=1))])
    return _book(*sheets, names=tuple(unit.full_name for unit in NGHE_AN.expected[town]))


def _under_a_band(words: str) -> Shape:
    """A third row of the header above the other two."""

    def shape(town: str, _rows: list[Row]) -> bytes:
        left = ["TT", "Đơn vị", "Họ và tên", "Đối tượng"]
        band, (parts, channels) = [*left, words], _channels(*left)
        grid = [["DANH SÁCH"], band, parts, ["", "", "", "", *channels[4:]]]
        return _book([*grid, *(["1", unit, name, of, *ANSWERS[n]] for unit, of, name, n in _people(town))])

    return shape


def _by_hamlet(mark: str) -> Shape:
    """The commune stands behind one of its hamlets."""

    def shape(town: str, _rows: list[Row]) -> bytes:
        grid = [["DANH SÁCH"], *_channels("TT", "Đơn vị", "Họ và tên", "Đối tượng")]
        of_commune = {unit.full_name for unit in NGHE_AN.expected[town] if unit.level == "commune"}
        for unit, of, name, n in _people(town):
            grid.append(["1", mark.format(unit) if unit in of_commune else unit, name, of, *ANSWERS[n]])
        return _book(grid)

    return shape


def _channels_above(town: str, _rows: list[Row]) -> bytes:
    left, parts = ["TT", "Đơn vị", "Họ và tên", "Đối tượng"], ["Tham gia", "Tương tác"]
    grid = [["DANH SÁCH"], [*left, *(text for name in CHANNELS for text in (name, ""))], ["", "", "", "", *parts * 3]]
    order = [place for channel in range(3) for place in (channel, channel + 3)]
    return _book(
        [*grid, *(["1", unit, name, of, *(ANSWERS[n][p] for p in order)] for unit, of, name, n in _people(town))]
    )


def _persons_of(outcome: Outcome, town: str) -> list[list[str]]:
    keys = ["unit", "group", "full_name", *NGHE_AN.form.keys[4:10]]
    with (outcome.folder / "ket-qua" / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        return sorted([row[k] for k in keys] for row in csv.DictReader(file) if row["submitter_code"] == town)


def test_units_groups_and_channels_wherever_they_are_said(run: Run) -> None:
    shapes = [
        _by_unit_and_group(),
        _by_unit_and_group("I. {}", "1. {}:"),
        _by_unit_and_group("- {}", "{} (03 người)", outer_groups=True),
        _by_group_beside_the_unit,
        _a_table_a_unit("{number}. {unit}"),
        _a_table_a_unit("Đơn vị: UBMTTQ {unit}"),
        _under_a_band("Kết quả tham gia mạng xã hội"),
        _under_a_band("KẾT QUẢ"),
        _under_a_band("Tham gia và tương tác trên mạng xã hội"),
        _a_sheet_a_unit,
        _channels_above,
        _by_hamlet("Xóm 3, {}"),
        _by_hamlet("Ban công tác Mặt trận khối 2 ({})"),
        _by_hamlet("TDP 1\n{}"),
    ]
    towns = TOWNS[: len(shapes)]
    files = {f"2022-02-20/{n}.xlsx": shape(towns[n], []) for n, shape in enumerate(shapes)}
    outcome = run(files, round="nghe-an-2022", as_of="2022-02-25")
    for place, town in enumerate(towns):
        assert outcome.told(sender=town) == [], f"shape {place}"
        said = sorted([unit, group, name, *SAID[n]] for unit, group, name, n in _people(town))
        assert _persons_of(outcome, town) == said, f"shape {place}"


def test_a_heading_that_nobody_knows_does_not_pass_for_the_one_before(run: Run) -> None:
    town = TOWNS[0]
    units = [unit.full_name for unit in NGHE_AN.expected[town]]
    grid = [[f"UBMTTQ {NGHE_AN.submitting_units[town].full_name.upper()}"], *_channels("TT", "Họ và tên")]
    for unit, group in ((units[0], GROUPS[0]), ("Xã Không Tên Nào", GROUPS[0]), (units[1], "Cán bộ biệt phái")):
        grid += [["", unit], ["", group], ["1", "Lò Văn Pánh", *ANSWERS[0]], ["2", "Giàng Thị Dua"]]
    outcome = run({"2022-02-20/a.xlsx": _book(grid)}, round="nghe-an-2022", as_of="2022-02-25")
    told = [(f["cell"], f["rule"], f["value"]) for f in outcome.findings if f["cell"] and f["severity"] == "error"]
    assert told == [("B8", "unit.unknown", "Xã Không Tên Nào"), ("B13", "choice.invalid", "Cán bộ biệt phái")]


def _pages_under_headings(sender: str, rows: list[Row]) -> bytes:
    grid: Grid = [_title(sender), ["TT", "Tên Trang", "Link", *BOTH]]
    for number, row in enumerate(rows):
        grid += [[str(number), row["unit"].upper()], ["", *(row[key] for key in KEYS[1:])]]
    return _book(grid)


def _a_page_under_each_name(sender: str, rows: list[Row]) -> bytes:
    """Each unit with a header of its own, under its name."""
    header = ["Tên Trang", "Link", *BOTH]
    tables = [[[], [f"{n}. {row['unit']}"], header, [row[key] for key in KEYS[1:]]] for n, row in enumerate(rows)]
    return _book([_title(sender), *(line for table in tables for line in table)])


def _persons_parts_below(sender: str, rows: list[Row]) -> bytes:
    """What is told of the persons stands above of whom it is told."""
    above = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", *(text for part in PERSON for text in (part, ""))]
    below = ["", "", "", "", *["Lãnh đạo phụ trách", "Cán bộ quản lý, vận hành"] * 3]
    keys = [*KEYS[:3], *(key for place in range(3) for key in (KEYS[3 + place], KEYS[6 + place]))]
    return _book([_title(sender), above, below, *_lines(rows, keys)])


def test_each_unit_as_a_heading_above_its_page(run: Run) -> None:
    _reads_all(_sent(run, [_pages_under_headings, _a_page_under_each_name]), 2)


def test_a_header_the_other_way_round(run: Run) -> None:
    _reads_all(_sent(run, [_persons_parts_below]), 1)


def test_one_heading_above_pages_of_many_units_names_none_of_them(run: Run) -> None:
    sender = SENDERS[0]
    rows = right_rows(sender)
    grid: Grid = [_title(sender), ["TT", "Tên Trang", "Link", *BOTH], ["", rows[0]["unit"].upper()]]
    grid += [[str(n), *(row[key] for key in KEYS[1:])] for n, row in enumerate(rows[1:], start=1)]
    outcome = run({_file(sender): _book(grid)})
    assert outcome.told() == [(_file(sender), "", "form.missing-column")]


# --- one list on two sheets


def _apart(first: list[str], second: list[str], *, back: bool = False, without: int = 0) -> Shape:
    """Two sheets that name the same units, each with columns of its own."""
    words = dict(zip(KEYS, HEADER[1:], strict=True))

    def shape(sender: str, rows: list[Row]) -> bytes:
        sheets = [
            [
                _title(sender) if place == 0 else ["DANH SÁCH"],
                ["TT", *(words[key] for key in keys)],
                *_lines(some, keys),
            ]
            for place, (keys, some) in enumerate([(first, rows), (second, rows[without:][:: -1 if back else 1])])
        ]
        return _book(*sheets, names=("Trang", "Cán bộ"))

    return shape


def _on_three_sheets(sender: str, rows: list[Row]) -> bytes:
    leaders = [[f"MTTQ {row['unit'].lower()}", *(row[key] for key in KEYS[3:6])] for row in rows]
    managers = [[row["unit"].upper(), *(row[key] for key in KEYS[6:])] for row in rows]
    pages = [_title(sender), HEADER[:4], *_lines(rows, KEYS[:3])]
    return _book([["Lãnh đạo"], ["Đơn vị", *BOTH[:3]], *leaders], pages, [["Đơn vị", *BOTH[3:]], *managers])


def _sheets_named_by_part(sender: str, rows: list[Row]) -> bytes:
    """Only the sheets' names say whose the numbers are."""
    pages = [_title(sender), HEADER[:4], *_lines(rows, KEYS[:3])]
    leaders, managers = (
        [["Đơn vị", *PERSON], *([row[key] for key in ["unit", *keys]] for row in rows)]
        for keys in (KEYS[3:6], KEYS[6:])
    )
    return _book(pages, leaders, managers, names=("Trang", "Lãnh đạo phụ trách", "Cán bộ quản lý"))


def test_pages_and_persons_on_two_sheets(run: Run) -> None:
    shapes = [
        _sheets_named_by_part,
        _apart(KEYS[:3], ["unit", *KEYS[3:]]),
        _apart(["unit", *KEYS[3:]], KEYS[:3], back=True),
        _apart(KEYS[:3], ["unit", "page_name", *KEYS[3:]]),
        _apart(KEYS[:6], ["unit", *KEYS[6:]]),
        _on_three_sheets,
    ]
    _reads_all(_sent(run, shapes), len(shapes))


def test_findings_of_joined_rows_stand_at_the_sheet_that_holds_the_cell(run: Run) -> None:
    sender, rows = SENDERS[0], right_rows(SENDERS[0])
    rows[3]["leader_phone"] = "0912xxxxxx"
    rows[4]["leader_name"], rows[5]["leader_email"] = "", "#REF!"
    rows[6]["page_link"] = ""
    rows[7] |= {"leader_name": "nt", "leader_phone": "nt", "leader_email": "nt"}
    outcome = run({_file(sender): _apart(KEYS[:3], ["unit", *KEYS[3:]])(sender, rows)})
    told = [(f["sheet"], f["cell"], f["row"], f["rule"]) for f in outcome.findings if f["submitter_code"] == sender]
    assert told == [
        ("Cán bộ", "D6", "6", "phone.masked"),
        ("Cán bộ", "C7", "7", "name.missing"),
        ("Cán bộ", "E8", "8", "cell.error-value"),
        ("Trang", "D9", "9", "link.missing"),
        *(("Cán bộ", f"{column}10", "10", "cell.repaired") for column in "CDE"),
    ]
    marked = openpyxl.load_workbook(outcome.sender_folder(sender) / "phieu-sua.xlsx").worksheets
    notes = [(cell.value or "") for sheet in marked for row in sheet.iter_rows() for cell in row if cell.comment]
    assert notes == ["0912xxxxxx", "", "#REF!", ""]


def test_a_unit_on_one_of_the_sheets_alone_lacks_what_the_other_one_tells(run: Run) -> None:
    sender = SENDERS[0]
    outcome = run({_file(sender): _apart(KEYS[:3], ["unit", *KEYS[3:]], without=2)(sender, right_rows(sender))})
    told = {(f["sheet"], f["cell"], f["rule"], f["unit_code"]) for f in outcome.findings if f["file"]}
    assert told == {
        ("Trang", "B3", "contact.missing", sender),
        ("Trang", "B4", "contact.missing", ROUND.expected[sender][1].code),
    }


def test_sheets_that_do_not_belong_together_are_not_joined(run: Run) -> None:
    def twice(sender: str, rows: list[Row]) -> bytes:
        return _apart(KEYS[:3], ["unit", *KEYS[3:6]])(sender, [*rows, rows[3]])

    def of_others(sender: str, rows: list[Row]) -> bytes:
        return _apart(KEYS[:3], ["unit", *KEYS[3:6]], without=8)(sender, rows)

    outcome = _sent(run, [twice, of_others])
    assert {f["submitter_code"]: f["sheet"] for f in outcome.of_rule("file.no-table")} == dict.fromkeys(
        SENDERS[:2], "Cán bộ"
    )


# --- a unit that its own cell puts elsewhere


def test_a_commune_typed_with_another_district_is_told(run: Run) -> None:
    """Quế Phong and Tân Kỳ both have a commune Đồng Văn; Quỳ Châu has a Châu Tiến, Tân Kỳ has none."""
    units = {"415": "Huyện Quế Phong", "416": "Huyện Quỳ Châu"}
    typed = {
        "415": ["Xã Đồng Văn, huyện Tân Kỳ", "Xã Mường Nọc (huyện Quế Phong, tỉnh Nghệ An)"],
        "416": ["Xã Châu Tiến - huyện Tân Kỳ", "Xã Châu Bính, tỉnh Nghệ An"],
    }
    header = ["TT", "Đơn vị", "Đối tượng", "Họ và tên", *(f"Tham gia {channel}" for channel in CHANNELS)]
    header += [f"Tương tác {channel}" for channel in CHANNELS]
    files = {}
    for sender, own in units.items():
        rows = [[str(n), unit, GROUPS[0], PERSONS[n], *ANSWERS[0]] for n, unit in enumerate([own, *typed[sender]])]
        files[f"2022-02-20/{sender}.xlsx"] = _book([[f"UBMTTQ {own.upper()}"], header, *rows])
    outcome = run(files, round="nghe-an-2022", as_of="2022-02-25")
    told = [(f["cell"], f["severity"], f["rule"], f["suggestion"]) for f in outcome.findings if f["column"] == "unit"]
    assert told == [
        ("B4", "error", "unit.wrong-parent", "Xã Đồng Văn"),
        ("B4", "warning", "unit.spelling", "Xã Châu Tiến"),
    ]
    assert "thuộc Huyện Tân Kỳ, không thuộc Huyện Quế Phong" in outcome.of_rule("unit.wrong-parent")[0]["message"]
    assert "thuộc Huyện Quỳ Châu, không thuộc Huyện Tân Kỳ" in outcome.of_rule("unit.spelling")[0]["message"]


# --- the level word in a column of its own


def _level_word_apart(header: list[str], merges: tuple[str, ...] = ()) -> Shape:
    def shape(sender: str, rows: list[Row]) -> bytes:
        grid: Grid = [_title(sender), ["TT", *header, *HEADER[2:]]]
        for number, unit in enumerate(ROUND.expected[sender]):
            word = unit.full_name.removesuffix(unit.name).strip()
            grid.append([str(number), word, unit.name, *(rows[number][key] for key in KEYS[1:])])
        return _book(grid, merges=merges)

    return shape


def test_the_level_word_in_a_column_of_its_own_belongs_to_the_name(run: Run) -> None:
    """Mường Nhé, Mường Chà, Tủa Chùa: in each a district and a commune are called so."""
    shapes = [
        _level_word_apart(["Đơn vị", ""], merges=("B2:C2",)),
        _level_word_apart(["Loại", "Tên đơn vị"]),
        _level_word_apart(["Cấp", "Xã, phường, thị trấn"]),
        _level_word_apart(["", "Đơn vị"]),
    ]
    senders = [code for code in SENDERS if code in ("096", "097", "098", "099")]
    files = {
        _file(s): shape(s, [r | {"page_name": ""} for r in right_rows(s)])
        for s, shape in zip(senders, shapes, strict=True)
    }
    outcome = run(files)
    told = {(f["submitter_code"], f["rule"]) for f in outcome.findings if f["file"]}
    assert told == {(sender, "page-name.missing") for sender in senders}


# --- headers in words of their senders' own


def _headed(header: list[str], *extra: str) -> Shape:
    def shape(sender: str, rows: list[Row]) -> bytes:
        grid = [[*line, *extra] for line in _lines(rows)]
        return _book([_title(sender), [*header, *extra], *grid])

    return shape


def _persons(leads: str, manages: str) -> list[str]:
    return [f"{part} {whose}" for whose in (leads, manages) for part in ("Họ và tên", "SĐT", "Email")]


def test_a_header_may_say_more_of_its_columns_than_the_form(run: Run) -> None:
    """What a person does may be said in any words between those of the form; many columns may be beside the form's."""
    further = ("Ghi chú", "Số người theo dõi", "Ngày thành lập", "Năm sinh", "Trình độ")
    pages = [
        ["TT", "Cơ quan, đơn vị", "Tên trang", "Link"],
        ["TT", "Ủy ban MTTQ các cấp", "Tên trang", "URL của Trang"],
        ["TT", "Đơn vị/Địa phương", "Tên tài khoản Facebook của đơn vị", "Link"],
        ["TT", "UB MTTQ", "Fanpage của đơn vị", "Link kết nối"],
        ["TT", "Tên cơ quan, đơn vị", "Tên Trang sau khi đổi", "Đường link đến Trang"],
    ]
    persons = [
        _persons("lãnh đạo trực tiếp phụ trách", "cán bộ được giao quản trị, vận hành"),
        _persons("thường trực phụ trách", "quản trị viên (Admin)"),
        _persons("lãnh đạo MTTQ phụ trách", "chuyên viên quản lý"),
        _persons("lãnh đạo chịu trách nhiệm nội dung", "cán bộ, công chức quản lý"),
        _persons("chủ tịch/phó chủ tịch phụ trách", "cán bộ kỹ thuật, vận hành"),
    ]
    heads = [[*page, *both] for page, both in zip(pages, persons, strict=True)]
    outcome = _sent(run, [_headed(head, *further[: 2 + place % 4]) for place, head in enumerate(heads)])
    _reads_all(outcome, len(heads))


def test_persons_that_the_form_does_not_ask_for_take_nobodys_place(run: Run) -> None:
    whose = ["Chủ tịch", "Lãnh đạo phụ trách", "Cán bộ quản lý, vận hành"]
    upper = [*HEADER[:4], *(text for who in whose for text in (who, "", ""))]
    lower = ["", "", "", "", *3 * PERSON]

    def shape(sender: str, rows: list[Row]) -> bytes:
        grid = [[*line[:4], "Lò Văn Chủ", "0911111111", "ct@gmail.com", *line[4:]] for line in _lines(rows)]
        return _book([_title(sender), upper, lower, *grid], merges=("E2:G2", "H2:J2", "K2:M2"))

    _reads_all(_sent(run, [shape]), 1)


def test_a_sign_or_a_number_in_a_header_does_not_make_it_data(run: Run) -> None:
    extra = ["Ghi chú @", "Số CCCD 012345678901", "Mã số 2021-123456", "Hòm thư 123456789@"]
    shapes = [_headed(HEADER, text) for text in extra]
    shapes += [_headed([*HEADER[:6], text, *HEADER[7:]]) for text in ("E-mail: @", "Hộp thư điện tử @mttq.gov.vn")]
    _reads_all(_sent(run, shapes), len(shapes))


# --- numbers and headings of rows


def _numbered(mark: Callable[[int], str]) -> Shape:
    """Every unit with a number before its name, in the same cell."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        marked = [row | {"unit": f"{mark(number)}{row['unit']}"} for number, row in enumerate(rows, start=1)]
        return _book([_title(sender), HEADER[1:], *(line[1:] for line in _lines(marked))])

    return shape


def _roman(number: int) -> str:
    tens, ones = divmod(number, 10)
    return "X" * tens + ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"][ones]


def test_any_number_may_stand_before_a_unit(run: Run) -> None:
    shapes = [
        _numbered(mark) for mark in (lambda n: f"{_roman(n)}. ", lambda n: f"{_roman(n + 10)}. ", lambda n: f"{n}) ")
    ]
    _reads_all(_sent(run, shapes), len(shapes))


def _grouped(*headings: list[str]) -> Shape:
    """Headings between the rows, in the columns of number and unit."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        lines, step = _lines(rows), -(-len(rows) // len(headings))
        parts = [lines[place : place + step] for place in range(0, len(rows), step)]
        grid = [line for heading, part in zip(headings, parts, strict=False) for line in [heading, *part]]
        return _book([_title(sender), HEADER, *grid])

    return shape


def test_a_heading_with_a_number_that_groups_units_is_none(run: Run) -> None:
    headings = [
        [["1", "Cụm số 1"], ["2", "Cụm số 2"], ["3", "Cụm số 3"]],
        [["I", "Các xã vùng cao"], ["II", "Các xã vùng thấp"]],
        [["A", "Khối huyện"], ["B", "Khối xã, thị trấn"]],
        [["I", "Thị trấn"], ["II", "Xã"]],
        [["I", "Các đơn vị đã thành lập Trang"], ["II", "Các đơn vị còn lại"]],
    ]
    _reads_all(_sent(run, [_grouped(*texts) for texts in headings]), len(headings))


def test_counts_below_the_total_are_no_rows(run: Run) -> None:
    below = [
        [["", "Tổng cộng", "13", "13"], ["", "Trong đó:"], ["", "Cấp huyện", "1", "1"], ["", "Cấp xã", "12", "12"]],
        [["", "Tổng số", "13"], ["", "Trong đó: cấp xã", "12"]],
        [["", "Cộng", "13"], ["I", "Cấp huyện", "1"], ["II", "Cấp xã", "12"]],
    ]

    def over(rows_below: Grid) -> Shape:
        return lambda sender, rows: _book([_title(sender), HEADER, *_lines(rows), *rows_below])

    _reads_all(_sent(run, [over(rows) for rows in below]), len(below))


def test_a_section_row_of_blank_marks_is_the_districts_own(run: Run) -> None:
    """`I. Cap huyen` filled with `x` is a district without a page; empty, or of the communes, it is a heading."""
    sender, other = SENDERS[:2]
    marks = ["x", "không", "ko", "……", "-", "x", "x", "x"]

    def book(code: str, first: list[str], second: list[str]) -> bytes:
        rows = [row | {"unit": ""} if place == 0 else row for place, row in enumerate(right_rows(code))]
        return _book([_title(code), HEADER, ["I", "Cấp huyện", *first], ["II", "Cấp xã", *second], *_lines(rows[1:])])

    outcome = run({_file(sender): book(sender, marks, marks), _file(other): book(other, [], [])})
    assert outcome.told(sender=sender) == []
    assert outcome.told(sender=other) == [("", "", "unit.missing")]
    assert (outcome.rows[sender]["status"], outcome.rows[other]["status"]) == ("no-page", "not-listed")


# --- what stands beside


def _side_by_side(*below: list[str]) -> Shape:
    """Five rows on the left, the others on the right; under the left ones stands what ends a table."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        left, right = [*_lines(rows[:5]), *below], _lines(rows[5:], first=6)
        grid = [
            [*(left[place] if place < len(left) else []), *[""] * 11][:11]
            + (right[place] if place < len(right) else [])
            for place in range(max(len(left), len(right)))
        ]
        return _book([_title(sender), [*HEADER, "", *HEADER], *grid])

    return shape


def test_what_stands_below_one_table_says_nothing_of_the_one_beside_it(run: Run) -> None:
    below = [[["", "Tổng cộng", "5", "5"]], [["", "Người lập biểu"]], [["Nơi nhận:"], ["- Như trên;"]], [["6"], ["7"]]]
    _reads_all(_sent(run, [_side_by_side(*rows) for rows in below]), len(below))


def _with_parts(column: str, parts: tuple[str, str], *, leader_first: bool) -> Shape:
    """Two rows a unit, one for each person; what he does stands beside his name."""

    def shape(sender: str, rows: list[Row]) -> bytes:
        grid: Grid = [_title(sender), ["TT", *HEADER[1:4], column, *PERSON]]
        for number, row in enumerate(rows, start=1):
            persons = [
                [part, *(row[key] for key in keys)] for part, keys in zip(parts, (KEYS[3:6], KEYS[6:]), strict=True)
            ]
            first, second = persons if leader_first else reversed(persons)
            grid += [[str(number), *(row[key] for key in KEYS[:3]), *first], ["", "", "", "", *second]]
        return _book(grid)

    return shape


def test_what_a_person_does_stands_beside_the_name(run: Run) -> None:
    shapes = [
        _with_parts(column, parts, leader_first=leader_first)
        for leader_first in (True, False)
        for column, parts in [
            ("Nhiệm vụ", ("Lãnh đạo phụ trách", "Cán bộ quản lý, vận hành")),
            ("Phân công", ("Phụ trách", "Quản lý, vận hành")),
        ]
    ]
    outcome = _sent(run, [*shapes, _alone_in_part])
    _reads_all(outcome, len(shapes))
    assert not outcome.of_rule("form.extra-column")
    sender = SENDERS[len(shapes)]
    for unit, row in zip(ROUND.expected[sender][1:], right_rows(sender)[1:], strict=True):
        got = outcome.rows[unit.code]
        assert [got[key] for key in KEYS[3:]] == ["", "", "", *(row[key] for key in KEYS[6:])], unit.full_name


def _alone_in_part(sender: str, rows: list[Row]) -> bytes:
    """One row a unit: whoever manages its page."""
    lines = [[*line[:4], "Quản lý, vận hành", *line[7:]] for line in _lines(rows)]
    return _book([_title(sender), [*HEADER[:4], "Nhiệm vụ", *PERSON], *lines])


def test_unit_and_page_may_be_said_again_for_the_second_person(run: Run) -> None:
    def shape(sender: str, rows: list[Row]) -> bytes:
        grid: Grid = [_title(sender), [*HEADER[:4], "Nhiệm vụ", *PERSON]]
        for row in rows:
            for group, part in (("leader", "Lãnh đạo phụ trách"), ("manager", "Cán bộ quản lý")):
                person = [row[f"{group}_{kind}"] for kind in ("name", "phone", "email")]
                grid += [[str(len(grid)), *(row[key] for key in KEYS[:3]), part, *person]] if any(person) else []
        return _book(grid)

    _reads_all(_sent(run, [shape]), 1)


def test_a_position_beside_a_name_is_no_part(run: Run) -> None:
    """The header says whose the columns are; of a person it does not name, the column beside the name tells."""

    def one_person(position: str, keys: list[str], header: list[str]) -> Shape:
        def shape(sender: str, rows: list[Row]) -> bytes:
            lines = [[*line[:4], position, *line[4:7]] for line in _lines([r | _as_leader(r, keys) for r in rows])]
            return _book([_title(sender), [*HEADER[:4], "Chức vụ", *header], *lines])

        return shape

    shapes = [
        one_person("Cán bộ", KEYS[3:6], BOTH[:3]),
        one_person("Chuyên viên", KEYS[3:6], BOTH[:3]),
        one_person("Lãnh đạo", KEYS[6:], BOTH[3:]),
        one_person("Cán bộ", KEYS[3:6], [f"{part} người phụ trách" for part in PERSON]),
    ]
    outcome = _sent(run, shapes)
    for sender, keys in zip(SENDERS, (KEYS[3:6], KEYS[3:6], KEYS[6:], KEYS[3:6]), strict=False):
        for unit, row in zip(ROUND.expected[sender][1:], right_rows(sender)[1:], strict=True):
            got = outcome.rows[unit.code]
            assert [got[key] for key in keys] == [row[key] for key in KEYS[3:6]], (sender, unit.full_name)


def _as_leader(row: Row, keys: list[str]) -> Row:
    """The cells of a row's leader, whoever its header says that he is."""
    return {} if keys == KEYS[3:6] else {key: row[key] for key in KEYS[3:6]}


def test_further_columns_for_an_office_or_for_somebody_take_nobodys_place(run: Run) -> None:
    def shape(text: str, value: str, place: int) -> Shape:
        def made(sender: str, rows: list[Row]) -> bytes:
            grid = [[*line[:place], value, *line[place:]] for line in _lines(rows)]
            return _book([_title(sender), [*HEADER[:place], text, *HEADER[place:]], *grid])

        return made

    shapes = [
        shape("Đầu mối liên hệ", "Văn phòng", 7), shape("SĐT đầu mối", "0912345678", 7),
        shape("Email công chức", "cc@gmail.com", 4), shape("Số điện thoại cán bộ", "0912345678", 4),
    ]  # fmt: skip
    _reads_all(_sent(run, shapes), len(shapes))


def test_the_second_person_of_a_unit_may_be_its_chair(run: Run) -> None:
    """`Pho Chu tich` beside a name is a position, below a table a signature."""

    def shape(column: int) -> Shape:
        def made(sender: str, rows: list[Row]) -> bytes:
            grid: Grid = [_title(sender), [*HEADER[:4], *PERSON]]
            for number, row in enumerate(rows, start=1):
                grid.append([str(number), *(row[key] for key in KEYS[:6])])
                grid.append(["", "", "", "", *(row[key] for key in KEYS[6:])] if row["manager_name"] else [])
            for line, position in zip(grid[1:], ["Chức vụ", *("Ủy viên", "Phó Chủ tịch") * len(rows)], strict=True):
                if line:
                    line.insert(column, position)
            return _book(grid)

        return made

    _reads_all(_sent(run, [shape(4), shape(7)]), 2)


# --- what stands below the list

EXAMPLE = [
    "I", "Cấp tỉnh", "Mặt trận Điện Biên", "https://www.facebook.com/Mat-tran-Dien-Bien", "Lò Văn Bình - Phó Chủ tịch",
    "0912.....", "binh@gmail.com", "Vừ Văn Xuân", "0969.....", "xuan@gmail.com",
]  # fmt: skip
BELOW: list[Grid] = [
    [["* Ví dụ:"], HEADER, EXAMPLE],
    [[], ["", "TM. BAN THƯỜNG TRỰC"], [], ["Ví dụ"], EXAMPLE],
    [["", "VD:"], HEADER, ["I", "Cấp huyện", *EXAMPLE[2:]], ["1", "Xã Ví Dụ", *EXAMPLE[2:]]],
    [
        [],
        ["III. Khó khăn, vướng mắc"],
        ["1", "Cán bộ lớn tuổi"],
        ["2", "Đường truyền yếu"],
        ["IV. Đề xuất"],
        ["", "Mở lớp"],
    ],
    [["TT", "Khó khăn", "Kiến nghị"], ["1", "Thiếu máy tính", "Trang bị thêm"]],
    [
        [],
        ["BẢNG TỔNG HỢP"],
        ["TT", "Cấp", "Số Trang", "Tỷ lệ"],
        ["1", "Cấp huyện", "1", "100%"],
        ["2", "Cấp xã", "9", "90%"],
    ],
]


def test_examples_and_other_tables_below_the_list_are_no_rows(run: Run) -> None:
    def above(below: Grid) -> Shape:
        return lambda sender, rows: _book([_title(sender), HEADER, *_lines(rows), *below])

    _reads_all(_sent(run, [above(below) for below in BELOW]), len(BELOW))


def test_after_an_example_the_list_may_go_on(run: Run) -> None:
    def numbered(sender: str, rows: list[Row]) -> bytes:
        lines = _lines(rows)
        return _book([_title(sender), HEADER, *lines[:4], ["Ví dụ:"], EXAMPLE, *lines[4:]])

    def in_sections(sender: str, rows: list[Row]) -> bytes:
        own, *communes = _lines(rows)
        return _book(
            [_title(sender), HEADER, ["I", "Cấp huyện", *own[2:]], ["VD"], EXAMPLE, ["II", "Cấp xã"], *communes]
        )

    def without_one(sender: str, rows: list[Row]) -> bytes:
        lines = _lines(rows)
        return _book([_title(sender), HEADER, *lines[:-1], ["Mẫu"], lines[-1]])

    def in_annexes(sender: str, rows: list[Row]) -> bytes:
        told = ["Tên Trang: Mặt trận Nậm Pồ", "Họ tên: Lò Văn Bình - 0912....."]
        annexes = [[["PHỤ LỤC"], HEADER, line, ["* Ví dụ:"], *([text] for text in told), []] for line in _lines(rows)]
        return _book([_title(sender), *(line for annex in annexes for line in annex)])

    _reads_all(_sent(run, [numbered, in_sections, in_annexes, without_one]), 4)


def test_a_header_between_the_rows_does_not_end_the_list(run: Run) -> None:
    def broken(words: list[str]) -> Shape:
        return lambda sender, rows: _book([_title(sender), HEADER, *_lines(rows)[:4], words, *_lines(rows)[4:]])

    _reads_all(_sent(run, [broken(["TT", "Cấp xã"])]), 1)


def test_the_pages_own_columns_go_before_those_of_other_sites(run: Run) -> None:
    def under(first: list[str], second: list[str], other: str) -> Shape:
        def shape(sender: str, rows: list[Row]) -> bytes:
            header = [["TT", "Đơn vị", first[0], "", second[0], "", *BOTH], ["", "", *first[1:], *second[1:]]]
            lines = [[*line[:2], "Nhóm", f"{other}/{line[0]}", *line[2:]] for line in _lines(rows)]
            return _book([_title(sender), *header, *lines])

        return shape

    page = ["Fanpage Facebook", "Tên Trang", "Địa chỉ liên kết"]
    shapes = [
        under(["Zalo", "Tên nhóm", "Link"], page, "https://zalo.me/g"),
        under(["Trang thông tin điện tử", "Tên", "Địa chỉ"], page, "https://dienbien.gov.vn"),
    ]
    _reads_all(_sent(run, shapes), 2)

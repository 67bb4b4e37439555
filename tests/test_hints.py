"""Lists filled as their sender was shown: headers with an example or a hint in them, rows that only show how."""

from __future__ import annotations

from building import KEYS, ROUND, right_rows, workbook_of
from conftest import Run

HEADER = [
    "TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết",
    *(f"{part} lãnh đạo phụ trách" for part in ("Họ và tên", "Số điện thoại", "Email")),
    *(f"{part} cán bộ quản lý" for part in ("Họ và tên", "Số điện thoại", "Email")),
]  # fmt: skip
LONG = [
    "Số thứ tự (1)",
    "Tên đơn vị (huyện, thị xã, thành phố; xã, phường, thị trấn) (2)",
    "Tên Trang cộng đồng Facebook của Mặt trận (ghi đúng tên hiện trên trang) (3)",
    "Đường link (địa chỉ) của Trang, ghi đầy đủ https:// (4)",
    "Họ và tên đồng chí lãnh đạo phụ trách trang (5)",
    "Số điện thoại của đồng chí lãnh đạo (ghi một số đang dùng, đủ mười chữ số, bắt đầu bằng số 0, "
    "không ghi số máy bàn của cơ quan hoặc của người khác) (6)",
    "Email của đồng chí lãnh đạo (7)",
    "Họ tên cán bộ trực tiếp quản lý, vận hành trang (8)",
    "Điện thoại cán bộ quản lý, vận hành (9)",
    "Gmail cán bộ quản lý, vận hành (10)",
]  # fmt: skip
UPPER = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", "Lãnh đạo phụ trách", "", "", "Cán bộ quản lý, vận hành"]
LOWER = ["", "", "", "", *2 * ["Họ và tên", "Số điện thoại", "Email"]]


def _with(place: int, text: str, header: list[str] | None = None) -> list[str]:
    header = header or HEADER
    return [*header[:place], text, *header[place + 1 :]]


def test_an_example_in_a_header_is_part_of_the_header(run: Run) -> None:
    heads = [
        [_with(6, "Email lãnh đạo phụ trách (ví dụ: abc@gmail.com)")],
        [_with(5, "Số điện thoại lãnh đạo phụ trách VD: 0912345678")],
        [_with(3, "Link Trang (www.facebook.com/...)")],
        [_with(3, "Link facebook.com")],
        [_with(3, "Địa chỉ liên kết (ghi đầy đủ, ví dụ https://www.facebook.com/abc)")],
        [LONG],
        [UPPER, _with(6, "Email\n(vd: abc@gmail.com)", LOWER)],
        [_with(3, "Địa chỉ liên kết (https://...)", UPPER), LOWER],
        [HEADER, ["", "(chọn trong danh sách)", "(theo mẫu)", "(https://facebook.com/...)", "(Họ, tên)", "(10 số)"]],
        [HEADER, ["", "VD: Xã A", "Mặt trận A", "https://www.facebook.com/abc", "Nguyễn Văn A", "0912345678"]],
    ]  # fmt: skip
    senders = dict(zip(ROUND.expected, heads, strict=False))
    outcome = run({f"2022-03-20/{sender}.xlsx": _list(sender, head) for sender, head in senders.items()})
    assert outcome.told() == []
    for sender in senders:
        for row, unit in zip(right_rows(sender), ROUND.expected[sender], strict=True):
            got = outcome.rows[unit.code]
            assert {key: got[key] for key in KEYS[1:]} == {key: row[key] for key in KEYS[1:]}, (sender, unit.name)


def _list(sender: str, head: list[list[str]]) -> bytes:
    title = [f"UBMTTQ {ROUND.submitting_units[sender].full_name}".upper()]
    rows = enumerate(right_rows(sender), start=1)
    return workbook_of([title, *head, *([number, *(row[key] or None for key in KEYS)] for number, row in rows)])


def test_data_in_a_row_is_no_example(run: Run) -> None:
    """A first row whose contacts are labelled is a row; one of a unit that is marked as an example is told."""
    sender = "101"
    rows = right_rows(sender)
    unit = ROUND.expected[sender][1]
    rows[0] |= {
        "leader_phone": "ĐT: 0912345678",
        "leader_email": "Email: a@gmail.com",
        "manager_phone": "SĐT (0987654321)",
    }
    rows[1] |= {"unit": f"VD: {unit.full_name}"}
    cells = [[number, *(row[key] or None for key in KEYS)] for number, row in enumerate(rows, start=1)]
    outcome = run({"2022-03-20/101.xlsx": workbook_of([["UBMTTQ HUYỆN ĐIỆN BIÊN ĐÔNG"], HEADER, *cells])})
    first = outcome.rows[sender]
    contacts = [first[key] for key in ("leader_phone", "leader_email", "manager_phone")]
    assert contacts == ["0912345678", "a@gmail.com", "0987654321"]
    assert ("2022-03-20/101.xlsx", "B4", "unit.unknown") in outcome.told()

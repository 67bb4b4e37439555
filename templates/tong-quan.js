// Tìm, lọc, sắp xếp trong bảng các đơn vị của trang tổng quan. Không có tệp này trang vẫn đầy đủ.
(function () {
  "use strict";
  var table = document.getElementById("bang"), body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
  var tools = document.getElementById("cong-cu"), input = document.getElementById("tim"), status = document.getElementById("dem");
  var collator = new Intl.Collator("vi", { numeric: true });
  function fold(text) {
    return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase().replace(/\s+/g, " ").trim();
  }
  var texts = rows.map(function (row) { return fold(row.textContent); });
  var buttons = Array.prototype.slice.call(document.querySelectorAll("#loc button")), state = "";
  function search() {
    var words = fold(input.value).split(" "), shown = 0;
    rows.forEach(function (row, place) {
      var found = (!state || row.dataset.status === state) && words.every(function (word) { return texts[place].indexOf(word) >= 0; });
      row.hidden = !found;
      if (found) { shown += 1; }
    });
    status.textContent = input.value || state ? status.dataset.text.replace("{n}", shown).replace("{all}", rows.length) : "";
  }
  input.addEventListener("input", search);
  buttons.forEach(function (button) {
    button.addEventListener("click", function () {
      state = button.dataset.status;
      buttons.forEach(function (other) { other.setAttribute("aria-pressed", String(other === button)); });
      search();
    });
  });
  tools.hidden = false;
  table.classList.add("sortable");
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  heads.forEach(function (head, place) {
    if (!head.dataset.sort) { return; }
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.dataset.label = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.slice().sort(function (a, b) {
        var one = a.cells[place].dataset.value, two = b.cells[place].dataset.value;
        var order = head.dataset.sort === "number" ? one - two : collator.compare(one, two);
        return down ? -order : order;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
}());

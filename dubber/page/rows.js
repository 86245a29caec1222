// The rows: finding, filtering and sorting them, and going to one.
"use strict";

const byId = (id) => document.getElementById(id);
const list = byId("lines");
const rows = [...document.querySelectorAll(".line")];
const severity = (row) => (row.classList.contains("bad") ? 2 : row.classList.contains("look") ? 1 : 0);
const folded = (text) => text.normalize("NFKC").toLocaleLowerCase();

// What rows are searched and sorted by, read once: ten thousand rows are read in a blink, but not at every key.
const known = new Map(rows.map((row, index) => [row, {
  index,
  start: Number(row.dataset.start),
  end: Number(row.dataset.end),
  factor: Number(row.dataset.factor || 0),
  onset: Math.abs(Number(row.dataset.onset || 0)),
  speaker: row.dataset.speaker,
  kinds: (row.dataset.kinds || "").split(" ").filter(Boolean),
  severity: severity(row),
  text: null,
}]));

function textOf(row) {
  const about = known.get(row);
  about.text ??= folded([".number", ".time", ".who", ".source", ".dub"]
    .map((part) => row.querySelector(part)?.textContent ?? "").join("\n"));
  return about.text;
}

const orders = {
  time: (a, b) => a.index - b.index,
  worst: (a, b) => b.severity - a.severity || b.kinds.length - a.kinds.length || a.index - b.index,
  factor: (a, b) => b.factor - a.factor || a.index - b.index,
  onset: (a, b) => b.onset - a.onset || a.index - b.index,
};

const CHUNK = 50;
let shown = rows;
const none = document.createElement("p");
none.className = "none";
none.textContent = "No line is like that.";

// Rows that are not shown are not in the document: what is left is quick to lay out.
function lay(wanted) {
  if (wanted.length === shown.length && wanted.every((row, index) => row === shown[index])) return;
  shown = wanted;
  const chunks = [];
  for (let at = 0; at < shown.length; at += CHUNK) {
    const chunk = document.createElement("ol");
    chunk.className = "chunk";
    chunk.append(...shown.slice(at, at + CHUNK));
    chunks.push(chunk);
  }
  list.replaceChildren(...(chunks.length ? chunks : [none]));
}

function arrange() {
  const words = folded(byId("find").value).split(/\s+/).filter(Boolean);
  const kind = byId("by-kind").value;
  const speaker = byId("by-speaker")?.selectedIndex > 0 ? byId("by-speaker").value : null;
  const first = orders[byId("order").value];
  lay(rows.filter((row) => {
    const about = known.get(row);
    return (!kind || (kind === "any" ? about.kinds.length > 0 : about.kinds.includes(kind)))
      && (speaker === null || about.speaker === speaker)
      && words.every((word) => textOf(row).includes(word));
  }).sort((a, b) => first(known.get(a), known.get(b))));
  const count = (number) => number.toLocaleString("en");
  byId("count").textContent = shown.length === rows.length
    ? `${count(rows.length)} ${rows.length === 1 ? "line" : "lines"}`
    : `${count(shown.length)} of ${count(rows.length)} lines`;
}

let pending = 0;
function arrangeSoon() {
  clearTimeout(pending);
  pending = setTimeout(arrange, 120);
}

// A row may be filtered away when it is asked for: then all rows are shown again.
function goTo(row) {
  if (!row) return;
  if (!row.isConnected) {
    byId("find").value = "";
    byId("by-kind").value = "";
    if (byId("by-speaker")) byId("by-speaker").selectedIndex = 0;
    arrange();
  }
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}

// The line spoken at a time, or else the nearest one.
function rowAt(time) {
  let best = null;
  let nearest = Infinity;
  for (const row of rows) {
    const { start, end } = known.get(row);
    const away = Math.max(start - time, time - end, 0);
    if (away < nearest) [best, nearest] = [row, away];
  }
  return best;
}

byId("find").addEventListener("input", arrangeSoon);
for (const id of ["by-kind", "by-speaker", "order"]) byId(id)?.addEventListener("change", arrange);

// The line under the pointer, where it is on a strip.
function rowUnder(event) {
  const strip = event.target.closest(".strip");
  if (!strip) return null;
  const box = strip.getBoundingClientRect();
  const from = Number(strip.dataset.from);
  const share = (event.clientX - box.left) / box.width;
  return rowAt(from + share * (Number(strip.dataset.to) - from));
}

byId("strips").addEventListener("click", (event) => goTo(rowUnder(event)));
byId("strips").addEventListener("mousemove", (event) => {
  const row = rowUnder(event);
  byId("strips").title = row
    ? [".time", ".who", ".source", ".dub"].map((part) => row.querySelector(part)?.textContent).filter(Boolean).join("\n")
    : "";
});

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#l"]');
  const button = event.target.closest("button");
  if (link) {
    const row = rows[Number(link.getAttribute("href").slice(2))];
    if (row) {
      event.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
      goTo(row);
    }
  } else if (button?.dataset.at) {
    goTo(rowAt(Number(button.dataset.at)));
  } else if (button?.dataset.kind) {
    byId("by-kind").value = button.dataset.kind;
    arrange();
    byId("every").scrollIntoView();
    byId("by-kind").focus({ preventScroll: true });
  }
});

document.documentElement.classList.add("alive");

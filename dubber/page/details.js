// What opens below a row: its history, takes, phrases, wordings and figures. Text is only ever set as text.

// The data of lines stands behind this script, so that a page of many clips can be used while they still arrive.
const told = new WeakMap();
function dataOf(row) {
  const block = byId(`d${known.get(row).index}`);
  if (!told.has(row) && block) told.set(row, JSON.parse(block.textContent));
  return told.get(row) ?? { late: true };
}

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const inSeconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const times = (factor) => `${factor.toFixed(2)}×`;
const clock = (ms) => `${Math.floor(ms / 3600000)}:${String(Math.floor(ms / 60000) % 60).padStart(2, "0")}:`
  + `${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
const between = ([start, end]) => `${clock(start)} – ${clock(end)}`;
const level = (lufs) => `${lufs.toFixed(1).replace("-", "−")} LUFS`;
const part = (title, ...children) => make("section", {}, make("h4", {}, title), ...children);
const anyText = (text) => make("bdi", {}, text);

function historyOf(steps) {
  return part("How it came to this", make("ol", { class: "history" }, ...steps.map((step) => {
    const figures = [
      step.natural_ms == null ? null : `natural ${inSeconds(step.natural_ms)}`,
      step.factor == null ? null : times(step.factor),
    ].filter(Boolean).join(", ");
    return make("li", {},
      make("b", {}, step.did), step.round ? ` in round ${step.round}` : "", figures ? `: ${figures}` : "",
      step.text ? make("bdi", {}, step.text) : null,
      step.told ? make("p", { dir: "auto" }, step.told) : null);
  })));
}

const SCORES = ["score", "length", "timbre", "emotion", "intelligibility"];

function takesOf(takes) {
  const columns = SCORES.filter((name) => takes.some((take) => take[name] != null));
  const doubts = takes.filter((take) => take.doubt);
  const parts = [...new Set(takes.map((take) => take.part))];
  const nameOf = (take) => (parts.length > 1 ? `${parts.indexOf(take.part) + 1} · ${take.seed}` : String(take.seed));
  // One take without a score says nothing that the row does not.
  if (!columns.length && !doubts.length && takes.length === parts.length) return null;
  const cell = (take, name) => make("td", {}, take[name] == null ? "–" : take[name].toFixed(2));
  return part(takes.length === 1 ? "Take" : "Takes",
    make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Takes" }, make("table", {},
      make("thead", {}, make("tr", {}, ...[parts.length > 1 ? "phrase · seed" : "seed", ...columns].map((name) => make("th", { scope: "col" }, name)), make("th"))),
      make("tbody", {}, ...takes.map((take) => make("tr", take.kept ? { class: "kept" } : {},
        make("td", {}, nameOf(take)), ...columns.map((name) => cell(take, name)),
        make("td", {}, take.kept ? "kept" : "")))))),
    doubts.length ? make("ul", {}, ...doubts.map((take) => make("li", { dir: "auto" }, `${nameOf(take)}: ${take.doubt}`))) : null);
}

function phrasesOf(phrases) {
  return part("Phrases", make("ol", {}, ...phrases.map((phrase) => make("li", {},
    anyText(phrase.text), make("p", {}, `${between(phrase.slot)}, natural ${inSeconds(phrase.natural_ms)}, ${times(phrase.factor)}`)))));
}

const listOf = (title, texts) => part(title, make("ul", {}, ...texts.map((text) => make("li", { dir: "auto" }, String(text)))));

function figuresOf(about) {
  const { estimate_ms: guess, emotion, manner } = about;
  const named = (emotion && typeof emotion === "object" ? Object.entries(emotion) : [])
    .map(([name, value]) => `${name} ${typeof value === "number" ? value.toFixed(2) : value}`).join(", ");
  const facts = [
    ["source", about.source && between(about.source)],
    ["slot", about.slot && between(about.slot)],
    ["natural length", about.natural_ms && inSeconds(about.natural_ms)],
    ["expected", guess && `${inSeconds(guess[1])}, ${inSeconds(guess[0])} to ${inSeconds(guess[2])}`],
    ["plan", about.flags?.join(", ")],
    ["loudness", about.dub_lufs != null && about.source_lufs != null && `${level(about.dub_lufs)} (source ${level(about.source_lufs)})`],
    ["gain", about.gain_db != null && `${about.gain_db.toFixed(1).replace("-", "−")} dB`],
    ["heard with", about.confidence != null && `${Math.round(about.confidence * 100)} % confidence`],
    ["manner", manner && String(manner)],
    ["emotion", named || (typeof emotion === "number" ? emotion.toFixed(2) : emotion)],
    ...Object.entries(about.voice ?? {}).filter(([, value]) => value !== null).map(([name, value]) => [name.replaceAll("_", " "), String(value)]),
  ].filter(([, value]) => value);
  return part("Figures", make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, value)])));
}

function detailsOf(row) {
  const about = dataOf(row);
  if (about.late) return make("div", { class: "more" }, "This page is still being read. Try again in a moment.");
  return make("div", { class: "more" },
    about.history ? historyOf(about.history) : null,
    about.takes ? takesOf(about.takes) : null,
    about.phrases ? phrasesOf(about.phrases) : null,
    about.faults ? listOf("What the translator’s checks say", about.faults) : null,
    about.wordings?.length > 1 ? listOf("Wordings", about.wordings) : null,
    figuresOf(about));
}

function toggle(row) {
  const button = row.querySelector('[data-do="open"]');
  const open = row.querySelector(".more");
  if (open) open.remove();
  else row.append(detailsOf(row));
  button.setAttribute("aria-expanded", String(!open));
}
